//! What the cluster's own controllers do in the account: the cloud controller makes load balancers for Services (classic ones unless asked for
//! network ones), the EBS driver makes volumes for claims. Once the cluster is deleted they do nothing more: what they made stays.

use std::collections::BTreeMap;

use kubelease_sim_kube::{
    BindingMode, Effect, Flavour, LbPort, ReclaimPolicy, StorageClassSpec, SystemWorkload,
};
use serde_json::{Value, json};

use super::call::{ACCOUNT, Desk, Tags};
use super::ec2_make::{self, Wish};
use super::elb::{self, BalancerWish};
use super::life::{self, Event};
use super::state::{Cluster, Kind};
use super::wire::texts;
use super::{ME, access, addons, machines};

const CSI_DRIVER: &str = "ebs.csi.aws.com";

/// What this service adds to a plain cluster: one class, not the default. The add-on's own class is there from the start (assumption: the
/// simulated cluster cannot be given classes later); it works once the driver does.
pub(super) fn flavour() -> Flavour {
    let class = |name: &str, default: bool, kind: &str| StorageClassSpec {
        name: name.to_owned(),
        provisioner: CSI_DRIVER.to_owned(),
        reclaim: ReclaimPolicy::Delete,
        binding: BindingMode::WaitForFirstConsumer,
        default,
        parameters: BTreeMap::from([("type".to_owned(), kind.to_owned())]),
    };
    let workload = |name: &str, image: &str| SystemWorkload {
        name: name.to_owned(),
        image: image.to_owned(),
        replicas: None,
        cpu_millis: 25,
        memory_mib: 40,
    };
    Flavour {
        storage_classes: vec![
            class("gp2", false, "gp2"),
            class("ebs-csi-default-sc", true, "gp3"),
        ],
        csi_driver: CSI_DRIVER.to_owned(),
        provider_id_prefix: "aws:///".to_owned(),
        system: vec![workload("aws-node", "amazon-k8s-cni:v1.21.1")],
        service_net: [10, 100],
        pod_net: [10, 43],
    }
}

/// Does what a cluster asks for.
pub(super) fn act(desk: &mut Desk<'_>, key: &str, effect: Effect) {
    let Some(cluster) = desk
        .state
        .by_key(key)
        .filter(|c| c.status() != "DELETING")
        .cloned()
    else {
        return;
    };
    let now = desk.core.now();
    match effect {
        Effect::EnsureLoadBalancer {
            service_uid,
            namespace,
            name,
            ports,
            annotations,
        } => {
            let service = Service {
                uid: service_uid,
                place: format!("{namespace}/{name}"),
                ports,
                annotations,
            };
            ensure_balancer(desk, &cluster, &service);
        }
        Effect::DeleteLoadBalancer { service_uid } => {
            drop_balancer(desk, &cluster, &service_uid);
            if let Some(api) = desk.core.kube.api(key) {
                api.load_balancer_gone(&service_uid, now);
            }
        }
        Effect::CreateVolume {
            pv_name,
            pvc_namespace,
            pvc_name,
            size_gib,
            storage_class,
        } => {
            let claim = Claim {
                volume: pv_name,
                namespace: pvc_namespace,
                name: pvc_name,
                size: u64::from(size_gib),
                class: storage_class,
            };
            create_volume(desk, &cluster, &claim);
        }
        Effect::DeleteVolume { volume_handle } => {
            ec2_make::remove(desk, &volume_handle);
            if let Some(api) = desk.core.kube.api(key) {
                api.volume_deleted(&volume_handle, now);
            }
        }
        Effect::AttachVolume {
            volume_handle,
            node,
        } => {
            let machine = desk
                .state
                .of(Kind::Instance)
                .find(|t| t.text("privateDnsName") == node && !machines::is_going(t))
                .map(|t| t.id.clone());
            ec2_make::attach(
                desk,
                &volume_handle,
                machine.as_deref(),
                "/dev/xvdaa",
                false,
            );
        }
        Effect::DetachVolume { volume_handle } => {
            ec2_make::attach(desk, &volume_handle, None, "", false);
        }
    }
}

/// A Service that wants a load balancer.
struct Service {
    uid: String,
    /// `namespace/name`.
    place: String,
    ports: Vec<LbPort>,
    annotations: BTreeMap<String, String>,
}

