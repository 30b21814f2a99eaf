//! EKS clusters: create, read, delete. What happens to them later is in `life.rs`, changes are in `updates.rs`.

use chrono::TimeDelta;
use serde_json::{Map, Value, json};

use super::call::{ACCOUNT, Call, Desk, Tags, lease};
use super::ec2_make::{self, InterfaceWish, Wish};
use super::life::{self, Event};
use super::state::{Belongs, Cluster, Kind, Part};
use super::wire::{Outcome, Refused, epoch, refused, text, texts};
use super::{ME, access, catalog, iam, shapes};
use crate::message::decode;
use crate::shape::{Field, Problem, check};

/// How long a new role is not known to this service yet.
const PROPAGATION: TimeDelta = TimeDelta::seconds(10);

/// 400 about what was asked.
pub(super) fn invalid(words: impl Into<String>) -> Refused {
    refused(400, "InvalidParameterException", words)
}

/// The body, checked against a shape.
pub(super) fn body(call: &Call<'_>, fields: &[Field]) -> Result<Value, Refused> {
    let body = if call.body.is_null() {
        json!({})
    } else {
        call.body.clone()
    };
    check(&body, fields).map_err(|m| {
        let words = match m.problem {
            Problem::Unknown => format!("Unknown member {}", m.path),
            Problem::Missing => format!("{} is required", m.path),
            Problem::Not(wanted) => format!("{} must be {wanted}", m.path),
        };
        invalid(words)
    })?;
    let tags = tags(&body);
    let long = |k: &str, v: &str| k.len() > 128 || v.len() > 256 || k.starts_with("aws:");
    if tags.len() > 50 || tags.iter().any(|(k, v)| long(k, v)) {
        return Err(invalid(
            "Tags: at most 50, keys of at most 128 characters, values of at most 256",
        ));
    }
    Ok(body)
}

/// The tags of a checked body.
pub(super) fn tags(body: &Value) -> Tags {
    let map = body["tags"].as_object().cloned().unwrap_or_default();
    map.into_iter()
        .map(|(k, v)| (k, v.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// 404 for a cluster.
pub(super) fn no_cluster(name: &str) -> Refused {
    refused(
        404,
        "ResourceNotFoundException",
        format!("No cluster found for name: {name}."),
    )
    .with("clusterName", name)
}

/// The cluster that a path names.
pub(super) fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Cluster, Refused> {
    let name = call.id(0);
    let found = desk
        .state
        .clusters
        .iter()
        .find(|c| c.name == name && c.region == call.region);
    found.ok_or_else(|| no_cluster(name))
}

/// The same, to change.
pub(super) fn find_mut<'a>(
    desk: &'a mut Desk<'_>,
    call: &Call<'_>,
) -> Result<&'a mut Cluster, Refused> {
    let name = call.id(0);
    let found = desk
        .state
        .clusters
        .iter_mut()
        .find(|c| c.name == name && c.region == call.region);
    found.ok_or_else(|| no_cluster(name))
}

/// The same, while it is active.
pub(super) fn find_active<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Cluster, Refused> {
    let cluster = find(desk, call)?;
    if cluster.status() == "ACTIVE" {
        return Ok(cluster);
    }
    let words = format!(
        "Cluster '{}' is not in ACTIVE status (it is {})",
        cluster.name,
        cluster.status()
    );
    Err(refused(400, "InvalidRequestException", words).with("clusterName", cluster.name.as_str()))
}

/// A page in EKS's way: `maxResults` and `nextToken` of the query.
pub(super) fn page(call: &Call<'_>, name: &str, all: Vec<Value>) -> Outcome {
    let size = match call.request.param("maxResults") {
        None => 100,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|n| (1..=100).contains(n))
            .ok_or_else(|| invalid("maxResults must be between 1 and 100"))?,
    };
    let start = match call.request.param("nextToken").map(|t| decode(&t)) {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|n| n.parse::<usize>().ok())
            .ok_or_else(|| invalid("Invalid nextToken"))?,
    };
    let more = all.len() > start + size;
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut view = json!({"nextToken": more.then(|| format!("page-{}", start + size))});
    view[name] = Value::Array(items);
    Ok(view)
}

