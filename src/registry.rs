//! The only file that names the provider features: from a provider's id to its crate.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubelease_core::{Capability, Catalog, Error, PriceBook, Provider, ProviderId, Secret};
use kubelease_http::Toolkit;

use crate::config::Settings;
use crate::engine::Cloud;
use crate::env::Env;
use crate::ledger::PriceRow;
use crate::pricing::overlay;
use crate::simctl::Control;

/// Why a cloud cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// This binary was built without it.
    #[error("this kubelease was built without {0}")]
    NotBuilt(ProviderId),
    /// The credentials are not complete.
    #[error(transparent)]
    Credentials(Error),
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
    open: fn(Opening<'_>) -> Result<Arc<dyn Provider>, RegistryError>,
}

/// What a cloud is opened with.
struct Opening<'a> {
    capability: &'static Capability,
    provider: ProviderId,
    env: &'a Env,
    /// Stronger than the vendor's own variables: the simulator's, or one that was named for kubelease alone.
    endpoint: Option<String>,
    /// Made-up credentials will do.
    simulated: bool,
    /// What it charges: a price API's newest answers over the embedded prices.
    #[cfg_attr(
        not(feature = "vultr"),
        expect(dead_code, reason = "only Vultr's catalog compares prices")
    )]
    prices: &'a PriceBook,
    tools: Toolkit,
}

#[cfg(any(feature = "gke", feature = "eks", feature = "aks"))]
/// How a crate reads its configuration: by looking variables up, with the endpoint that all its services
/// are at, and whether made-up credentials will do.
type ReadConfig<T> = fn(&dyn Fn(&str) -> Option<String>, Option<&str>, bool) -> Result<T, Error>;

#[cfg_attr(
    not(any(feature = "digitalocean", feature = "linode", feature = "vultr")),
    expect(dead_code, reason = "only clouds with one token need it")
)]
impl Opening<'_> {
    /// The token of the first credential variable that is set.
    fn token(&self) -> Result<Secret, RegistryError> {
        let names = self.capability.credential_env;
        match self.env.first(names) {
            Some((_, token)) => Ok(Secret::new(token)),
            None if self.simulated => Ok(Secret::new("simulated")),
            None => Err(RegistryError::NoCredentials {
                provider: self.provider,
                env: names,
            }),
        }
    }

    #[cfg(any(feature = "gke", feature = "eks", feature = "aks"))]
    /// The configuration of a cloud whose credentials are more than one token.
    fn read<T>(&self, read: ReadConfig<T>) -> Result<T, RegistryError> {
        let look = |name: &str| self.env.get(name).map(str::to_owned);
        read(&look, self.endpoint.as_deref(), self.simulated).map_err(RegistryError::Credentials)
    }

    /// Where the cloud is, by the vendor's own variable if nothing stronger says.
    fn endpoint(&self, vendors: Option<&str>, usual: &str) -> String {
        let vendors = vendors.and_then(|name| self.env.get(name));
        let named = self.endpoint.as_deref().or(vendors);
        named.unwrap_or(usual).to_owned()
    }
}

/// Every cloud of this build, in the order in which they are always listed.
#[must_use]
pub fn entries() -> Vec<Entry> {
    vec![
        #[cfg(feature = "gke")]
        Entry {
            id: ProviderId::Gke,
            capability: kubelease_gke::capability,
            prices: kubelease_gke::prices,
            catalog: kubelease_gke::offline_catalog,
            open: |with| {
                let config = with.read(kubelease_gke::Config::read)?;
                Ok(kubelease_gke::provider(config, with.tools))
            },
        },
        #[cfg(feature = "eks")]
        Entry {
            id: ProviderId::Eks,
            capability: kubelease_eks::capability,
            prices: kubelease_eks::prices,
            catalog: kubelease_eks::offline_catalog,
            open: |with| {
                let config = with.read(kubelease_eks::Config::read)?;
                Ok(kubelease_eks::provider(config, with.tools))
            },
        },
        #[cfg(feature = "aks")]
        Entry {
            id: ProviderId::Aks,
            capability: kubelease_aks::capability,
            prices: kubelease_aks::prices,
            catalog: kubelease_aks::offline_catalog,
            open: |with| {
                let config = with.read(kubelease_aks::Config::read)?;
                Ok(kubelease_aks::provider(config, with.tools))
            },
        },
        #[cfg(feature = "digitalocean")]
        Entry {
            id: ProviderId::DigitalOcean,
            capability: kubelease_digitalocean::capability,
            prices: kubelease_digitalocean::prices,
            catalog: kubelease_digitalocean::offline_catalog,
            open: |with| {
                let config = kubelease_digitalocean::Config {
                    endpoint: with.endpoint(
                        Some("DIGITALOCEAN_API_URL"),
                        kubelease_digitalocean::DEFAULT_ENDPOINT,
                    ),
                    token: with.token()?,
                };
                Ok(kubelease_digitalocean::provider(config, with.tools))
            },
        },
        #[cfg(feature = "linode")]
        Entry {
            id: ProviderId::Linode,
            capability: kubelease_linode::capability,
            prices: kubelease_linode::prices,
            catalog: kubelease_linode::offline_catalog,
            open: |with| {
                let config = kubelease_linode::Config {
                    endpoint: with.endpoint(Some("LINODE_URL"), kubelease_linode::DEFAULT_ENDPOINT),
                    token: with.token()?,
                };
                Ok(kubelease_linode::provider(config, with.tools))
            },
        },
        #[cfg(feature = "vultr")]
        Entry {
            id: ProviderId::Vultr,
            capability: kubelease_vultr::capability,
            prices: kubelease_vultr::prices,
            catalog: kubelease_vultr::offline_catalog,
            open: |with| {
                let config = kubelease_vultr::Config {
                    endpoint: with.endpoint(None, kubelease_vultr::DEFAULT_ENDPOINT),
                    token: with.token()?,
                    prices: with.prices.clone(),
                };
                Ok(kubelease_vultr::provider(config, with.tools))
            },
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
/// for kubelease alone wins even then: a proxy in front of a simulated cloud. `stored` are the newest
/// prices of the ledger.
///
/// # Errors
/// When it was not built in, or has no credentials.
pub fn open(
    id: ProviderId,
    settings: &Settings,
    sim: Option<&SimEndpoints>,
    stored: &[PriceRow],
    tools: Toolkit,
) -> Result<Cloud, RegistryError> {
    let entry = entry(id)?;
    let mut prices = (entry.prices)();
    overlay(&mut prices, id, stored);
    let ours = format!("KUBELEASE_{}_ENDPOINT", id.as_str().to_uppercase());
    let named = settings.env.get(&ours).map(str::to_owned);
    let simulated = sim.and_then(|s| s.0.get(id.as_str()).cloned());
    let provider = (entry.open)(Opening {
        capability: (entry.capability)(),
        provider: id,
        env: &settings.env,
        simulated: simulated.is_some(),
        endpoint: named.or(simulated),
        prices: &prices,
        tools,
    })?;
    Ok(Cloud { provider, prices })
}
