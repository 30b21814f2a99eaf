//! Making and removing things of the compute API: machines with their disks, groups, the furniture of a cluster.
//! Must not answer requests nor know an event.

use serde_json::{Map, Value, json};

use super::bill::SPOT;
use super::call::Desk;
use super::catalog;
use super::kinds::Kind;
use super::machines;
use super::state::{Belongs, Cluster, Labels, Machine, Pool, Scope, Thing};

/// A thing that may be made.
#[derive(Debug)]
pub(super) struct ThingWish {
    pub(super) kind: Kind,
    pub(super) scope: Scope,
    pub(super) name: String,
    pub(super) labels: Labels,
    pub(super) fields: Map<String, Value>,
    pub(super) belongs: Belongs,
}

/// The object a `json!` made.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// So many hexadecimal digits that stand for a text, always the same ones (FNV, mixed).
pub(super) fn digits(text: &str, count: usize) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let seed = text.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    let parts = (0..4_u64).map(|n| format!("{:016x}", crate::ids::mix(seed ^ n)));
    let mut all: String = parts.collect();
    all.truncate(count);
    all
}

/// Makes a thing that is not billed by itself; its id.
pub(super) fn make(desk: &mut Desk<'_>, wish: ThingWish) -> u64 {
    let id = desk.core.ids.number();
    desk.state.things.push(Thing {
        id,
        kind: wish.kind,
        scope: wish.scope,
        name: wish.name,
        created_at: desk.core.now(),
        labels: wish.labels,
        fields: wish.fields,
        belongs: wish.belongs,
        service: None,
        boot: false,
        going: false,
    });
    id
}

/// Makes a machine with its boot disk; their bills and that of the address start now. `wish.fields` holds `networkIP` and `natIP`.
pub(super) fn machine(desk: &mut Desk<'_>, wish: &ThingWish, machine: &Machine) -> u64 {
    let zone = wish.scope.place().to_owned();
    let disk = ThingWish {
        kind: Kind::Disks,
        scope: wish.scope.clone(),
        name: wish.name.clone(),
        labels: wish.labels.clone(),
        fields: disk_fields(&zone, &machine.disk_type, machine.disk_gib),
        belongs: wish.belongs.clone(),
    };
    let owner = owner(wish);
    let disk = make(desk, disk);
    if let Some(disk) = desk.state.thing_mut(disk) {
        disk.boot = true;
    }
    let what = ("boot_disk", machine.disk_type.as_str(), machine.disk_gib);
    desk.bill(&disk.to_string(), what, &zone, owner.clone());
    let instance = ThingWish {
        kind: Kind::Instances,
        scope: wish.scope.clone(),
        name: wish.name.clone(),
        labels: wish.labels.clone(),
        fields: instance_fields(wish, machine),
        belongs: wish.belongs.clone(),
    };
    let id = make(desk, instance);
    let (size, address) = if machine.spot {
        (format!("{}{SPOT}", machine.size), "in-use-spot-vm")
    } else {
        (machine.size.clone(), "in-use")
    };
    desk.bill(&id.to_string(), ("node", &size, 1), &zone, owner.clone());
    desk.bill(&format!("{id}/ipv4"), ("ipv4", address, 1), &zone, owner);
    id
}

fn owner(wish: &ThingWish) -> Option<String> {
    let own = super::state::owner_of(&wish.labels);
    own.or_else(|| wish.belongs.owner.clone())
        .filter(|_| !wish.belongs.foreign)
}

/// A disk as the compute API shows it.
pub(super) fn disk_fields(zone: &str, disk_type: &str, gib: u64) -> Map<String, Value> {
    object(json!({
        "sizeGb": gib.to_string(), "status": "READY", "physicalBlockSizeBytes": "4096",
        "type": format!("@/zones/{zone}/diskTypes/{disk_type}"),
    }))
}

fn instance_fields(wish: &ThingWish, machine: &Machine) -> Map<String, Value> {
    let zone = wish.scope.place();
    let region = catalog::region_of(zone);
    let mut given = wish.fields.clone();
    let mut take = |name: &str| given.remove(name).unwrap_or_default();
    let (inside, outside) = (take("networkIP"), take("natIP"));
    let mut fields = object(json!({
        "status": "RUNNING", "cpuPlatform": "Intel Broadwell", "canIpForward": false, "deletionProtection": false,
        "machineType": format!("@/zones/{zone}/machineTypes/{}", machine.size),
        "disks": [{
            "kind": "compute#attachedDisk", "type": "PERSISTENT", "mode": "READ_WRITE", "boot": true, "autoDelete": true, "index": 0,
            "deviceName": "persistent-disk-0", "diskSizeGb": machine.disk_gib.to_string(),
            "source": format!("@/zones/{zone}/disks/{}", wish.name),
        }],
        "networkInterfaces": [{
            "kind": "compute#networkInterface", "name": "nic0", "networkIP": inside,
            "network": "@/global/networks/default", "subnetwork": format!("@/regions/{region}/subnetworks/default"),
            "accessConfigs": [{"kind": "compute#accessConfig", "type": "ONE_TO_ONE_NAT", "name": "external-nat", "natIP": outside, "networkTier": "PREMIUM"}],
        }],
        "scheduling": {
            "preemptible": machine.spot, "provisioningModel": if machine.spot { "SPOT" } else { "STANDARD" },
            "automaticRestart": !machine.spot, "onHostMaintenance": if machine.spot { "TERMINATE" } else { "MIGRATE" },
        },
    }));
    fields.extend(given);
    fields
}