/// A cluster as it is shown. Tags have their own place; endpoint and certificate come with the first active state.
pub(super) fn view(cluster: &Cluster) -> Value {
    let mut view = cluster.doc.clone();
    if let Some(map) = view.as_object_mut() {
        map.retain(|name, _| !name.starts_with('_'));
    }
    view["tags"] = json!(cluster.tags);
    json!({ "cluster": view })
}

pub(super) fn list(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let here = desk
        .state
        .clusters
        .iter()
        .filter(|c| c.region == call.region);
    let mut names: Vec<&str> = here.map(|c| c.name.as_str()).collect();
    names.sort_unstable();
    page(
        call,
        "clusters",
        names.into_iter().map(|n| json!(n)).collect(),
    )
}

pub(super) fn get(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(view(find(desk, call)?))
}

/// Checks a role: there, known to this service by now, trusting it, with the managed policy it needs.
pub(super) fn usable_role(
    desk: &Desk<'_>,
    arn: &str,
    service: &str,
    policy: &str,
) -> Result<(), Refused> {
    if !arn.starts_with("arn:aws:iam::") {
        return Err(invalid("RoleArn is not a valid ARN"));
    }
    let known = iam::by_arn(desk, arn).filter(|r| desk.core.now() - r.created_at >= PROPAGATION);
    let Some(role) = known else {
        return Err(invalid(format!(
            "Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
        )));
    };
    if !iam::trusts(role, service) {
        return Err(invalid(format!(
            "Role with arn: {arn}, could not be assumed because it does not exist or the trusted entity is not correct"
        )));
    }
    if !policy.is_empty() && !role.attached.iter().any(|a| a.ends_with(policy)) {
        return Err(invalid(format!(
            "The provided role doesn't have the Amazon EKS Managed Policies associated with it. Please ensure the following policy is attached: {policy}"
        )));
    }
    Ok(())
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = body(call, shapes::CLUSTER_CREATE)?;
    let name = text(&body, "name");
    if let Some(there) = desk
        .state
        .clusters
        .iter()
        .find(|c| c.name == name && c.region == call.region)
    {
        let token = text(&body, "clientRequestToken");
        if !token.is_empty() && token == there.token {
            return Ok(view(there));
        }
        return Err(refused(
            409,
            "ResourceInUseException",
            format!("Cluster already exists with name: {name}"),
        )
        .with("clusterName", name));
    }
    usable_role(
        desk,
        text(&body, "roleArn"),
        "eks.amazonaws.com",
        "AmazonEKSClusterPolicy",
    )?;
    let version = match text(&body, "version") {
        "" => catalog::DEFAULT_VERSION,
        version => version,
    };
    if catalog::find_version(version).is_none_or(|v| v.status(desk.core.now()) == "UNSUPPORTED") {
        return Err(invalid(format!("unsupported Kubernetes version {version}")));
    }
    let vpc = placed(desk, call, &body)?;
    let have = desk
        .state
        .clusters
        .iter()
        .filter(|c| c.region == call.region)
        .count();
    if super::ec2_offers::quota_full(desk, "clusters", 100, have) {
        return Err(refused(
            400,
            "ResourceLimitExceededException",
            "You have reached the limit of clusters in this region",
        )
        .with("clusterName", name));
    }
    let wish = ClusterWish {
        body: &body,
        name,
        version,
        vpc: &vpc,
        region: &call.region,
        stuck: call.request.never_ready,
        foreign: false,
    };
    let key = make(desk, &wish);
    Ok(desk.state.by_key(&key).map(view).unwrap_or_default())
}

