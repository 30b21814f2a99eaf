//! The one integration binary: real processes of kubelease against simulators on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::needless_pass_by_value,
    reason = "tests"
)]

mod action;
mod bad_days;
mod chaos;
mod ci;
mod cli;
mod conformance;
mod crash;
mod guard;
mod guards;
mod idle;
mod kubectl;
mod lives;
mod metrics;
mod money;
mod notify;
mod prism;
mod profiles;
mod schedule;
mod support;
mod tidy;
