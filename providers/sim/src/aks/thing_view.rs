//! How things look on the wire, alone and in the list of all resources. Must not change anything.

use serde_json::{Value, json};

use super::call::stamp;
use super::kinds::Kind;
use super::state::{Cluster, Pool, State, Thing};

fn provisioning(thing: &Thing) -> &'static str {
    if thing.deleting {
        "Deleting"
    } else {
        "Succeeded"
    }
}

/// A thing without its properties, as in the list of all resources.
pub(super) fn brief(state: &State, thing: &Thing) -> Value {
    let mut shown = json!({"id": state.full(&thing.id()), "name": thing.name, "type": thing.kind.type_name(), "location": thing.location,
        "tags": thing.tags});
    if let Some(sku) = sku(state, thing) {
        shown["sku"] = sku;
    }
    if thing.kind == Kind::Disk
        && let Some(by) = &thing.used_by
    {
        shown["managedBy"] = json!(state.full(by));
    }
    shown
}

fn sku(state: &State, thing: &Thing) -> Option<Value> {
    match thing.kind {
        Kind::Disk => {
            let tier = if thing.sku.starts_with("Premium") {
                "Premium"
            } else {
                "Standard"
            };
            Some(json!({"name": thing.sku, "tier": tier}))
        }
        Kind::ScaleSet => {
            let nodes = pool_of(state, thing).map_or(0, |(_, p)| p.nodes.len());
            Some(json!({"name": thing.sku, "tier": "Standard", "capacity": nodes}))
        }
        Kind::PublicIp | Kind::LoadBalancer => {
            Some(json!({"name": "Standard", "tier": "Regional"}))
        }
        _ => None,
    }
}

/// The pool a scale set is for.
fn pool_of<'a>(state: &'a State, set: &Thing) -> Option<(&'a Cluster, &'a Pool)> {
    let id = set.id();
    let mut all = state.clusters.iter();
    all.find_map(|c| Some((c, c.pools.iter().find(|p| c.scale_set_id(p) == id)?)))
}

/// A thing with its properties.
pub(super) fn full(state: &State, thing: &Thing) -> Value {
    let mut shown = brief(state, thing);
    let mut properties = match thing.kind {
        Kind::Disk | Kind::Snapshot => disk(thing),
        Kind::PublicIp => address(state, thing),
        Kind::LoadBalancer => balancer(state, thing),
        Kind::ScaleSet => scale_set(state, thing),
        Kind::VirtualMachine => {
            json!({"hardwareProfile": {"vmSize": thing.sku}, "timeCreated": stamp(thing.created_at)})
        }
        Kind::Network => json!({"addressSpace": {"addressPrefixes": ["10.224.0.0/12"]},
            "subnets": [{"name": "aks-subnet", "properties": {"addressPrefix": "10.224.0.0/16"}}]}),
        Kind::SecurityGroup => json!({"securityRules": []}),
        Kind::NetworkInterface | Kind::Watcher | Kind::Identity => json!({}),
    };
    properties["provisioningState"] = json!(provisioning(thing));
    shown["properties"] = properties;
    shown
}

fn disk(thing: &Thing) -> Value {
    let attached = if thing.used_by.is_some() {
        "Attached"
    } else {
        "Unattached"
    };
    let made_from = if thing.boot { "FromImage" } else { "Empty" };
    let mut shown = json!({"diskSizeGB": thing.gib, "diskState": attached, "timeCreated": stamp(thing.created_at),
        "creationData": {"createOption": made_from}, "networkAccessPolicy": "AllowAll"});
    if thing.boot {
        shown["osType"] = json!("Linux");
    }
    shown
}

fn address(state: &State, thing: &Thing) -> Value {
    let mut shown = json!({"ipAddress": thing.ip, "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4", "idleTimeoutInMinutes": 4});
    if let Some(by) = &thing.used_by {
        let front = format!("{by}/frontendIPConfigurations/{}", thing.name);
        shown["ipConfiguration"] = json!({"id": state.full(&front)});
    }
    shown
}

fn balancer(state: &State, thing: &Thing) -> Value {
    let id = thing.id();
    let uses = |t: &&Thing| t.kind == Kind::PublicIp && t.used_by.as_deref() == Some(id.as_str());
    let front = |t: &Thing| {
        let id = format!("{id}/frontendIPConfigurations/{}", t.name);
        json!({"id": state.full(&id), "name": t.name, "properties": {"publicIPAddress": {"id": state.full(&t.id())}}})
    };
    let fronts: Vec<Value> = state.things.iter().filter(uses).map(front).collect();
    let rule = |port: u16, service: &str| json!({"name": format!("{}-TCP-{port}", front_name(service)), "properties": {"frontendPort": port, "protocol": "Tcp"}});
    let (outbound, inbound): (Vec<_>, Vec<_>) = thing
        .rules
        .iter()
        .partition(|(service, _)| service.is_empty());
    let rules: Vec<Value> = inbound
        .iter()
        .map(|(service, port)| rule(*port, service))
        .collect();
    let outbound: Vec<Value> = outbound
        .iter()
        .map(|_| json!({"name": "aksOutboundRule", "properties": {"protocol": "All"}}))
        .collect();
    json!({"frontendIPConfigurations": fronts, "backendAddressPools": [{"name": "aksOutboundBackendPool"}, {"name": "kubernetes"}],
        "loadBalancingRules": rules, "outboundRules": outbound})
}

/// What the cloud controller manager calls a Service: `a` and its uid without hyphens, 32 characters.
pub(super) fn front_name(service: &str) -> String {
    let plain: String = service.chars().filter(|c| *c != '-').collect();
    format!("a{plain}").chars().take(32).collect()
}

fn scale_set(state: &State, thing: &Thing) -> Value {
    let spot = pool_of(state, thing).is_some_and(|(_, p)| p.spot);
    let priority = if spot { "Spot" } else { "Regular" };
    json!({"timeCreated": stamp(thing.created_at), "orchestrationMode": "Uniform", "virtualMachineProfile": {"priority": priority}})
}

/// The instances of a scale set.
pub(super) fn machines(state: &State, set: &Thing) -> Vec<Value> {
    let Some((cluster, pool)) = pool_of(state, set) else {
        return Vec::new();
    };
    let view = |node: &super::state::Node| {
        let id = state.full(&cluster.machine_id(pool, node));
        let provisioning = if node.ready { "Succeeded" } else { "Creating" };
        json!({"id": id, "name": format!("{}_{}", set.name, node.instance), "instanceId": node.instance.to_string(),
            "type": "Microsoft.Compute/virtualMachineScaleSets/virtualMachines", "location": set.location, "tags": set.tags,
            "sku": {"name": pool.size, "tier": "Standard"},
            "properties": {"provisioningState": provisioning, "timeCreated": stamp(node.created_at),
                "osProfile": {"computerName": cluster.node_name(pool, node)}}})
    };
    pool.nodes.iter().map(view).collect()
}
