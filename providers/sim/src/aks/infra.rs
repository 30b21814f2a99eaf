//! What a cluster makes of its own in the group of its machines: load balancer, outbound address, network, identity, scale sets.
//! The cluster's tags go to all of it but to pools. Must not answer requests.

use super::call::Desk;
use super::kinds::Kind;
use super::state::{Cluster, Pool, Tags, Thing, same};
use super::{ME, groups, nodes, things};

/// Name of a cluster's load balancer.
pub(super) const BALANCER: &str = "kubernetes";

/// Tags of a cluster's own things: some of the service's, and the cluster's.
fn with_cluster(own: &[(&str, &str)], cluster: &Cluster) -> Tags {
    let own = own.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    let mut tags: Tags = own.collect();
    tags.extend(cluster.tags.clone());
    tags
}

/// Makes the group and all in it, pools last.
pub(super) fn furnish(desk: &mut Desk<'_>, uid: &str) {
    let Some(cluster) = desk.state.cluster(uid).cloned() else {
        return;
    };
    let managed = [
        ("aks-managed-cluster-name", cluster.name.as_str()),
        ("aks-managed-cluster-rg", cluster.group.as_str()),
    ];
    let tags = with_cluster(&managed, &cluster);
    groups::make(
        desk,
        &cluster.node_group,
        &cluster.location,
        tags,
        cluster.belongings(),
    );
    if let Some(group) = desk.state.group_mut(&cluster.node_group) {
        group.managed_by = Some(cluster.id());
    }
    for (kind, name) in [
        (Kind::Identity, format!("{}-agentpool", cluster.name)),
        (
            Kind::SecurityGroup,
            format!("aks-agentpool-{}-nsg", cluster.digits),
        ),
        (Kind::Network, format!("aks-vnet-{}", cluster.digits)),
    ] {
        let thing = Thing::plain(kind, &cluster.node_group, &name, &cluster.location);
        things::make(
            desk,
            Thing {
                tags: with_cluster(&[], &cluster),
                belongs: cluster.belongings(),
                ..thing
            },
        );
    }
    outbound(desk, &cluster);
    for pool in &cluster.pools {
        furnish_pool(desk, uid, &pool.name);
    }
}

/// The load balancer, with an address and a rule for what goes out: there even without a Service.
fn outbound(desk: &mut Desk<'_>, cluster: &Cluster) {
    let balancer = balancer(desk, cluster);
    let address = desk.core.ids.uuid();
    let own = [
        ("aks-managed-cluster-name", cluster.name.as_str()),
        ("aks-managed-cluster-rg", cluster.group.as_str()),
        ("aks-managed-type", "aks-slb-managed-outbound-ip"),
    ];
    make_address(
        desk,
        cluster,
        (&address, &balancer),
        with_cluster(&own, cluster),
        None,
    );
    things::set_rules(desk, &balancer, vec![(String::new(), 0)]);
}

/// The load balancer's id; made if there is none.
pub(super) fn balancer(desk: &mut Desk<'_>, cluster: &Cluster) -> String {
    let id = Kind::LoadBalancer.id(&cluster.node_group, BALANCER);
    if desk.state.thing(&id).is_some() {
        return id;
    }
    let thing = Thing::plain(
        Kind::LoadBalancer,
        &cluster.node_group,
        BALANCER,
        &cluster.location,
    );
    things::make(
        desk,
        Thing {
            tags: with_cluster(&[], cluster),
            belongs: cluster.belongings(),
            ..thing
        },
    )
}

/// An address in use by the load balancer.
pub(super) fn make_address(
    desk: &mut Desk<'_>,
    cluster: &Cluster,
    (name, balancer): (&str, &str),
    tags: Tags,
    service: Option<&str>,
) -> String {
    let ip = desk.state.next_address();
    let thing = Thing::plain(Kind::PublicIp, &cluster.node_group, name, &cluster.location);
    things::make(
        desk,
        Thing {
            tags,
            ip,
            used_by: Some(balancer.to_owned()),
            service: service.map(str::to_owned),
            belongs: cluster.belongings(),
            ..thing
        },
    )
}

/// The tags of a Service's address.
pub(super) fn service_tags(cluster: &Cluster, service: &str) -> Tags {
    with_cluster(
        &[
            ("k8s-azure-cluster-name", "kubernetes"),
            ("k8s-azure-service", service),
        ],
        cluster,
    )
}

/// A pool's scale set. Its machines come with [`nodes::add`].
pub(super) fn furnish_pool(desk: &mut Desk<'_>, uid: &str, pool: &str) {
    let Some(cluster) = desk.state.cluster(uid).cloned() else {
        return;
    };
    let Some(pool) = cluster.pool(pool) else {
        return;
    };
    let thing = Thing::plain(
        Kind::ScaleSet,
        &cluster.node_group,
        &cluster.scale_set(pool),
        &cluster.location,
    );
    things::make(
        desk,
        Thing {
            sku: pool.size.clone(),
            tags: nodes::set_tags(&cluster, pool),
            belongs: cluster.belongings(),
            ..thing
        },
    );
}

/// The service's own tags begin with these.
const OWN: [&str; 2] = ["aks-managed-", "k8s-azure-"];

/// The cluster has other tags: they go where they went before, and with them the owner.
pub(super) fn retag(desk: &mut Desk<'_>, uid: &str) {
    let Some(cluster) = desk.state.cluster(uid).cloned() else {
        return;
    };
    let again = |old: &Tags| {
        let own = old
            .iter()
            .filter(|(k, _)| OWN.iter().any(|start| k.starts_with(start)));
        let mut tags: Tags = own.map(|(k, v)| (k.clone(), v.clone())).collect();
        tags.extend(cluster.tags.clone());
        tags
    };
    let owner = cluster.belongings().owner;
    if let Some(group) = desk.state.group_mut(&cluster.node_group) {
        group.tags = again(&group.tags);
        group.belongs.owner.clone_from(&owner);
    }
    for thing in &mut desk.state.things {
        let network = matches!(
            thing.kind,
            Kind::LoadBalancer
                | Kind::PublicIp
                | Kind::SecurityGroup
                | Kind::Network
                | Kind::Identity
        );
        if network && same(&thing.group, &cluster.node_group) {
            thing.tags = again(&thing.tags);
        }
    }
    let ids: Vec<String> = {
        let all = desk
            .state
            .things
            .iter()
            .filter(|t| t.belongs.cluster.as_deref() == Some(uid));
        all.map(Thing::id).collect()
    };
    for id in ids {
        things::set_owner(desk, &id, owner.as_deref());
    }
    let machines = cluster
        .pools
        .iter()
        .flat_map(|p| p.nodes.iter().map(|n| cluster.machine_id(p, n)));
    for id in machines.chain([cluster.id()]) {
        desk.core.meter.set_owner(ME, &id, owner.as_deref());
    }
}

/// A pool has other tags: its scale set and disks get them.
pub(super) fn retag_pool(desk: &mut Desk<'_>, uid: &str, pool: &str) {
    let Some((tags, ids)) = desk
        .state
        .cluster(uid)
        .and_then(|c| pool_things(c, c.pool(pool)?))
    else {
        return;
    };
    for id in ids {
        if let Some(thing) = desk.state.thing_mut(&id) {
            thing.tags.clone_from(&tags);
        }
    }
}

fn pool_things(cluster: &Cluster, pool: &Pool) -> Option<(Tags, Vec<String>)> {
    let disks = pool.nodes.iter().filter_map(|n| n.disk.clone());
    Some((
        nodes::set_tags(cluster, pool),
        disks.chain([cluster.scale_set_id(pool)]).collect(),
    ))
}
