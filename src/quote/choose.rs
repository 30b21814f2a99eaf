//! Which region, version, purchase and size fit the wish, and whether the account has room. Pure.

use kubelease_core::{ItemKind, Money, Purchase, Size};

use super::{Inputs, NoQuote};
use crate::profile::{SpotWish, VersionWish};

pub(super) fn region(inputs: &Inputs<'_>) -> Result<String, NoQuote> {
    let provider = inputs.catalog.provider;
    let ours = inputs
        .profile
        .provider
        .get(&provider)
        .and_then(|o| o.region.as_deref());
    let wanted = inputs
        .region
        .or(ours)
        .unwrap_or(inputs.capability.default_region);
    let open = || {
        let slugs = inputs
            .catalog
            .regions
            .iter()
            .filter(|r| r.available)
            .map(|r| r.slug.as_str());
        slugs.collect::<Vec<_>>().join(", ")
    };
    match inputs.catalog.regions.iter().find(|r| r.slug == wanted) {
        Some(region) if region.available => Ok(wanted.to_owned()),
        Some(_) => Err(NoQuote::wish(
            format!("{provider} takes no new clusters in `{wanted}` now"),
            format!("use --region with one of {}", open()),
        )),
        None => Err(NoQuote::wish(
            format!("{provider} has no region `{wanted}`"),
            format!("use --region with one of {}", open()),
        )),
    }
}

pub(super) fn version(inputs: &Inputs<'_>) -> Result<String, NoQuote> {
    let versions = &inputs.catalog.versions;
    let found = match &inputs.profile.kubernetes {
        VersionWish::Stable => versions.iter().find(|v| v.standard),
        VersionWish::Minor(minor) => versions.iter().find(|v| v.minor == *minor),
    };
    found.map(|v| v.slug.clone()).ok_or_else(|| {
        let minors: Vec<_> = versions.iter().map(|v| v.minor.as_str()).collect();
        let wanted = match &inputs.profile.kubernetes {
            VersionWish::Stable => "in standard support",
            VersionWish::Minor(minor) => minor,
        };
        NoQuote::wish(
            format!("{} offers no Kubernetes {wanted}", inputs.catalog.provider),
            format!(
                "set kubernetes = \"stable\" or one of {}",
                minors.join(", ")
            ),
        )
    })
}

pub(super) fn spot(inputs: &Inputs<'_>) -> Result<bool, NoQuote> {
    match inputs.profile.nodes.spot {
        SpotWish::Never => Ok(false),
        SpotWish::Prefer => Ok(inputs.capability.spot),
        SpotWish::Require if inputs.capability.spot => Ok(true),
        SpotWish::Require => Err(NoQuote::wish(
            format!(
                "{} sells no spare capacity, and the profile requires it",
                inputs.catalog.provider
            ),
            "set spot = \"prefer\" in the profile, or take another --provider",
        )),
    }
}

pub(super) fn purchase(spot: bool) -> Purchase {
    if spot {
        Purchase::Spot
    } else {
        Purchase::OnDemand
    }
}

/// The cheapest size that fits, or the one that the profile names.
pub(super) fn size(inputs: &Inputs<'_>, region: &str, spot: bool) -> Result<Size, NoQuote> {
    let provider = inputs.catalog.provider;
    let nodes = &inputs.profile.nodes;
    let here =
        |s: &&Size| s.available && (s.regions.is_empty() || s.regions.iter().any(|r| r == region));
    let price = |s: &Size| {
        let row = inputs
            .catalog
            .prices
            .find(ItemKind::Node, &s.slug, region, purchase(spot));
        row.map(|p| p.rule.hourly())
    };
    if let Some(named) = inputs
        .profile
        .provider
        .get(&provider)
        .and_then(|o| o.size.as_deref())
    {
        let found = inputs
            .catalog
            .sizes
            .iter()
            .filter(here)
            .find(|s| s.slug == named);
        return found
            .filter(|s| price(s).is_some())
            .cloned()
            .ok_or_else(|| {
                let known: Vec<_> = inputs
                    .catalog
                    .sizes
                    .iter()
                    .filter(here)
                    .map(|s| s.slug.as_str())
                    .collect();
                NoQuote::wish(
                    format!("{provider} has no size `{named}` with a known price in {region}"),
                    format!("use one of {}", known.join(", ")),
                )
            });
    }
    let fits = |s: &&Size| {
        let disk = s.disk_gib == 0 || nodes.disk_gib.is_none_or(|d| s.disk_gib >= d);
        s.cpu >= nodes.cpu && s.memory_mib >= nodes.memory_mib && disk
    };
    let mut fitting: Vec<(Money, &Size)> = inputs
        .catalog
        .sizes
        .iter()
        .filter(here)
        .filter(fits)
        .filter_map(|s| Some((price(s)?, s)))
        .collect();
    // The same price: the larger one, then the name, so that the choice is always the same.
    fitting.sort_by(|(a, x), (b, y)| {
        (a, y.memory_mib, y.cpu, &x.slug).cmp(&(b, x.memory_mib, x.cpu, &y.slug))
    });
    fitting.first().map(|(_, s)| (*s).clone()).ok_or_else(|| {
        let largest = inputs
            .catalog
            .sizes
            .iter()
            .filter(here)
            .filter(|s| price(s).is_some())
            .max_by_key(|s| (s.cpu, s.memory_mib));
        let hint = largest.map_or_else(
            || "try another --region".to_owned(),
            |s| {
                format!(
                    "the largest there is {} with {} CPUs and {} GiB",
                    s.slug,
                    s.cpu,
                    s.memory_mib / 1024
                )
            },
        );
        NoQuote::wish(
            format!(
                "no size of {provider} in {region} has {} CPUs and {} MiB of memory",
                nodes.cpu, nodes.memory_mib
            ),
            hint,
        )
    })
}
