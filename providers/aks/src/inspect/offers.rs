//! What clusters can be made of, as this subscription sees it: a size is offered where nothing forbids
//! it and the quotas leave room for one node. What is offered, in the order of price, is the list of
//! fallbacks that a quote goes through.

use futures_util::future::join_all;
use kubelease_core::{Catalog, Error, Kind, ProviderId, Region, Size, Version};

use crate::api::Api;
use crate::api::offers::{MachineSku, OfferedVersion, Quotas};
use crate::prices::{self, DEFAULT_REGION, REGIONS};

/// Sizes, regions and versions with our prices.
pub(crate) async fn catalog(api: &Api) -> Result<Catalog, Error> {
    let (versions, looks) = tokio::join!(
        api.versions(DEFAULT_REGION),
        join_all(REGIONS.map(|(region, _)| look(api, region))),
    );
    let mut regions = Vec::new();
    let mut open: Vec<(&str, Here)> = Vec::new();
    let mut trouble = None;
    for ((slug, name), look) in REGIONS.into_iter().zip(looks) {
        regions.push(Region {
            slug: slug.to_owned(),
            name: name.to_owned(),
            available: look.is_ok(),
        });
        match look {
            Ok(here) => open.push((slug, here)),
            Err(error) => trouble = Some(trouble.unwrap_or(error)),
        }
    }
    // A region that refuses us is closed; if all do, that is no catalog.
    if let (Some(error), true) = (trouble, open.is_empty()) {
        return Err(error);
    }
    let mut sizes = prices::sizes();
    for size in &mut sizes {
        size.regions = offered_in(size, &open);
        size.available = !size.regions.is_empty();
    }
    Ok(Catalog {
        provider: ProviderId::Aks,
        regions,
        sizes,
        versions: newest_first(&versions?.values),
        prices: prices::prices(),
    })
}

/// What a region has for this subscription.
#[derive(Debug)]
struct Here {
    /// None when they cannot be read for now: then all are offered, and the create itself tells.
    machines: Option<Vec<MachineSku>>,
    /// None when they cannot be read: then nothing is left out for them.
    quotas: Option<Quotas>,
}

async fn look(api: &Api, region: &str) -> Result<Here, Error> {
    let (machines, quotas) = tokio::join!(api.machines(region), api.quotas(region));
    Ok(Here {
        machines: match machines {
            Ok(machines) => Some(machines),
            Err(error) if error.is_temporary() => None,
            Err(error) => return Err(error),
        },
        quotas: match quotas {
            Ok(quotas) => Some(quotas),
            Err(error) if error.kind == Kind::Unauthenticated => return Err(error),
            Err(_) => None,
        },
    })
}

fn offered_in(size: &Size, open: &[(&str, Here)]) -> Vec<String> {
    let has = |(_, here): &&(&str, Here)| here.offers(size);
    let slugs = open.iter().filter(has);
    slugs.map(|(region, _)| (*region).to_owned()).collect()
}

impl Here {
    /// Whether one node of that size may start here.
    fn offers(&self, size: &Size) -> bool {
        let is = |m: &&MachineSku| {
            m.resource_type.eq_ignore_ascii_case("virtualMachines")
                && m.name.eq_ignore_ascii_case(&size.slug)
        };
        let Some(machines) = &self.machines else {
            return true;
        };
        let Some(machine) = machines.iter().find(is) else {
            return false;
        };
        let need = machine.vcpus().unwrap_or(size.cpu);
        let room = |name: &str| {
            let left = self.quotas.as_ref().and_then(|q| q.left(name));
            left.is_none_or(|(left, _)| left >= need)
        };
        machine.is_open() && room("cores") && room(&machine.family)
    }
}

/// Versions that need the paid long-term support are left out: a cluster of ours cannot have them.
fn newest_first(offered: &[OfferedVersion]) -> Vec<Version> {
    let supported = |v: &&OfferedVersion| {
        let plans = v.capabilities.as_ref().map(|c| c.support_plan.as_slice());
        plans.is_none_or(|p| p.is_empty() || p.iter().any(|p| p == "KubernetesOfficial"))
    };
    let mut all: Vec<&OfferedVersion> = offered.iter().filter(supported).collect();
    all.sort_by_key(|v| std::cmp::Reverse(numbers(&v.version)));
    let read = |v: &OfferedVersion| Version {
        slug: v.version.clone(),
        minor: v.version.clone(),
        standard: v.is_preview != Some(true),
    };
    all.into_iter().map(read).collect()
}

/// `1.35` is 1, 35.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|n| n.parse().ok()).collect()
}
