//! The registry: which module plays which cloud. Adding a cloud is one line here.

use crate::cloud::Cloud;
use crate::core::Core;
use crate::digitalocean::DigitalOcean;
use crate::provider::Provider;

/// Every cloud in the order of [`Provider::ALL`], with empty accounts.
#[must_use]
pub(crate) fn all(core: &Core) -> Vec<Box<dyn Cloud>> {
    let cloud = |provider| -> Box<dyn Cloud> {
        match provider {
            Provider::Aks => Box::new(crate::aks::Aks::new()),
            Provider::Digitalocean => Box::new(DigitalOcean::new(core)),
            Provider::Eks => Box::new(crate::eks::Eks::new()),
            Provider::Gke => Box::new(crate::gke::Gke::new()),
            Provider::Linode => Box::new(crate::linode::Linode::new()),
            Provider::Vultr => Box::new(crate::vultr::Vultr::new()),
        }
    };
    Provider::ALL.into_iter().map(cloud).collect()
}