/// The group, its manager and the template of a pool in each of its zones.
pub(super) fn groups(desk: &mut Desk<'_>, cluster: &Cluster, pool: &Pool) {
    for zone in &pool.zones {
        let stem = machines::stem(cluster, &pool.name, zone);
        let scope = Scope::Zone(zone.clone());
        let base = |kind, scope: &Scope, name: &str, fields: Value| ThingWish {
            kind,
            scope: scope.clone(),
            name: name.to_owned(),
            labels: Labels::new(),
            fields: object(fields),
            belongs: cluster.belongings(),
        };
        let group = format!("{stem}-grp");
        let template = json!({"properties": {"machineType": pool.machine.size, "labels": pool.machine.labels}});
        let manager = json!({
            "baseInstanceName": stem, "targetSize": pool.size, "status": {"isStable": true},
            "instanceGroup": format!("@/zones/{zone}/instanceGroups/{group}"),
            "instanceTemplate": format!("@/global/instanceTemplates/{stem}"),
        });
        let members = json!({"size": pool.size, "network": "@/global/networks/default"});
        make(
            desk,
            base(Kind::InstanceTemplates, &Scope::Global, &stem, template),
        );
        make(desk, base(Kind::InstanceGroups, &scope, &group, members));
        make(
            desk,
            base(Kind::InstanceGroupManagers, &scope, &group, manager),
        );
    }
}

/// Says how large the groups of a pool are.
pub(super) fn size_groups(desk: &mut Desk<'_>, cluster: &Cluster, pool: &str, size: u64) {
    let Some(found) = cluster.pool(pool) else {
        return;
    };
    for zone in &found.zones {
        let name = format!("{}-grp", machines::stem(cluster, pool, zone));
        for thing in desk.state.things.iter_mut().filter(|t| t.name == name) {
            let field = match thing.kind {
                Kind::InstanceGroups => "size",
                _ => "targetSize",
            };
            thing.fields.insert(field.to_owned(), size.into());
        }
    }
}

/// Removes the groups of a pool.
pub(super) fn remove_groups(desk: &mut Desk<'_>, cluster: &Cluster, pool: &str) {
    let Some(found) = cluster.pool(pool) else {
        return;
    };
    for zone in &found.zones {
        let stem = machines::stem(cluster, pool, zone);
        let group = format!("{stem}-grp");
        let of_pool = |t: &Thing| match t.kind {
            Kind::InstanceTemplates => t.name == stem,
            Kind::InstanceGroups | Kind::InstanceGroupManagers => t.name == group,
            _ => false,
        };
        desk.state.things.retain(|t| !of_pool(t));
    }
}

/// The firewalls and the route every new cluster gets.
pub(super) fn cluster_furniture(desk: &mut Desk<'_>, cluster: &Cluster) {
    let stem = format!("gke-{}-{}", cluster.name, cluster.hash());
    let firewall = |name: &str, allowed: Value, from: Value| ThingWish {
        kind: Kind::Firewalls,
        scope: Scope::Global,
        name: format!("{stem}-{name}"),
        labels: Labels::new(),
        fields: object(json!({
            "network": "@/global/networks/default", "priority": 1000, "direction": "INGRESS", "disabled": false,
            "allowed": allowed, "sourceRanges": from, "targetTags": [cluster.node_tag()],
        })),
        belongs: cluster.belongings(),
    };
    let all = json!([{"IPProtocol": "tcp"}, {"IPProtocol": "udp"}, {"IPProtocol": "icmp"}]);
    let kubelet = json!([{"IPProtocol": "tcp", "ports": ["10255"]}]);
    for wish in [
        firewall("all", all.clone(), json!(["10.2.0.0/16"])),
        firewall("exkubelet", kubelet.clone(), json!(["0.0.0.0/0"])),
        firewall("inkubelet", kubelet, json!(["10.2.0.0/16"])),
        firewall("vms", all, json!(["10.128.0.0/9"])),
    ] {
        make(desk, wish);
    }
}

/// Removes what Google itself made for a cluster; what its controllers made stays.
pub(super) fn remove_furniture(desk: &mut Desk<'_>, cluster: &str) {
    let own = |t: &Thing| {
        let kind = matches!(
            t.kind,
            Kind::InstanceGroupManagers | Kind::InstanceGroups | Kind::InstanceTemplates
        );
        let net = matches!(t.kind, Kind::Firewalls | Kind::Routes) && t.name.starts_with("gke-");
        t.belongs.cluster.as_deref() == Some(cluster) && (kind || net)
    };
    desk.state.things.retain(|t| !own(t));
}
