//! Where the API is and who we are there: values that the registry passes in. Reads no environment.

use kubelease_core::Secret;

/// The vendor's public API, without a version: paths carry it.
pub const DEFAULT_ENDPOINT: &str = "https://api.linode.com";

/// What it takes to open Linode.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL without `/v4`; [`DEFAULT_ENDPOINT`] unless it is a simulator or a proxy.
    pub endpoint: String,
    /// A personal access token; the scopes are in the README.
    pub token: Secret,
}
