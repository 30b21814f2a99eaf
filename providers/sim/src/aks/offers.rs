//! What can be had: machine sizes with what restricts them, Kubernetes versions, upgrades of a cluster.

use serde_json::{Map, Value, json};

use super::call::{Call, Desk, Outcome, one, refused};
use super::filter::Filter;
use super::prices::{PRICES, Size};
use super::{ME, catalog, clusters, paging};

/// All sizes in every region, or in the one of the filter. Only filtering by location is possible, says the specification.
pub(super) fn skus(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let filter = Filter::read(call.param("$filter").as_deref(), &["location"])?;
    let regions: Vec<&String> = PRICES
        .regions
        .iter()
        .filter(|r| filter.fits("location", r))
        .collect();
    let mut views = Vec::new();
    for region in regions {
        views.extend(catalog::sizes().map(|size| sku(desk, size, region)));
    }
    paging::page(call, views)
}

fn sku(desk: &Desk<'_>, size: &Size, region: &str) -> Value {
    let account = desk.core.account(ME);
    let sold_out = account.is_sold_out(region, &size.name);
    let blocked = json!({"type": "Location", "values": [region], "restrictionInfo": {"locations": [region]},
        "reasonCode": "NotAvailableForSubscription"});
    let restrictions = if sold_out { vec![blocked] } else { Vec::new() };
    let architecture = if size.arm { "Arm64" } else { "x64" };
    let burstable = size.name.starts_with("Standard_B");
    let words = [
        ("vCPUs", size.vcpus.to_string()),
        ("vCPUsAvailable", size.vcpus.to_string()),
        ("MemoryGB", size.memory_gib.to_string()),
        ("CpuArchitectureType", architecture.to_owned()),
        ("PremiumIO", "True".to_owned()),
        (
            "EphemeralOSDiskSupported",
            title(catalog::can_be_ephemeral(&size.name)),
        ),
        ("LowPriorityCapable", title(!burstable)),
        ("HyperVGenerations", "V1,V2".to_owned()),
    ];
    let capabilities: Vec<Value> = words
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    json!({"resourceType": "virtualMachines", "name": size.name, "tier": "Standard", "size": size.name.trim_start_matches("Standard_"),
        "family": catalog::family(&size.name), "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": capabilities, "restrictions": restrictions})
}

/// `True` or `False`, as the vendor writes capabilities.
fn title(yes: bool) -> String {
    if yes { "True" } else { "False" }.to_owned()
}

/// The list is `values`, and has no pages.
pub(super) fn versions(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if catalog::region(call.id(0)).is_none() {
        let message = format!("The provided location '{}' is not available.", call.id(0));
        return Err(refused(400, "LocationNotAvailableForResourceType", message));
    }
    let view = |(minor, patches, lts): &(&str, &[&str], bool)| {
        let plans = if *lts {
            json!(["AKSLongTermSupport"])
        } else {
            json!(["KubernetesOfficial", "AKSLongTermSupport"])
        };
        let patches: Map<String, Value> = patches
            .iter()
            .map(|p| {
                (
                    (*p).to_owned(),
                    json!({"upgrades": catalog::upgrades(p, *lts)}),
                )
            })
            .collect();
        let mut shown = json!({"version": minor, "capabilities": {"supportPlan": plans}, "isPreview": false, "patchVersions": patches});
        if *minor == catalog::DEFAULT_VERSION {
            shown["isDefault"] = json!(true);
        }
        shown
    };
    one(&json!({"values": catalog::VERSIONS.iter().map(view).collect::<Vec<_>>()}))
}

pub(super) fn upgrade_profile(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = clusters::find(desk.state, call)?;
    let lts = cluster.tier == "Premium";
    let profile = |name: Option<&str>, patch: &str| {
        let upgrades: Vec<Value> = catalog::upgrades(patch, lts)
            .iter()
            .map(|v| json!({"kubernetesVersion": v}))
            .collect();
        let mut shown =
            json!({"kubernetesVersion": patch, "osType": "Linux", "upgrades": upgrades});
        if let Some(name) = name {
            shown["name"] = json!(name);
        }
        shown
    };
    let pools: Vec<Value> = cluster
        .pools
        .iter()
        .map(|p| profile(Some(&p.name), &p.patch))
        .collect();
    let id = format!("{}/upgradeprofiles/default", cluster.id());
    one(
        &json!({"id": desk.state.full(&id), "name": "default", "type": "Microsoft.ContainerService/managedClusters/upgradeprofiles",
        "properties": {"controlPlaneProfile": profile(None, &cluster.patch), "agentPoolProfiles": pools}}),
    )
}
