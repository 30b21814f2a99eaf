//! The machines behind nodes: how they come and go, with their disks, interfaces and addresses, and what the cluster's Kubernetes API is told
//! about them. Must not answer requests.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kubelease_sim_kube::NodeSpec;
use serde_json::{Value, json};

use super::call::{Desk, Tags};
use super::ec2_make::{self, InterfaceWish, Wish};
use super::life::{self, Event};
use super::state::{Belongs, Cluster, Kind, Part, Thing};
use super::wire::{iso, list, text, texts};
use super::{ME, catalog, prices, quotas};

/// What the machines of a node group are like.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) size: String,
    pub(super) spot: bool,
    pub(super) disk: u64,
    pub(super) disk_kind: String,
    /// Tags by resource type, from the launch template.
    pub(super) tags: BTreeMap<String, Tags>,
}

/// The shape that a node group asks for, with the first type that can be had.
pub(super) fn shape(desk: &Desk<'_>, group: &Part, size: &str) -> Shape {
    let template = &group.doc["launchTemplate"];
    let found = desk
        .state
        .of(Kind::LaunchTemplate)
        .find(|t| t.id == text(template, "id"));
    let data = found.map_or(Value::Null, |t| t.doc["_data"].clone());
    let disk = list(&data["BlockDeviceMappings"])
        .first()
        .map_or(Value::Null, |d| d["Ebs"].clone());
    let gib = number(&disk["VolumeSize"])
        .or_else(|| number(&group.doc["diskSize"]))
        .unwrap_or(20);
    let kind = if text(&disk, "VolumeType").is_empty() {
        "gp3"
    } else {
        text(&disk, "VolumeType")
    };
    let tags = list(&data["TagSpecifications"]);
    Shape {
        size: size.to_owned(),
        spot: group.text("capacityType") == "SPOT",
        disk: gib,
        disk_kind: kind.to_owned(),
        tags: tags
            .iter()
            .map(|t| {
                (
                    text(t, "ResourceType").to_owned(),
                    super::call::tags_of(&t["Tags"]),
                )
            })
            .collect(),
    }
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Why no machine of any wanted type can start now: the words of the scaling activity.
pub(super) fn launchable(
    desk: &Desk<'_>,
    group: &Part,
    region: &str,
) -> Result<String, (&'static str, String)> {
    let account = desk.core.account(ME);
    let free = account.plan.as_deref() == Some("FREE");
    let spot = group.text("capacityType") == "SPOT";
    let mut why = ("AsgInstanceLaunchFailures", "No instance type.".to_owned());
    for size in texts(&group.doc["instanceTypes"]) {
        let zone = format!(
            "We currently do not have sufficient {size} capacity in the Availability Zone you requested. Launching EC2 instance failed."
        );
        if free && !catalog::FREE_TYPES.contains(&size.as_str()) {
            why.1 = "InvalidParameterCombination - The specified instance type is not eligible for Free Tier. For a list of Free Tier instance types, run 'describe-instance-types' with the filter 'free-tier-eligible=true'. Launching EC2 instance failed.".to_owned();
        } else if account.is_sold_out(region, &size) {
            why.1 = format!("Could not launch instances. InsufficientInstanceCapacity - {zone}");
        } else if prices::size(&size)
            .is_some_and(|s| !quotas::has_room(desk, region, spot, s.vcpus))
        {
            why.1 = quotas::refusal(spot);
        } else {
            return Ok(size);
        }
    }
    Err(why)
}

/// Whether a machine is being ended.
pub(super) fn is_going(instance: &Thing) -> bool {
    matches!(
        text(&instance.doc["instanceState"], "name"),
        "shutting-down" | "terminated"
    )
}

/// The machines of a node group that are not being ended, oldest first.
pub(super) fn of_group(desk: &Desk<'_>, cluster: &str, group: &str) -> Vec<String> {
    let own = |t: &&Thing| {
        t.belongs.cluster.as_deref() == Some(cluster) && t.text("_group") == group && !is_going(t)
    };
    desk.state
        .of(Kind::Instance)
        .filter(own)
        .map(|t| t.id.clone())
        .collect()
}

/// Starts a machine for a node group, with its disk, interface and address; all are billed from now on.
pub(super) fn launch(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    group: &Part,
    shape: &Shape,
    place: usize,
) -> String {
    let subnets = texts(&group.doc["subnets"]);
    let subnet = subnets
        .get(place % subnets.len().max(1))
        .cloned()
        .unwrap_or_default();
    let Some(net) = desk.state.thing(&subnet).cloned() else {
        return String::new();
    };
    let belongs = cluster.belongings();
    let mut tags = shape.tags.get("instance").cloned().unwrap_or_default();
    for (key, value) in [
        ("eks:cluster-name", cluster.name.as_str()),
        ("eks:nodegroup-name", &group.name),
        (&format!("kubernetes.io/cluster/{}", cluster.name), "owned"),
    ] {
        tags.insert(key.to_owned(), value.to_owned());
    }
    let doc = json!({"instanceType": shape.size, "instanceState": {"code": 16, "name": "running"}, "launchTime": iso(desk.core.now()), "vpcId": net.doc["vpcId"], "subnetId": subnet,
        "placement": {"availabilityZone": net.doc["availabilityZone"], "tenancy": "default"}, "imageId": "ami-0a1b2c3d4e5f60718", "amiLaunchIndex": 0,
        "instanceLifecycle": shape.spot.then_some("spot"), "architecture": prices::size(&shape.size).map(prices::Size::arch), "rootDeviceType": "ebs", "rootDeviceName": "/dev/xvda",
        "cpuOptions": prices::size(&shape.size).map(prices::Size::cores),
        "hypervisor": "xen", "virtualizationType": "hvm", "monitoring": {"state": "disabled"}, "_group": group.name, "_stuck": group.stuck});
    let wish = Wish {
        kind: Kind::Instance,
        region: cluster.region.clone(),
        tags,
        belongs: belongs.clone(),
        doc,
    };
    let id = ec2_make::make(desk, wish);
    let billed = if shape.spot {
        format!("{} spot", shape.size)
    } else {
        shape.size.clone()
    };
    desk.bill(&id, ("node", &billed, 1), &cluster.region, &belongs);
    furnish(desk, cluster, shape, (&id, &net));
    id
}

/// Gives a machine its first interface and its boot disk.
fn furnish(desk: &mut Desk<'_>, cluster: &Cluster, shape: &Shape, (id, net): (&str, &Thing)) {
    let interface = InterfaceWish {
        subnet: net.id.clone(),
        groups: vec![cluster.security_group().to_owned()],
        instance: Some((id.to_owned(), 0)),
        public: net.doc["mapPublicIpOnLaunch"] == true,
        tags: shape
            .tags
            .get("network-interface")
            .cloned()
            .unwrap_or_default(),
        belongs: cluster.belongings(),
        ..InterfaceWish::default()
    };
    let eni = ec2_make::interface(desk, interface);
    let seen = desk
        .state
        .thing(&eni)
        .map_or(Value::Null, |t| t.doc.clone());
    let zone = net.text("availabilityZone").to_owned();
    let tags = shape.tags.get("volume").cloned().unwrap_or_default();
    let disk = ec2_make::volume(
        desk,
        &zone,
        shape.disk,
        &shape.disk_kind,
        tags,
        &cluster.belongings(),
        true,
    );
    ec2_make::attach(desk, &disk, Some(id), "/dev/xvda", true);
    if let Some(machine) = desk.state.thing_mut(id) {
        let private = text(&seen, "privateIpAddress").to_owned();
        machine.doc["privateDnsName"] =
            json!(format!("ip-{}.ec2.internal", private.replace('.', "-")));
        machine.doc["ipAddress"] = seen["association"]["publicIp"].clone();
        machine.doc["privateIpAddress"] = json!(private);
        machine.doc["groupSet"] = seen["groupSet"].clone();
        machine.doc["blockDeviceMapping"] = json!([{"deviceName": "/dev/xvda", "ebs": {"volumeId": disk, "status": "attached", "deleteOnTermination": true}}]);
    }
}

/// The network plugin of a node that works takes a second interface, for pods.
pub(super) fn joined(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(machine) = desk.state.thing_mut(id) else {
        return;
    };
    if is_going_doc(&machine.doc) || machine.doc["_stuck"] == true || machine.doc["_ready"] == true
    {
        return;
    }
    machine.doc["_ready"] = json!(true);
    let (subnet, belongs) = (machine.text("subnetId").to_owned(), machine.belongs.clone());
    let key = belongs.cluster.clone().unwrap_or_default();
    let Some(cluster) = desk.state.by_key(&key) else {
        return;
    };
    let tags: Tags = [
        (
            "node.k8s.amazonaws.com/instance_id".to_owned(),
            id.to_owned(),
        ),
        (
            "node.k8s.amazonaws.com/createdAt".to_owned(),
            now.to_rfc3339(),
        ),
        (
            "cluster.k8s.amazonaws.com/name".to_owned(),
            cluster.name.clone(),
        ),
        ("eks:kubernetes-cni-node-name".to_owned(), id.to_owned()),
    ]
    .into();
    let wish = InterfaceWish {
        subnet,
        description: format!("aws-K8S-{id}"),
        groups: vec![cluster.security_group().to_owned()],
        instance: Some((id.to_owned(), 1)),
        tags,
        belongs,
        ..InterfaceWish::default()
    };
    ec2_make::interface(desk, wish);
    tell_nodes(desk, &key);
    super::addons::look_again(desk, &key);
}

fn is_going_doc(doc: &Value) -> bool {
    matches!(
        text(&doc["instanceState"], "name"),
        "shutting-down" | "terminated"
    )
}

/// A machine is to go: its bill ends now, with those of its disk and address.
pub(super) fn retire(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(machine) = desk
        .state
        .thing_mut(id)
        .filter(|t| t.kind == Kind::Instance && !is_going_doc(&t.doc))
    else {
        return;
    };
    machine.doc["instanceState"] = json!({"code": 32, "name": "shutting-down"});
    let when = now.format("%Y-%m-%d %H:%M:%S GMT");
    machine.doc["reason"] = json!(format!("User initiated ({when})"));
    machine.doc["stateReason"] = json!({"code": "Client.UserInitiatedShutdown", "message": "Client.UserInitiatedShutdown: User initiated shutdown"});
    machine.doc["_ready"] = json!(false);
    let key = machine.belongs.cluster.clone().unwrap_or_default();
    desk.stop_bill(id);
    let attached: Vec<String> = desk
        .state
        .things
        .iter()
        .filter(|t| goes_with(t, id))
        .map(|t| t.id.clone())
        .collect();
    for thing in attached {
        desk.stop_bill(&thing);
    }
    desk.core.schedule(
        ME,
        life::MACHINE_GONE,
        &Event::MachineGone {
            instance: id.to_owned(),
        },
    );
    tell_nodes(desk, &key);
}

/// Whether something ends with a machine: its first interface, its boot disk.
fn goes_with(thing: &Thing, machine: &str) -> bool {
    let attachments = match thing.kind {
        Kind::NetworkInterface => vec![thing.doc["attachment"].clone()],
        Kind::Volume => list(&thing.doc["attachmentSet"]),
        _ => return false,
    };
    attachments
        .iter()
        .any(|a| a["instanceId"] == machine && a["deleteOnTermination"] == true)
}

/// It is gone. Volumes of claims are free again. The plugin's interface is removed by the plugin of another node; those of the last nodes stay
/// behind, free (the worse case of aws-k8s-tester PR 416 and vpc-cni 608 is played).
pub(super) fn gone(desk: &mut Desk<'_>, id: &str) {
    let Some(machine) = desk.state.thing(id).cloned() else {
        return;
    };
    desk.state.things.retain(|t| !goes_with(t, id));
    let others = desk
        .state
        .of(Kind::Instance)
        .any(|t| t.belongs.cluster == machine.belongs.cluster && t.doc["_ready"] == true);
    let mut swept = Vec::new();
    for thing in &mut desk.state.things {
        if thing.kind == Kind::Volume
            && list(&thing.doc["attachmentSet"])
                .iter()
                .any(|a| a["instanceId"] == id)
        {
            thing.doc["attachmentSet"] = json!([]);
            thing.doc["status"] = json!("available");
        }
        if thing.kind == Kind::NetworkInterface && thing.doc["attachment"]["instanceId"] == id {
            thing.doc["attachment"] = Value::Null;
            thing.doc["status"] = json!("available");
            if others {
                swept.push(thing.id.clone());
            }
        }
    }
    desk.state.things.retain(|t| !swept.contains(&t.id));
    if let Some(machine) = desk.state.thing_mut(id) {
        machine.doc["instanceState"] = json!({"code": 48, "name": "terminated"});
    }
    // Terminated machines are listed for about an hour.
    desk.core.schedule(
        ME,
        TimeDelta::hours(1),
        &Event::MachineForgotten {
            instance: id.to_owned(),
        },
    );
}

/// Gives the cluster's Kubernetes API the nodes it has now.
pub(super) fn tell_nodes(desk: &mut Desk<'_>, key: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.by_key(key).cloned() else {
        return;
    };
    let own = |t: &&Thing| t.belongs.cluster.as_deref() == Some(key) && t.doc["_ready"] == true;
    let specs: Vec<NodeSpec> = desk
        .state
        .of(Kind::Instance)
        .filter(own)
        .map(|i| node_spec(&cluster, i))
        .collect();
    if let Some(api) = desk.core.kube.api(key) {
        api.set_git_version(&catalog::git_version(cluster.version()));
        api.set_nodes(&specs, now);
    }
}

