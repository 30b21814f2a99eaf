//! Linode as its users meet it: over HTTP through a real socket, and the clusters' own Kubernetes APIs over TLS.

#![expect(clippy::unwrap_used, reason = "a broken connection is a failed test")]

mod client;
mod clusters;
mod faults;
