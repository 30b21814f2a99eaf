//! Where the API is and who we are there: values that the registry passes in. Reads no environment.

use kubelease_core::{PriceBook, Secret};

/// The vendor's public API.
pub const DEFAULT_ENDPOINT: &str = "https://api.vultr.com";

/// What it takes to open Vultr.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL without `/v2`; [`DEFAULT_ENDPOINT`] unless it is a simulator or a proxy.
    pub endpoint: String,
    /// An API key; its permissions and its list of addresses are in the README.
    pub token: Secret,
    /// What it charges, as far as the registry knows: a plan is offered only where this is no less than the
    /// vendor asks.
    pub prices: PriceBook,
}