/// A claim that wants a volume.
struct Claim {
    volume: String,
    namespace: String,
    name: String,
    size: u64,
    class: String,
}

fn ensure_balancer(desk: &mut Desk<'_>, cluster: &Cluster, service: &Service) {
    if let Some(id) = of_service(desk, &service.uid) {
        return balancer_up(desk, &id);
    }
    let nlb = service
        .annotations
        .get("service.beta.kubernetes.io/aws-load-balancer-type")
        .is_some_and(|t| t.starts_with("nlb"));
    let (kind, quota) = if nlb {
        ("network", "network_load_balancers")
    } else {
        ("classic", "classic_load_balancers")
    };
    let have = desk
        .state
        .balancers
        .iter()
        .filter(|b| b.kind == kind)
        .count();
    if super::ec2_offers::quota_full(desk, quota, if nlb { 50 } else { 20 }, have) {
        let now = desk.core.now();
        if let Some(api) = desk.core.kube.api(&cluster.key) {
            api.load_balancer_failed(
                &service.uid,
                "TooManyLoadBalancers: Exceeded quota of account",
                now,
            );
        }
        return;
    }
    let plain: String = service.uid.chars().filter(|c| *c != '-').collect();
    let name: String = format!("a{plain}").chars().take(32).collect();
    let tags: Tags = [
        (
            format!("kubernetes.io/cluster/{}", cluster.name),
            "owned".to_owned(),
        ),
        (
            "kubernetes.io/service-name".to_owned(),
            service.place.clone(),
        ),
    ]
    .into();
    let groups = if nlb {
        Vec::new()
    } else {
        vec![balancer_group(desk, cluster, &name, &service.place)]
    };
    let instances = cluster
        .groups
        .iter()
        .flat_map(|g| machines::of_group(desk, &cluster.key, &g.name))
        .collect();
    let wish = BalancerWish {
        name: name.clone(),
        kind,
        region: cluster.region.clone(),
        vpc: cluster.vpc().to_owned(),
        subnets: texts(&cluster.doc["resourcesVpcConfig"]["subnetIds"]),
        groups,
        ports: service
            .ports
            .iter()
            .map(|p| (p.port, p.node_port))
            .collect(),
        instances,
        service: Some(service.uid.clone()),
        tags,
        belongs: cluster.belongings(),
    };
    let id = elb::make(desk, wish);
    if nlb {
        elb::make_group(
            desk,
            &name,
            &id,
            service.ports.first().map_or(80, |p| p.node_port),
        );
    }
    desk.core
        .schedule(ME, life::BALANCER_UP, &Event::BalancerUp { balancer: id });
}

/// The security group of a classic load balancer, named in the cluster's own so that its traffic gets through.
fn balancer_group(desk: &mut Desk<'_>, cluster: &Cluster, name: &str, place: &str) -> String {
    let doc = ec2_make::security_group(
        cluster.vpc(),
        &format!("k8s-elb-{name}"),
        &format!("Security group for Kubernetes ELB {name} ({place})"),
    );
    let tags: Tags = [(
        format!("kubernetes.io/cluster/{}", cluster.name),
        "owned".to_owned(),
    )]
    .into();
    let id = ec2_make::make(
        desk,
        Wish {
            kind: Kind::SecurityGroup,
            region: cluster.region.clone(),
            tags,
            belongs: cluster.belongings(),
            doc,
        },
    );
    let rule = json!({"ipProtocol": "-1", "groups": [{"groupId": id, "userId": ACCOUNT}], "ipRanges": [], "ipv6Ranges": [], "prefixListIds": []});
    let rules = desk
        .state
        .thing_mut(cluster.security_group())
        .and_then(|g| g.doc["ipPermissions"].as_array_mut());
    if let Some(rules) = rules {
        rules.push(rule);
    }
    id
}

fn of_service(desk: &Desk<'_>, uid: &str) -> Option<String> {
    let own =
        |b: &&super::state::Balancer| b.service.as_deref() == Some(uid) && b.kind != "target_group";
    desk.state.balancers.iter().find(own).map(|b| b.id.clone())
}