/// Checks the subnets: there, of one network, in two zones that have room for control planes. Gives the network.
fn placed(desk: &Desk<'_>, call: &Call<'_>, body: &Value) -> Result<String, Refused> {
    let (name, ids) = (
        text(body, "name"),
        texts(&body["resourcesVpcConfig"]["subnetIds"]),
    );
    let mut zones: Vec<String> = Vec::new();
    let mut vpcs: Vec<String> = Vec::new();
    for id in &ids {
        let found = desk
            .state
            .thing(id)
            .filter(|t| t.kind == Kind::Subnet && t.region == call.region);
        let subnet = found.ok_or_else(|| invalid(format!("The subnet ID '{id}' does not exist (Service: AmazonEC2; Status Code: 400; Error Code: InvalidSubnetID.NotFound)")))?;
        zones.push(subnet.text("availabilityZone").to_owned());
        vpcs.push(subnet.text("vpcId").to_owned());
    }
    let full = |zone: &String| {
        let id = catalog::zone(&call.region, zone).unwrap_or_default();
        catalog::NO_CONTROL_PLANES.contains(&id.as_str())
            || desk.core.account(ME).is_sold_out(zone, "control_plane")
    };
    if let Some(zone) = zones.iter().find(|z| full(z)) {
        let valid: Vec<String> = catalog::zones(&call.region)
            .map(|(z, _)| z)
            .filter(|z| !full(z))
            .collect();
        return Err(no_room(name, zone, &valid));
    }
    zones.sort();
    zones.dedup();
    if zones.len() < 2 {
        return Err(invalid(
            "Subnets specified must be in at least two different AZs",
        ));
    }
    vpcs.dedup();
    match vpcs.as_slice() {
        [vpc] => Ok(vpc.clone()),
        _ => Err(invalid("Subnets specified must belong to the same VPC")),
    }
}

/// The refusal for a zone without room.
pub(super) fn no_room(name: &str, zone: &str, valid: &[String]) -> Refused {
    let words = format!(
        "Cannot create cluster '{name}' because {zone}, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: {}",
        valid.join(", ")
    );
    refused(400, "UnsupportedAvailabilityZoneException", words)
        .with("clusterName", name)
        .with("validZones", json!(valid))
}

/// A cluster that may be made.
pub(super) struct ClusterWish<'a> {
    pub(super) body: &'a Value,
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) vpc: &'a str,
    pub(super) region: &'a str,
    pub(super) stuck: bool,
    pub(super) foreign: bool,
}

/// A value of the body, or what holds without one.
fn or(body: &Value, path: [&str; 2], default: Value) -> Value {
    let found = &body[path[0]][path[1]];
    if found.is_null() {
        default
    } else {
        found.clone()
    }
}

/// Makes a cluster with its security group and the control plane's interfaces; its bill starts now.
pub(super) fn make(desk: &mut Desk<'_>, wish: &ClusterWish<'_>) -> String {
    let ClusterWish {
        body, name, region, ..
    } = *wish;
    let (key, now) = (desk.core.ids.uuid(), desk.core.now());
    let tags = tags(body);
    let belongs = Belongs {
        owner: lease(&tags).filter(|_| !wish.foreign),
        foreign: wish.foreign,
        cluster: Some(key.clone()),
    };
    let subnets = texts(&body["resourcesVpcConfig"]["subnetIds"]);
    let group = own_group(desk, wish, &belongs);
    for subnet in subnets.iter().take(2) {
        let interface = InterfaceWish {
            subnet: subnet.clone(),
            description: format!("Amazon EKS {name}"),
            groups: vec![group.clone()],
            requester: Some("amazon-eks"),
            belongs: belongs.clone(),
            ..InterfaceWish::default()
        };
        let eni = ec2_make::interface(desk, interface);
        if let Some(eni) = desk.state.thing_mut(&eni) {
            eni.doc["_plane"] = json!(key);
        }
    }
    let mut doc = document(wish, &group, now, &key);
    let extended =
        catalog::find_version(wish.version).is_some_and(|v| v.status(now) == "EXTENDED_SUPPORT");
    let tier = if extended {
        "extended-support"
    } else {
        "standard"
    };
    doc["_tier"] = json!(tier);
    desk.bill(
        &bill_id(region, name),
        ("control_plane", tier, 1),
        region,
        &belongs,
    );
    if let Some(left) = catalog::find_version(wish.version)
        .map(|v| v.standard_until() - now)
        .filter(|d| *d > TimeDelta::zero())
    {
        desk.core.schedule(
            ME,
            left,
            &Event::SupportEnds {
                cluster: key.clone(),
                version: wish.version.to_owned(),
            },
        );
    }
    if !wish.stuck {
        desk.core.schedule(
            ME,
            life::CLUSTER_UP,
            &Event::ClusterUp {
                cluster: key.clone(),
            },
        );
    }
    let mut cluster = Cluster {
        key: key.clone(),
        name: name.to_owned(),
        region: region.to_owned(),
        doc,
        tags,
        belongs,
        created_at: now,
        stuck: wish.stuck,
        token: text(body, "clientRequestToken").to_owned(),
        groups: Vec::new(),
        addons: Vec::new(),
        entries: Vec::new(),
        associations: Vec::new(),
        updates: Vec::new(),
    };
    if body["accessConfig"]["bootstrapClusterCreatorAdminPermissions"] != false {
        cluster.entries.push(access::creator(&cluster, now));
    }
    desk.state.clusters.push(cluster);
    super::logs::appear(desk, &key);
    key
}

