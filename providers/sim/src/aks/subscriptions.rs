//! The subscription itself, its locations, and the registration of resource providers: a new subscription has none registered, and
//! no cluster can be made before `Microsoft.ContainerService` is.

use serde_json::{Value, json};

use super::call::{Call, Desk, Outcome, one, refused};
use super::life::{self, Event};
use super::prices::PRICES;
use super::state::same;
use super::{ME, admit, catalog, paging};

/// The namespaces that can be registered, with some of their types.
const NAMESPACES: &[(&str, &[&str])] = &[
    (
        "Microsoft.ContainerService",
        &["managedClusters", "locations/kubernetesVersions"],
    ),
    (
        "Microsoft.Compute",
        &[
            "disks",
            "virtualMachineScaleSets",
            "virtualMachines",
            "snapshots",
        ],
    ),
    (
        "Microsoft.Network",
        &[
            "publicIPAddresses",
            "loadBalancers",
            "virtualNetworks",
            "networkSecurityGroups",
        ],
    ),
    ("Microsoft.ManagedIdentity", &["userAssignedIdentities"]),
    ("Microsoft.Storage", &["storageAccounts"]),
    ("Microsoft.OperationsManagement", &["solutions"]),
    ("Microsoft.OperationalInsights", &["workspaces"]),
    ("Microsoft.Insights", &["components"]),
    ("Microsoft.CostManagement", &["query"]),
];
/// Registered in every subscription.
const ALWAYS: [&str; 3] = [
    "microsoft.resources",
    "microsoft.authorization",
    "microsoft.billing",
];

fn view(desk: &Desk<'_>) -> Value {
    let account = desk.core.account(ME);
    let id = desk.state.subscription();
    // Only offers with a credit have a spending limit.
    let limit = if catalog::is_free_trial(account) {
        "On"
    } else {
        "Off"
    };
    json!({"id": format!("/subscriptions/{id}"), "subscriptionId": id, "tenantId": "5eed0000-0000-4000-8000-00000000007e",
        "displayName": "Simulated subscription", "state": admit::state(desk), "authorizationSource": "RoleBased",
        "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": catalog::plan(account), "spendingLimit": limit}})
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    paging::page(call, vec![view(desk)])
}

pub(super) fn get(desk: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    one(&view(desk))
}

pub(super) fn locations(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = desk.state.subscription();
    let view = |region: &String| json!({"id": format!("/subscriptions/{id}/locations/{region}"), "name": region, "displayName": region, "type": "Region"});
    paging::page(call, PRICES.regions.iter().map(view).collect())
}

fn provider_view(desk: &Desk<'_>, namespace: &str, types: &[&str]) -> Value {
    let lower = namespace.to_lowercase();
    let state = if desk.state.registered.contains(&lower) || ALWAYS.contains(&lower.as_str()) {
        "Registered"
    } else if desk.state.registering.contains(&lower) {
        "Registering"
    } else {
        "NotRegistered"
    };
    let types: Vec<Value> = types.iter().map(|t| json!({"resourceType": t, "locations": PRICES.regions, "apiVersions": ["2025-10-01"]})).collect();
    json!({"id": format!("/subscriptions/{}/providers/{namespace}", desk.state.subscription()), "namespace": namespace,
        "registrationState": state, "registrationPolicy": "RegistrationRequired", "resourceTypes": types})
}

pub(super) fn providers(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let views = NAMESPACES
        .iter()
        .map(|(name, types)| provider_view(desk, name, types))
        .collect();
    paging::page(call, views)
}

pub(super) fn provider(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.id(0);
    if let Some((name, types)) = NAMESPACES.iter().find(|(n, _)| same(n, name)) {
        return one(&provider_view(desk, name, types));
    }
    if ALWAYS.contains(&name.to_lowercase().as_str()) {
        return one(&provider_view(desk, name, &[]));
    }
    let message = format!("The resource namespace '{name}' is invalid.");
    Err(refused(404, "InvalidResourceNamespace", message))
}

pub(super) fn register(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let namespace = call.id(0).to_lowercase();
    let known = NAMESPACES.iter().any(|(n, _)| same(n, &namespace));
    if known && desk.state.registering.insert(namespace.clone()) && !call.request.never_ready {
        desk.core
            .schedule(ME, life::REGISTERED, &Event::Registered { namespace });
    }
    provider(desk, call)
}
