//! Whether a project has room for an order in its region, asked before anything is created: Google's own
//! refusal comes minutes later, or looks like a missing permission. Decides on numbers only.

use kubelease_core::{Error, Kind, Order, ProviderId};
use serde_json::Value;

use crate::api::Api;
use crate::api::wire::{Quota, region_of};
use crate::prices::vcpus;

/// How much of a quota one node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Need {
    metric: &'static str,
    each: u32,
}

/// Refuses an order that does not fit. Quotas that cannot be read do not stop it: the API decides.
pub(super) async fn check(api: &Api, order: &Order, cluster: &Value) -> Result<(), Error> {
    let Some(config) = cluster["nodePools"][0].get("config") else {
        // An Autopilot cluster has the nodes that its pods ask for.
        return Ok(());
    };
    let region = region_of(&order.region);
    let Ok(known) = api.region(region).await else {
        return Ok(());
    };
    let needs = needs(order, config, &known.quotas);
    match needs
        .iter()
        .filter_map(|need| short(order, *need, &known.quotas))
        .min_by_key(|s| s.fits)
    {
        None => Ok(()),
        Some(short) => Err(refusal(&short, region, order)),
    }
}

fn needs(order: &Order, config: &Value, quotas: &[Quota]) -> Vec<Need> {
    let disk = config["diskSizeGb"]
        .as_u64()
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(100);
    // Spot nodes count against a quota of their own where the project has one.
    let apart = quotas
        .iter()
        .any(|q| q.metric == "PREEMPTIBLE_CPUS" && q.limit > 0);
    let cpus = if order.spot && apart {
        "PREEMPTIBLE_CPUS"
    } else {
        "CPUS"
    };
    let disks = match config["diskType"].as_str() {
        Some("pd-standard") => "DISKS_TOTAL_GB",
        _ => "SSD_TOTAL_GB",
    };
    vec![
        Need {
            metric: cpus,
            each: vcpus(&order.size),
        },
        Need {
            metric: "IN_USE_ADDRESSES",
            each: 1,
        },
        Need {
            metric: "INSTANCES",
            each: 1,
        },
        Need {
            metric: disks,
            each: disk,
        },
    ]
}

/// A quota that is too small.
#[derive(Debug)]
struct Short<'a> {
    quota: &'a Quota,
    need: u32,
    /// How many nodes would fit.
    fits: u32,
}

fn short<'a>(order: &Order, need: Need, quotas: &'a [Quota]) -> Option<Short<'a>> {
    let quota = quotas.iter().find(|q| q.metric == need.metric)?;
    let free = quota.limit.saturating_sub(quota.usage);
    let whole = need.each.saturating_mul(order.count);
    (whole > free).then(|| Short {
        quota,
        need: whole,
        fits: free / need.each.max(1),
    })
}

fn refusal(short: &Short<'_>, region: &str, order: &Order) -> Error {
    let Quota {
        metric,
        limit,
        usage,
    } = short.quota;
    let why = format!(
        "the quota {metric} of {region} is {limit} with {usage} in use; {} nodes of {} need {} more",
        order.count, order.size, short.need
    );
    let hint = match short.fits {
        0 => "use another --region, or see https://console.cloud.google.com/iam-admin/quotas"
            .to_owned(),
        n => format!(
            "the largest shape that fits has {n} node(s): set count = {n} in the profile, or use another --region"
        ),
    };
    Error::new(Kind::QuotaExceeded, "create cluster", why)
        .at(ProviderId::Gke)
        .hint(hint)
}