fn node_spec(cluster: &Cluster, machine: &Thing) -> NodeSpec {
    let size = machine.text("instanceType");
    let (vcpus, memory) = prices::size(size).map_or((2, 2048), |s| (s.vcpus, s.memory_mib));
    let group = cluster
        .groups
        .iter()
        .find(|g| g.name == machine.text("_group"));
    let zone = text(&machine.doc["placement"], "availabilityZone").to_owned();
    let capacity = group.map_or("ON_DEMAND", |g| g.text("capacityType"));
    let mut labels: BTreeMap<String, String> = [
        ("eks.amazonaws.com/nodegroup", machine.text("_group")),
        ("eks.amazonaws.com/capacityType", capacity),
        ("node.kubernetes.io/instance-type", size),
        ("topology.kubernetes.io/region", cluster.region.as_str()),
        ("topology.kubernetes.io/zone", zone.as_str()),
        ("topology.ebs.csi.aws.com/zone", zone.as_str()),
    ]
    .into_iter()
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .collect();
    if let Some(own) = group.and_then(|g| g.doc["labels"].as_object()) {
        labels.extend(
            own.iter()
                .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())),
        );
    }
    NodeSpec {
        name: machine.text("privateDnsName").to_owned(),
        ready: true,
        cpu_millis: vcpus * 1_000,
        memory_mib: memory,
        pods: 3 * (catalog::addresses(size) - 1) + 2,
        labels,
        provider_id: format!("aws:///{zone}/{}", machine.id),
        internal_ip: machine.text("privateIpAddress").to_owned(),
        external_ip: machine.doc["ipAddress"].as_str().map(str::to_owned),
        created_at: machine.created_at,
        git_version: catalog::git_version(group.map_or(cluster.version(), |g| g.text("version"))),
    }
}

/// A machine of somebody else, without a cluster.
pub(super) fn lone(desk: &mut Desk<'_>, name: &str, region: &str, size: &str, mut tags: Tags) {
    tags.insert("Name".to_owned(), name.to_owned());
    let belongs = Belongs {
        foreign: true,
        ..Belongs::default()
    };
    let doc = json!({"instanceType": size, "instanceState": {"code": 16, "name": "running"}, "launchTime": iso(desk.core.now()), "vpcId": "vpc-default",
        "placement": {"availabilityZone": format!("{region}a"), "tenancy": "default"}, "imageId": "ami-0a1b2c3d4e5f60718", "amiLaunchIndex": 0, "monitoring": {"state": "disabled"}});
    let id = ec2_make::make(
        desk,
        Wish {
            kind: Kind::Instance,
            region: region.to_owned(),
            tags,
            belongs: belongs.clone(),
            doc,
        },
    );
    desk.bill(&id, ("node", size, 1), region, &belongs);
}
