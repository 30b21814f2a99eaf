//! Talking to a cloud's HTTP API, written once for six clouds.
//!
//! A call passes these layers, from the outside in. The order matters: the wrong one (authentication
//! outside the retry, say) repeats a request with a credential that has expired meanwhile.
//!
//! 1. trace and redact ([`trace`], [`redact`]): one event per attempt, nothing secret in it;
//! 2. overall deadline and retry ([`Client::send`], [`retry`]): only what is safe to repeat;
//! 3. rate limit ([`limit::Limited`]): per class, per attempt, waiting on the clock;
//! 4. time limit of the attempt ([`limit::TimeLimited`]);
//! 5. authentication ([`auth`]): fresh for every attempt;
//! 6. transport ([`transport`]): one request, one answer, no redirects.
//!
//! A cloud crate brings a [`Vendor`] (base URL, credentials, limits, [`answer::Classify`]) and marks
//! each [`Request`] with what a repetition does ([`Effect`]). It gets answers of the API or a
//! [`kubelease_core::Error`], never a proxy's page. Lists go through [`page::read_all`].
//!
//! Nothing here knows a vendor, reads the environment, or asks the system what time it is.
#![deny(missing_docs)]

pub mod answer;
pub mod auth;
mod client;
pub mod exact;
pub mod limit;
pub mod page;
pub mod redact;
pub mod request;
pub mod retry;
pub mod testing;
pub mod trace;
pub mod transport;

pub use answer::Refusal;
pub use auth::{Anonymous, Auth, Bearer, Token, TokenCache, TokenSource};
pub use client::{Client, Toolkit, Vendor};
pub use limit::Limit;
pub use page::{Listed, Page, read_all};
pub use request::{Effect, Expect, Method, Request, Response, encode};
pub use retry::Policy;
pub use trace::{Event, Observer, Silent};
pub use transport::{Failure, Reqwest, Transport};
