//! The one integration binary: real processes of kubelease against simulators on loopback.
#![expect(clippy::unwrap_used, reason = "tests")]

mod chaos;
mod crash;
mod support;
