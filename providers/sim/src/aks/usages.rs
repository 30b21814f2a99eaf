//! What a subscription uses of its limits in a region.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, Refused, bare, refused};
use super::kinds::Kind;
use super::pool_wish::cores_used;
use super::{ME, catalog, paging};

fn region(call: &Call<'_>) -> Result<&'static str, Refused> {
    catalog::region(call.id(0)).ok_or_else(|| {
        let message = format!("The provided location '{}' is not available.", call.id(0));
        refused(400, "NoRegisteredProviderFound", message)
    })
}

fn row(desk: &Desk<'_>, name: &str, shown: &str, used: u64) -> Value {
    let limit = catalog::limit(desk.core.account(ME), name);
    json!({"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": shown}})
}

fn count(desk: &Desk<'_>, kind: Kind, region: &str) -> u64 {
    let here = desk
        .state
        .things
        .iter()
        .filter(|t| t.kind == kind && t.location == region);
    u64::try_from(here.count()).unwrap_or(u64::MAX)
}

pub(super) fn compute(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let region = region(call)?;
    let state = &*desk.state;
    let sets = count(desk, Kind::ScaleSet, region);
    let here = state.clusters.iter().filter(|c| c.location == region);
    let machines = here
        .flat_map(|c| &c.pools)
        .map(|p| p.nodes.len())
        .sum::<usize>();
    let machines =
        u64::try_from(machines).unwrap_or(u64::MAX) + count(desk, Kind::VirtualMachine, region);
    let mut rows = vec![
        row(
            desk,
            "cores",
            "Total Regional vCPUs",
            cores_used(state, region, None, false),
        ),
        row(desk, "virtualMachines", "Virtual Machines", machines),
        row(
            desk,
            "virtualMachineScaleSets",
            "Virtual Machine Scale Sets",
            sets,
        ),
        row(
            desk,
            "lowPriorityCores",
            "Total Regional Low-priority vCPUs",
            cores_used(state, region, None, true),
        ),
    ];
    for family in catalog::families() {
        let shown = format!("{} vCPUs", family.trim_start_matches("standard"));
        rows.push(row(
            desk,
            family,
            &shown,
            cores_used(state, region, Some(family), false),
        ));
    }
    paging::page(call, rows)
}

pub(super) fn network(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let region = region(call)?;
    let kinds = [
        ("PublicIPAddresses", "Public IP Addresses", Kind::PublicIp),
        ("LoadBalancers", "Load Balancers", Kind::LoadBalancer),
        ("VirtualNetworks", "Virtual Networks", Kind::Network),
        (
            "NetworkSecurityGroups",
            "Network Security Groups",
            Kind::SecurityGroup,
        ),
    ];
    let rows = kinds.map(|(name, shown, kind)| row(desk, name, shown, count(desk, kind, region)));
    paging::page(call, rows.to_vec())
}

/// Refuses one more public address when the region's limit is reached.
pub(super) fn address_fits(desk: &Desk<'_>, region: &str) -> Result<(), Refused> {
    let limit = catalog::limit(desk.core.account(ME), "PublicIPAddresses");
    if count(desk, Kind::PublicIp, region) < limit {
        return Ok(());
    }
    let message = format!(
        "Cannot create more than {limit} public IP addresses for this subscription in this region."
    );
    Err(bare(400, "PublicIPCountLimitReached", message))
}