/// Under which id a control plane is billed: names are unique in a region.
pub(super) fn bill_id(region: &str, name: &str) -> String {
    format!("arn:aws:eks:{region}:{ACCOUNT}:cluster/{name}")
}

fn own_group(desk: &mut Desk<'_>, wish: &ClusterWish<'_>, belongs: &Belongs) -> String {
    let digits = desk.core.ids.number();
    let name = format!("eks-cluster-sg-{}-{digits}", wish.name);
    let mut doc = ec2_make::security_group(
        wish.vpc,
        &name,
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
    );
    let tags: Tags = [
        ("Name".to_owned(), name),
        (
            format!("kubernetes.io/cluster/{}", wish.name),
            "owned".to_owned(),
        ),
        ("aws:eks:cluster-name".to_owned(), wish.name.to_owned()),
    ]
    .into();
    doc["_plane"] = json!(belongs.cluster);
    let id = ec2_make::make(
        desk,
        Wish {
            kind: Kind::SecurityGroup,
            region: wish.region.to_owned(),
            tags,
            belongs: belongs.clone(),
            doc,
        },
    );
    if let Some(group) = desk.state.thing_mut(&id) {
        group.doc["ipPermissions"] = json!([{"ipProtocol": "-1", "groups": [{"groupId": id, "userId": ACCOUNT}], "ipRanges": [], "ipv6Ranges": [], "prefixListIds": []}]);
    }
    id
}

