//! The six clouds by name. Must hold nothing but the names and their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A cloud; the order is the order of the ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Google Kubernetes Engine.
    Gke,
    /// Amazon EKS.
    Eks,
    /// Azure Kubernetes Service.
    Aks,
    /// DigitalOcean Kubernetes.
    Digitalocean,
    /// Linode Kubernetes Engine.
    Linode,
    /// Vultr Kubernetes Engine.
    Vultr,
}

impl Provider {
    /// All of them, in the order of the ports.
    pub const ALL: [Self; 6] = [
        Self::Gke,
        Self::Eks,
        Self::Aks,
        Self::Digitalocean,
        Self::Linode,
        Self::Vultr,
    ];

    /// The id used in TOML, JSON and folder names.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Gke => "gke",
            Self::Eks => "eks",
            Self::Aks => "aks",
            Self::Digitalocean => "digitalocean",
            Self::Linode => "linode",
            Self::Vultr => "vultr",
        }
    }

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|p| *p == self).unwrap_or(0)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Provider {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || {
            format!("unknown provider {text:?}: use one of gke eks aks digitalocean linode vultr")
        };
        Self::ALL
            .into_iter()
            .find(|p| p.id() == text)
            .ok_or_else(known)
    }
}
