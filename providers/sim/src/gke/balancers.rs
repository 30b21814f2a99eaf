//! Load balancers of Services: a forwarding rule with its target pool, a firewall, and a health check with a firewall that all Services of
//! a cluster share. Names and descriptions are those of the real controller; only the firewalls' target tags name the cluster.
//! Names begin with `a` and are 32 characters in all: Kubernetes cuts them (cloud-provider `DefaultLoadBalancerName`).
//! Must not answer requests.

use kubelease_sim_kube::LbPort;
use serde_json::{Map, Value, json};

use super::call::Desk;
use super::kinds::Kind;
use super::life::{self, Event};
use super::state::{Belongs, Cluster, Labels, Scope, Thing};
use super::things::{self, ThingWish, digits, object};
use super::{ME, catalog, disks, quotas};

/// The service a load balancer is for.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) uid: &'a str,
    /// `namespace/name`.
    pub(super) path: String,
    pub(super) ports: &'a [LbPort],
}

/// Name of everything of a service.
pub(super) fn name_of(uid: &str) -> String {
    let mut name = format!("a{}", uid.replace('-', ""));
    name.truncate(32);
    name
}

fn rule(desk: &Desk<'_>, uid: &str) -> Option<u64> {
    let mut things = desk.state.things.iter();
    let found =
        things.find(|t| t.kind == Kind::ForwardingRules && t.service.as_deref() == Some(uid));
    found.map(|t| t.id)
}

/// Makes what a service needs, or says again where it is; the text says why it cannot be.
pub(super) fn ensure(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    service: &Service<'_>,
) -> Result<(), String> {
    if let Some(id) = rule(desk, service.uid) {
        up(desk, id);
        return Ok(());
    }
    quotas::room_for(desk, Kind::ForwardingRules, "FORWARDING_RULES")?;
    quotas::room_for(desk, Kind::TargetPools, "TARGET_POOLS")?;
    quotas::room_for(desk, Kind::Firewalls, "FIREWALLS")?;
    let maker = Maker { cluster, service };
    let region = catalog::region_of(&cluster.location).to_owned();
    let regional = Scope::Region(region.clone());
    let (name, check) = (name_of(service.uid), maker.health_check(desk));
    let instances = maker.instances(desk);
    let pool = json!({"instances": instances, "healthChecks": [check], "sessionAffinity": "NONE", "description": maker.description(None)});
    maker.make(desk, Kind::TargetPools, &regional, &name, pool);
    let ip = desk.state.next_address([35, 202]);
    maker.firewall(
        desk,
        &format!("k8s-fw-{name}"),
        &maker.description(Some(&ip)),
        &maker.ports(),
        "0.0.0.0/0",
    );
    let bounds = service.ports.iter().map(|p| p.port);
    let (low, high) = (
        bounds.clone().min().unwrap_or(80),
        bounds.max().unwrap_or(80),
    );
    let protocol = service.ports.first().map_or("TCP", |p| p.protocol.as_str());
    let fields = json!({
        "IPAddress": ip, "IPProtocol": protocol, "portRange": format!("{low}-{high}"), "loadBalancingScheme": "EXTERNAL",
        "networkTier": "PREMIUM", "description": maker.description(None),
        "target": format!("@/regions/{region}/targetPools/{name}"),
    });
    let id = maker.make(desk, Kind::ForwardingRules, &regional, &name, fields);
    if let Some(thing) = desk.state.thing_mut(id) {
        thing.service = Some(service.uid.to_owned());
    }
    bill(desk, id);
    desk.core
        .schedule(ME, life::RULE_UP, &Event::RuleUp { rule: id });
    Ok(())
}

/// Starts the bill of a forwarding rule and its address.
fn bill(desk: &mut Desk<'_>, id: u64) {
    let Some(thing) = desk.state.thing(id) else {
        return;
    };
    let (owner, region) = (thing.owner(), thing.scope.place().to_owned());
    let rule = ("load_balancer", "forwarding-rule", 1);
    desk.bill(&id.to_string(), rule, &region, owner.clone());
    desk.bill(&format!("{id}/ipv4"), ("ipv4", "in-use", 1), &region, owner);
}

/// Somebody's forwarding rule, set up through the control API.
pub(super) fn make_foreign(
    desk: &mut Desk<'_>,
    name: &str,
    region: &str,
    labels: Labels,
    belongs: Belongs,
) {
    let fields = json!({
        "IPAddress": desk.state.next_address([35, 202]), "IPProtocol": "TCP", "portRange": "80-80",
        "loadBalancingScheme": "EXTERNAL", "networkTier": "PREMIUM",
    });
    let wish = ThingWish {
        kind: Kind::ForwardingRules,
        scope: Scope::Region(region.to_owned()),
        name: name.to_owned(),
        labels,
        fields: object(fields),
        belongs,
    };
    let id = things::make(desk, wish);
    bill(desk, id);
}

