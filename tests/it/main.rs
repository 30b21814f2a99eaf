//! The one integration binary: real processes of kubelease against simulators on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod chaos;
mod conformance;
mod crash;
mod guard;
mod money;
mod support;
