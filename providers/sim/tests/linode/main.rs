//! Linode as its users meet it: over HTTP through a real socket, and the clusters' own Kubernetes APIs over TLS.

#![expect(clippy::unwrap_used, reason = "a broken connection is a failed test")]
#![expect(clippy::print_stderr, reason = "a judge that is absent must be seen")]

mod cli;
mod client;
mod clusters;
mod faults;
