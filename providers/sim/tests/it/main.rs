//! The simulator as its users meet it: over HTTP, through a real socket.

#![expect(clippy::unwrap_used, reason = "a broken connection is a failed test")]

mod clock;
mod clusters;
mod faults;
mod http;
mod state;
