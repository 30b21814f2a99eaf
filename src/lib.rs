//! kubelease leases small practice Kubernetes clusters and returns them on schedule.
//!
//! # Architecture
//! One direction of data: profile → [`quote`] → lease, hold and plan in the [`ledger`] → [`engine`]
//! (find, create, poll, journal) → views ([`cli`]). The [`guard`] watches; there is one teardown path.
//! Clouds are crates behind `kubelease_core::Provider`, named only in [`registry`].
//!
//! # Invariants
//! - Nothing is created before the intent is committed; between two HTTP requests there is at most
//!   one ledger transaction.
//! - Time comes from a `Clock`, money is `Money`, secrets are `Secret`.
//! - Only [`cli::output`] prints. No command talks to a cloud around the engine.

pub mod bill;
pub mod chart;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credit;
pub mod duration;
pub mod engine;
pub mod env;
pub mod guard;
pub mod kubeapi;
pub mod kubeconfig;
pub mod ledger;
pub mod notify;
pub mod pricing;
pub mod profile;
pub mod quote;
pub mod registry;
pub mod simctl;
pub mod views;
