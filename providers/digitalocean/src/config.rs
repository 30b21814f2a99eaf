//! Where the API is and who we are there: values that the registry passes in. Reads no environment.

use kubelease_core::Secret;

/// The vendor's public API.
pub const DEFAULT_ENDPOINT: &str = "https://api.digitalocean.com";

/// What it takes to open DigitalOcean.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL without `/v2`; [`DEFAULT_ENDPOINT`] unless it is a simulator or a proxy.
    pub endpoint: String,
    /// A personal access token (`dop_v1_…`); the scopes are in the README.
    pub token: Secret,
}