/// The controller of a living cluster clears up after itself: group, rule and target groups go with the load balancer.
fn drop_balancer(desk: &mut Desk<'_>, cluster: &Cluster, uid: &str) {
    let Some(id) = of_service(desk, uid) else {
        return;
    };
    elb::remove(desk, &id);
    desk.state
        .balancers
        .retain(|b| b.service.as_deref() != Some(uid));
    let name = format!("k8s-elb-{id}");
    let group = desk
        .state
        .of(Kind::SecurityGroup)
        .find(|g| g.text("groupName") == name)
        .map(|g| g.id.clone());
    if let Some(group) = group {
        let named = |rule: &Value| {
            super::wire::list(&rule["groups"])
                .iter()
                .any(|g| g["groupId"] == group.as_str())
        };
        if let Some(rules) = desk
            .state
            .thing_mut(cluster.security_group())
            .and_then(|g| g.doc["ipPermissions"].as_array_mut())
        {
            rules.retain(|r| !named(r));
        }
        ec2_make::remove(desk, &group);
    }
}

/// A load balancer serves: its Service hears its name.
pub(super) fn balancer_up(desk: &mut Desk<'_>, id: &str) {
    let now = desk.core.now();
    let Some(balancer) = desk.state.balancers.iter().find(|b| b.id == id) else {
        return;
    };
    let host = super::wire::text(&balancer.doc, "DNSName").to_owned();
    let key = balancer.belongs.cluster.clone().unwrap_or_default();
    if let (Some(uid), Some(api)) = (balancer.service.clone(), desk.core.kube.api(&key)) {
        api.load_balancer_ready(&uid, None, Some(&host), now);
    }
}

/// Why the driver cannot make a volume.
fn obstacle(desk: &Desk<'_>, cluster: &Cluster) -> Option<&'static str> {
    if addons::volume_driver(cluster).is_none() {
        return Some(
            "Waiting for a volume to be created either by the external provisioner 'ebs.csi.aws.com' or manually by the system administrator.",
        );
    }
    let allowed = access::may(
        desk,
        cluster,
        "ebs-csi-controller-sa",
        "AmazonEBSCSIDriverPolicy",
    );
    (!allowed).then_some("failed to provision volume: rpc error: code = Internal desc = Could not create volume: UnauthorizedOperation: You are not authorized to perform this operation.")
}

fn create_volume(desk: &mut Desk<'_>, cluster: &Cluster, claim: &Claim) {
    let now = desk.core.now();
    let have = desk.state.of(Kind::Volume).count();
    let full = super::ec2_offers::quota_full(desk, "volumes", 5000, have);
    let trouble = obstacle(desk, cluster)
        .or(full
            .then_some("VolumeLimitExceeded: You have exceeded your maximum gp3 storage limit."));
    let handle = match trouble {
        Some(_) => String::new(),
        None => make_volume(desk, cluster, claim),
    };
    let Some(api) = desk.core.kube.api(&cluster.key) else {
        return;
    };
    match trouble {
        Some(words) => api.volume_failed(&claim.volume, words, now),
        None => api.volume_created(&claim.volume, &handle, now),
    }
}

fn make_volume(desk: &mut Desk<'_>, cluster: &Cluster, claim: &Claim) -> String {
    let settings = addons::volume_driver(cluster).unwrap_or_default();
    let extra = settings["controller"]["extraVolumeTags"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let mut tags: Tags = extra
        .into_iter()
        .map(|(k, v)| (k, v.as_str().unwrap_or_default().to_owned()))
        .collect();
    for (key, value) in [
        ("ebs.csi.aws.com/cluster", "true"),
        ("CSIVolumeName", &claim.volume),
        ("kubernetes.io/created-for/pvc/name", &claim.name),
        ("kubernetes.io/created-for/pvc/namespace", &claim.namespace),
        ("kubernetes.io/created-for/pv/name", &claim.volume),
    ] {
        tags.insert(key.to_owned(), value.to_owned());
    }
    let machine = desk
        .state
        .of(Kind::Instance)
        .find(|t| t.belongs.cluster.as_deref() == Some(&cluster.key) && t.doc["_ready"] == true);
    let zone = machine.map_or_else(
        || format!("{}a", cluster.region),
        |t| super::wire::text(&t.doc["placement"], "availabilityZone").to_owned(),
    );
    let kind = if claim.class == "gp2" { "gp2" } else { "gp3" };
    ec2_make::volume(
        desk,
        &zone,
        claim.size,
        kind,
        tags,
        &cluster.belongings(),
        false,
    )
}
