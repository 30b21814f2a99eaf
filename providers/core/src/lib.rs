//! The contract between kubelease and a cloud. Types and traits only: nothing here does I/O, sleeps,
//! or knows a vendor.
//!
//! # Add a cloud
//! One folder, one registry line, one simulator module; the conformance suite says when it is done.
//!
//! 1. **Read** the vendor's API description and write down what differs: how an owner tag can be held,
//!    what a delete leaves behind, how time is billed, what "ready" means. These become the crate's
//!    `README.md` and its [`Capability`].
//! 2. **Make** `providers/<id>` (the id of [`ProviderId`]) with the same files as every cloud:
//!    `lib.rs` (docs, and a [`Provider`] that only delegates), `config.rs` (endpoint and credentials as
//!    values), `auth.rs`, `api.rs` (wire types, requests, `classify`), `steps.rs` (plan, find, create,
//!    poll), `inspect.rs` (catalog, account, state, access), `sweep.rs` (kinds in delete order with the
//!    reason; owned, destroy), `prices.rs` and `data/prices.toml`.
//! 3. **Requests** go through `kubelease_http::Client`: it has the deadline, retries, rate limit, auth,
//!    redaction and paging. Say of each request whether it creates or removes: such a request is never
//!    sent twice behind the engine's back. `classify` turns the vendor's errors into [`Kind`]s; only the
//!    vendor's own words make a `NotFound`.
//! 4. **Steps**: `plan` is pure and fixes all names. `find` looks by owner tag, never by name alone.
//!    `create` sends at most one creating request. `poll` says pending, ready or failed.
//! 5. **What exists**: `owned` lists every kind that costs money or is ours, concurrently, and says whether
//!    the listing is complete. A thing is ours by its own tag, by its cluster's, or by a recorded id
//!    ([`Scope::lease_of`]); everything else has no owner and is never touched. `blocked_by` gives the
//!    order of removal. `billed` says from when the vendor bills it.
//! 6. **Money**: `prices()` turns the price file into a [`PriceBook`] of [`Rule`]s, each with source and
//!    date; `fresh_prices()` asks the vendor's price API for new numbers of them, read from the JSON text
//!    ([`dollars`]), never through a float. If none of the rules fits, add one to [`billing`], with the vendor's documented example as a
//!    test, and write it a second time, from the vendor's text, in the simulator's meter.
//! 7. **Register** it: one entry in `src/registry.rs`, one feature and one optional dependency in
//!    `Cargo.toml`, one module in `providers/sim` written from the vendor's specification by somebody who
//!    has not read your crate.
//! 8. **Prove** it: `cargo test --test it conformance` runs every case for every registered cloud, and
//!    `crash` kills a create and a teardown at every request.
//!
//! ```
//! use kubelease_core::{ItemKind, Money, Price, PriceBook, Purchase, Rule};
//!
//! // A price with its rule and its source, looked up as the quote and the ledger do.
//! let hourly: Money = "0.018".parse()?;
//! let rule = Rule::StartedHour { price: hourly, hours: 1, cap: Some("12".parse()?), full_at: None, per_gib: false };
//! let mut prices = PriceBook::default();
//! let price = Price { rule, source: "vendor's list".into(), as_of: "2026-11".into() };
//! prices.insert(ItemKind::Node, "small", "*", Purchase::OnDemand, price);
//! let found = prices.find(ItemKind::Node, "small", "anywhere", Purchase::OnDemand);
//! assert_eq!(found.map(|p| p.rule.hourly()), Some(hourly));
//! # Ok::<(), kubelease_core::money::MoneyError>(())
//! ```
#![deny(missing_docs)]

pub mod billing;
pub mod capability;
pub mod catalog;
pub mod clock;
pub mod error;
pub mod ids;
pub mod money;
pub mod provider;
pub mod refresh;
pub mod secret;

pub use billing::{Billed, ItemKind, Price, Purchase, Rule, Span};
pub use capability::{BilledDisk, Capability, CreditEnd, NameRule, Standing};
pub use catalog::{Catalog, PriceBook, Region, Size, Version};
pub use clock::{Clock, ManualClock};
pub use error::{Error, Kind, Transience};
pub use ids::{LeaseId, OwnerTag, ProviderId, Ref};
pub use money::Money;
pub use provider::{
    Access, Account, ClaimedVolume, ClusterState, Credential, CreditReading, Health, LeaseView,
    Limit, Listing, Order, Owned, Progress, Provider, Removal, Scope, Step, StepAt, told_end,
};
pub use refresh::{Asked, Fresh, Refreshed, Refused, dollars};
pub use secret::Secret;
