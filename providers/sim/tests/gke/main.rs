//! Google as its users meet it: over HTTP through a real socket, the clusters' own Kubernetes APIs over TLS, and the vendor's own client.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a broken connection is a failed test; stderr says what was not run"
)]

mod client;
mod clusters;
mod gcloud;