fn document(
    wish: &ClusterWish<'_>,
    group: &str,
    now: chrono::DateTime<chrono::Utc>,
    key: &str,
) -> Value {
    let body = wish.body;
    let vpc = "resourcesVpcConfig";
    json!({
        "name": wish.name, "arn": bill_id(wish.region, wish.name), "createdAt": epoch(now), "version": wish.version, "roleArn": body["roleArn"],
        "resourcesVpcConfig": {"subnetIds": body[vpc]["subnetIds"], "securityGroupIds": or(body, [vpc, "securityGroupIds"], json!([])), "clusterSecurityGroupId": group, "vpcId": wish.vpc,
            "endpointPublicAccess": or(body, [vpc, "endpointPublicAccess"], json!(true)), "endpointPrivateAccess": or(body, [vpc, "endpointPrivateAccess"], json!(false)),
            "publicAccessCidrs": or(body, [vpc, "publicAccessCidrs"], json!(["0.0.0.0/0"]))},
        "kubernetesNetworkConfig": {"serviceIpv4Cidr": or(body, ["kubernetesNetworkConfig", "serviceIpv4Cidr"], json!("10.100.0.0/16")), "ipFamily": "ipv4", "elasticLoadBalancing": {"enabled": false}},
        "logging": if body["logging"].is_null() { json!({"clusterLogging": [{"types": ["api", "audit", "authenticator", "controllerManager", "scheduler"], "enabled": false}]}) } else { body["logging"].clone() },
        "status": "CREATING", "certificateAuthority": {}, "platformVersion": "eks.9",
        "identity": {"oidc": {"issuer": format!("https://oidc.eks.{}.amazonaws.com/id/{}", wish.region, key.replace('-', "").to_uppercase())}},
        "health": {"issues": []},
        "accessConfig": {"authenticationMode": or(body, ["accessConfig", "authenticationMode"], json!("CONFIG_MAP")), "bootstrapClusterCreatorAdminPermissions": or(body, ["accessConfig", "bootstrapClusterCreatorAdminPermissions"], json!(true))},
        "upgradePolicy": {"supportType": or(body, ["upgradePolicy", "supportType"], json!("EXTENDED"))},
        "deletionProtection": body["deletionProtection"] == true,
        "computeConfig": {"enabled": body["computeConfig"]["enabled"] == true}, "storageConfig": {"blockStorage": {"enabled": body["storageConfig"]["blockStorage"]["enabled"] == true}},
    })
}

/// Why a cluster cannot be deleted now.
fn held(cluster: &Cluster) -> Option<Refused> {
    let name = cluster.name.as_str();
    let in_use =
        |words: String| refused(409, "ResourceInUseException", words).with("clusterName", name);
    let busy = cluster
        .updates
        .iter()
        .any(|u| u.text("status") == "InProgress");
    match cluster.status() {
        _ if cluster.doc["deletionProtection"] == true => Some(
            refused(
                400,
                "InvalidRequestException",
                format!("Cannot delete cluster {name}: deletion protection is enabled."),
            )
            .with("clusterName", name),
        ),
        "DELETING" => Some(in_use(format!(
            "Cluster {name} is already being deleted: delete in progress"
        ))),
        "CREATING" if !cluster.stuck => Some(in_use(format!(
            "Cannot delete because cluster {name} currently has a create in progress"
        ))),
        _ if busy => Some(in_use(format!(
            "Cannot delete because cluster {name} currently has an update in progress"
        ))),
        _ if !cluster.groups.is_empty() => {
            Some(in_use("Cluster has nodegroups attached".to_owned()))
        }
        _ => None,
    }
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let cluster = find(desk, call)?.clone();
    if let Some(refusal) = held(&cluster) {
        return Err(refusal);
    }
    destroy(desk, &cluster.key);
    Ok(desk
        .state
        .by_key(&cluster.key)
        .map(view)
        .unwrap_or_default())
}

/// A cluster is to go: its bill ends and nobody enters it any more.
pub(super) fn destroy(desk: &mut Desk<'_>, key: &str) {
    let Some(cluster) = desk.state.by_key_mut(key) else {
        return;
    };
    cluster.doc["status"] = json!("DELETING");
    let item = bill_id(&cluster.region, &cluster.name);
    desk.stop_bill(&item);
    desk.core.kube.revoke_all(key);
    desk.core.schedule(
        ME,
        life::CLUSTER_GONE,
        &Event::ClusterGone {
            cluster: key.to_owned(),
        },
    );
}

/// A part that is new.
pub(super) fn part(desk: &Desk<'_>, name: &str, doc: Value, body: &Value) -> Part {
    Part {
        name: name.to_owned(),
        doc,
        tags: tags(body),
        created_at: desk.core.now(),
        stuck: false,
        token: text(body, "clientRequestToken").to_owned(),
    }
}

/// The object of a JSON value, without what is null.
pub(super) fn shown(part: &Part) -> Value {
    let mut map: Map<String, Value> = part.doc.as_object().cloned().unwrap_or_default();
    map.retain(|k, v| !v.is_null() && !k.starts_with('_'));
    map.insert("tags".to_owned(), json!(part.tags));
    Value::Object(map)
}
