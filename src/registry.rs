//! The only file that names the provider features: from a provider's id to its crate.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubelease_core::{Capability, Catalog, PriceBook, Provider, ProviderId, Secret};
use kubelease_http::Toolkit;

use crate::config::Settings;
use crate::engine::Cloud;
use crate::simctl::Control;

/// Why a cloud cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// This binary was built without it.
    #[error("this kubelease was built without {0}")]
    NotBuilt(ProviderId),
    /// No credentials are set.
    #[error("no credentials for {provider}: set {}", env.join(" or "))]
    NoCredentials {
        /// Which cloud.
        provider: ProviderId,
        /// The variables that could hold them.
        env: &'static [&'static str],
    },
}

/// What one cloud's crate offers without credentials.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Which cloud.
    pub id: ProviderId,
    /// Facts about it.
    pub capability: fn() -> &'static Capability,
    /// What it costs, from the embedded price data.
    pub prices: fn() -> PriceBook,
    /// Sizes and regions from the embedded price data, for quotes without an account.
    pub catalog: fn() -> Catalog,
    /// Its vendor's own endpoint variable.
    endpoint_env: &'static str,
    open: fn(String, Secret, Toolkit) -> Arc<dyn Provider>,
    endpoint: &'static str,
}

/// Every cloud of this build, in the order in which they are always listed.
#[must_use]
pub fn entries() -> Vec<Entry> {
    vec![
        #[cfg(feature = "digitalocean")]
        Entry {
            id: ProviderId::DigitalOcean,
            capability: kubelease_digitalocean::capability,
            prices: kubelease_digitalocean::prices,
            catalog: kubelease_digitalocean::offline_catalog,
            endpoint_env: "DIGITALOCEAN_API_URL",
            open: |endpoint, token, tools| {
                kubelease_digitalocean::provider(
                    kubelease_digitalocean::Config { endpoint, token },
                    tools,
                )
            },
            endpoint: kubelease_digitalocean::DEFAULT_ENDPOINT,
        },
    ]
}

/// The entry of a cloud.
///
/// # Errors
/// When this build has none.
pub fn entry(id: ProviderId) -> Result<Entry, RegistryError> {
    entries()
        .into_iter()
        .find(|e| e.id == id)
        .ok_or(RegistryError::NotBuilt(id))
}

/// Where the clouds are when they are simulated.
#[derive(Clone, Debug, Default)]
pub struct SimEndpoints(BTreeMap<String, String>);

impl SimEndpoints {
    /// Asks the simulator.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn read(control: &Control) -> std::io::Result<Self> {
        let index = control.get("/")?;
        let pairs = index
            .get("endpoints")
            .and_then(serde_json::Value::as_object);
        let pairs = pairs.into_iter().flatten();
        Ok(Self(
            pairs
                .filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned())))
                .collect(),
        ))
    }
}

/// Opens a cloud with the credentials of the environment, or the simulator's. An endpoint that was named
/// for kubelease alone wins even then: a proxy in front of a simulated cloud.
///
/// # Errors
/// When it was not built in, or has no credentials.
pub fn open(
    id: ProviderId,
    settings: &Settings,
    sim: Option<&SimEndpoints>,
    tools: Toolkit,
) -> Result<Cloud, RegistryError> {
    let entry = entry(id)?;
    let env = (entry.capability)().credential_env;
    let ours = format!("KUBELEASE_{}_ENDPOINT", id.as_str().to_uppercase());
    let named = settings.env.get(&ours).map(str::to_owned);
    let simulated = sim.and_then(|s| s.0.get(id.as_str()).cloned());
    let token = match (settings.env.first(env), &simulated) {
        (Some((_, token)), _) => token,
        (None, Some(_)) => "simulated",
        (None, None) => return Err(RegistryError::NoCredentials { provider: id, env }),
    };
    let vendors = settings.env.get(entry.endpoint_env).map(str::to_owned);
    let endpoint = named
        .or(simulated)
        .or(vendors)
        .unwrap_or_else(|| entry.endpoint.to_owned());
    let provider = (entry.open)(endpoint, Secret::new(token), tools);
    Ok(Cloud {
        provider,
        prices: (entry.prices)(),
    })
}
