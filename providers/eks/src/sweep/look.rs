//! Reading everything of a region that may be ours. What can only be in a network of ours is asked for
//! when there is one.

use aws_sdk_eks::types::{Cluster, Nodegroup};
use futures_util::future::join_all;
use kubelease_core::Error;
use kubelease_http::Listed;

use crate::api::Api;
use crate::api::tags;
use crate::api::wire::{
    self, Instance, InternetGateway, LaunchTemplate, LoadBalancer, NetworkInterface, RouteTable,
    SecurityGroup, Snapshot, Stack, Subnet, TargetGroup, Volume, Vpc,
};
use crate::config::Service;
use crate::steps::owner_of;

/// Everything of a region.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) region: String,
    pub(super) clusters: Listed<Cluster>,
    /// Of clusters with our tag.
    pub(super) pools: Listed<Nodegroup>,
    pub(super) stacks: Listed<Stack>,
    pub(super) instances: Listed<Instance>,
    pub(super) volumes: Listed<Volume>,
    pub(super) snapshots: Listed<Snapshot>,
    /// With our tag, never a default one.
    pub(super) vpcs: Listed<Vpc>,
    pub(super) templates: Listed<LaunchTemplate>,
    pub(super) gateways: Listed<InternetGateway>,
    pub(super) classic: Listed<LoadBalancer>,
    pub(super) modern: Listed<LoadBalancer>,
    pub(super) target_groups: Listed<TargetGroup>,
    pub(super) logs: Listed<String>,
    /// Of our networks, as are the following.
    pub(super) interfaces: Listed<NetworkInterface>,
    pub(super) groups: Listed<SecurityGroup>,
    pub(super) subnets: Listed<Subnet>,
    pub(super) tables: Listed<RouteTable>,
}

fn nothing<T>() -> Listed<T> {
    Listed {
        items: Vec::new(),
        missing: None,
    }
}

/// Reads a region.
pub(super) async fn see(api: &Api, region: &str) -> Seen {
    // Boxed: so many calls at once make one large future.
    let eks = Box::pin(clusters(api, region));
    let machines = Box::pin(async {
        tokio::join!(
            api.instances(region),
            api.volumes(region),
            api.snapshots(region),
            api.templates(region),
            api.log_groups(region),
        )
    });
    let network = Box::pin(network(api, region));
    let balancers = Box::pin(async {
        tokio::join!(
            api.balancers(Service::Elb, region),
            api.balancers(Service::ElbV2, region),
            api.target_groups(region),
            api.gateways(region),
        )
    });
    let (
        (clusters, pools),
        (instances, volumes, snapshots, templates, logs),
        (stacks, vpcs, interfaces, groups, subnets, tables),
        (classic, modern, target_groups, gateways),
    ) = tokio::join!(eks, machines, network, balancers);
    Seen {
        region: region.to_owned(),
        clusters,
        pools,
        stacks,
        instances,
        volumes,
        snapshots,
        vpcs,
        templates,
        gateways,
        classic,
        modern,
        target_groups,
        logs,
        interfaces,
        groups,
        subnets,
        tables,
    }
}

/// Puts answers to single questions together; what EKS itself does not know (any more) is left out.
fn gathered<T>(answers: Vec<Result<Option<T>, Error>>, missing: Option<Error>) -> Listed<T> {
    let mut listed = Listed {
        items: Vec::new(),
        missing,
    };
    for answer in answers {
        match answer {
            Ok(thing) => listed.items.extend(thing),
            Err(error) => listed.missing = Some(error),
        }
    }
    listed
}

/// All clusters, and the node pools of those with our tag.
async fn clusters(api: &Api, region: &str) -> (Listed<Cluster>, Listed<Nodegroup>) {
    let eks = api.eks(region);
    let names = eks.clusters().await;
    let found = join_all(names.items.iter().map(|name| eks.cluster(name))).await;
    let clusters = gathered(found, names.missing);
    let ours = |c: &&Cluster| owner_of(c.tags.as_ref()).is_some();
    let ours = clusters.items.iter().filter(ours);
    let ours: Vec<&str> = ours.filter_map(|c| c.name.as_deref()).collect();
    let mut pools = nothing();
    for name in ours {
        let listed = eks.pools(name).await;
        // A cluster that went meanwhile has none.
        let missing = listed.missing.filter(|e| !e.is_not_found());
        let found = join_all(listed.items.iter().map(|pool| eks.pool(name, pool))).await;
        let of_one = gathered(found, missing);
        pools.items.extend(of_one.items);
        pools.missing = pools.missing.or(of_one.missing);
    }
    (clusters, pools)
}

type Network = (
    Listed<Stack>,
    Listed<Vpc>,
    Listed<NetworkInterface>,
    Listed<SecurityGroup>,
    Listed<Subnet>,
    Listed<RouteTable>,
);

/// Our networks and what is in them.
async fn network(api: &Api, region: &str) -> Network {
    let (stacks, mut vpcs) = tokio::join!(api.stacks(region), api.vpcs(region));
    let ours = |v: &Vpc| !v.is_default && tags::owner(|k| wire::tag(&v.tag_set, k)).is_some();
    vpcs.items.retain(ours);
    let ids: Vec<&str> = vpcs.items.iter().map(|v| v.vpc_id.as_str()).collect();
    if ids.is_empty() {
        return (stacks, vpcs, nothing(), nothing(), nothing(), nothing());
    }
    let left = vpcs.items.iter().filter(|v| !is_kept(v, &stacks));
    let left: Vec<&str> = left.map(|v| v.vpc_id.as_str()).collect();
    let pieces = async {
        if left.is_empty() {
            return (nothing(), nothing());
        }
        tokio::join!(api.subnets(region, &left), api.tables(region, &left))
    };
    let (interfaces, groups, (subnets, tables)) = tokio::join!(
        api.interfaces(region, &ids),
        api.groups(region, &ids),
        pieces,
    );
    (stacks, vpcs, interfaces, groups, subnets, tables)
}

/// Whether a stack that works still has a network: its pieces go with it, cost nothing, and nobody has to
/// know them before a stack fails to remove them.
fn is_kept(vpc: &Vpc, stacks: &Listed<Stack>) -> bool {
    let lease =
        |tags: &wire::Items<wire::Tag>| tags::owner(|k| wire::tag(tags, k)).map(|o| o.lease);
    let works = [
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
        "DELETE_IN_PROGRESS",
    ];
    let owner = lease(&vpc.tag_set);
    stacks
        .items
        .iter()
        .any(|s| works.contains(&s.stack_status.as_str()) && lease(&s.tags) == owner)
}