/// It serves: the service gets its address, if its cluster still listens.
pub(super) fn up(desk: &mut Desk<'_>, id: u64) {
    let now = desk.core.now();
    let Some(thing) = desk.state.thing(id) else {
        return;
    };
    let (ip, service) = (thing.text("IPAddress").to_owned(), thing.service.clone());
    let cluster = thing.belongs.cluster.clone();
    if let (Some(service), Some(cluster)) = (service, cluster)
        && let Some(api) = desk.core.kube.api(&cluster)
    {
        api.load_balancer_ready(&service, Some(&ip), None, now);
    }
}

/// Removes what a service had, and what only it still used.
pub(super) fn remove(desk: &mut Desk<'_>, cluster: &Cluster, uid: &str) {
    let name = name_of(uid);
    let firewall = format!("k8s-fw-{name}");
    let of_cluster = |t: &&Thing| t.belongs.cluster.as_deref() == Some(cluster.id.as_str());
    let of_service = |t: &&Thing| t.name == name || t.name == firewall;
    let things = desk.state.things.iter().filter(of_cluster);
    let gone: Vec<u64> = things.filter(of_service).map(|t| t.id).collect();
    for id in gone {
        disks::remove(desk, id);
    }
    let things = desk.state.things.iter().filter(of_cluster);
    let others = things.filter(|t| t.kind == Kind::ForwardingRules).count();
    if others == 0 {
        let shared = format!("k8s-{}-node", digits(&cluster.id, 16));
        let things = desk.state.things.iter().filter(of_cluster);
        let of_shared = things.filter(|t| t.name.starts_with(&shared));
        let gone: Vec<u64> = of_shared.map(|t| t.id).collect();
        for id in gone {
            disks::remove(desk, id);
        }
    }
}

/// Makes the parts of one service's load balancer.
struct Maker<'a> {
    cluster: &'a Cluster,
    service: &'a Service<'a>,
}

impl Maker<'_> {
    fn description(&self, ip: Option<&str>) -> String {
        let mut said = json!({"kubernetes.io/service-name": self.service.path});
        if let Some(ip) = ip {
            said["kubernetes.io/service-ip"] = json!(ip);
        }
        said.to_string()
    }

    fn make(
        &self,
        desk: &mut Desk<'_>,
        kind: Kind,
        scope: &Scope,
        name: &str,
        fields: Value,
    ) -> u64 {
        let wish = ThingWish {
            kind,
            scope: scope.clone(),
            name: name.to_owned(),
            labels: Labels::new(),
            fields: object(fields),
            belongs: self.cluster.belongings(),
        };
        things::make(desk, wish)
    }

    fn firewall(
        &self,
        desk: &mut Desk<'_>,
        name: &str,
        description: &str,
        ports: &Value,
        from: &str,
    ) {
        let fields = json!({
            "network": "@/global/networks/default", "priority": 1000, "direction": "INGRESS", "disabled": false,
            "allowed": ports, "sourceRanges": [from], "targetTags": [self.cluster.node_tag()], "description": description,
        });
        self.make(desk, Kind::Firewalls, &Scope::Global, name, fields);
    }

    fn ports(&self) -> Value {
        let mut by_protocol: Map<String, Value> = Map::new();
        for port in self.service.ports {
            let list = by_protocol
                .entry(port.protocol.to_lowercase())
                .or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(port.port.to_string()));
            }
        }
        let pairs = by_protocol.into_iter();
        pairs
            .map(|(protocol, ports)| json!({"IPProtocol": protocol, "ports": ports}))
            .collect()
    }

    fn instances(&self, desk: &Desk<'_>) -> Vec<String> {
        let nodes = self.cluster.nodes().filter_map(|(_, n)| n.instance);
        let things = nodes.filter_map(|id| desk.state.thing(id));
        things.map(Thing::link).collect()
    }

    /// The health check of all Services of the cluster: a link to it.
    fn health_check(&self, desk: &mut Desk<'_>) -> String {
        let name = format!("k8s-{}-node", digits(&self.cluster.id, 16));
        let link = format!("@/global/httpHealthChecks/{name}");
        if desk.state.at(&link).is_none() {
            let fields = json!({
                "port": 10256, "requestPath": "/healthz", "checkIntervalSec": 8, "timeoutSec": 1, "healthyThreshold": 1,
                "unhealthyThreshold": 3, "host": "", "description": self.description(None),
            });
            self.make(desk, Kind::HttpHealthChecks, &Scope::Global, &name, fields);
            let probe = json!([{"IPProtocol": "tcp", "ports": ["10256"]}]);
            self.firewall(
                desk,
                &format!("{name}-http-hc"),
                &self.description(None),
                &probe,
                "35.191.0.0/16",
            );
        }
        link
    }
}
