//! Parse, run, print the error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS stack for everything: rustls with ring. Only a second call could fail.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    ExitCode::from(kubelease::cli::main())
}
