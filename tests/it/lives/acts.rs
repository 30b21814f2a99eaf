//! What happens in a random life: what is ordered, what its user makes of it, what somebody changes.

use chrono::TimeDelta;
use kubelease::kubeapi::KubeApi;
use kubelease::ledger::{Lease, Status};
use kubelease_core::{ItemKind, Owned, ProviderId, Purchase};
use serde_json::{Value, json};

use super::console;
use super::dice::Dice;
use super::world::{Wish, World};

/// A random order: size, number of nodes, how they are bought, disks, time to live.
pub(crate) fn wish(world: &World, dice: &mut Dice) -> Wish {
    let cloud = world.cloud;
    let spot = ["never", "prefer"][usize::from(dice.in_hundred(40))];
    let mut toml = format!(
        "[nodes]\ncount = {}\ncpu = {}\nmemory = \"{}GiB\"\ndisk = \"{}GiB\"\nspot = \"{spot}\"\n",
        dice.between(1, 3),
        dice.pick(&[1, 2, 4]),
        dice.pick(&[1, 2, 4, 8]),
        dice.pick(&[20, 30, 50]),
    );
    let ttl = ttl(dice);
    let minutes = ttl.num_minutes();
    toml = format!(
        "{toml}[lease]\nttl = \"{minutes}m\"\nmax_ttl = \"{minutes}m\"\n[expect]\nvolumes = [\"10GiB\"]\n"
    );
    if dice.in_hundred(50)
        && let Some(size) = any_size(world, spot == "prefer", dice)
    {
        toml = format!("{toml}[provider.{cloud}]\nsize = \"{size}\"\n");
    }
    Wish { toml, ttl }
}

/// Hours, days or more than a month.
fn ttl(dice: &mut Dice) -> TimeDelta {
    match dice.roll(10) {
        0..=4 => TimeDelta::minutes(dice.between(60, 12 * 60)),
        5..=7 => TimeDelta::hours(dice.between(12, 24 * 10)),
        _ => TimeDelta::days(dice.between(10, 30)),
    }
}

/// Any size that can be had and has a price in the usual region.
fn any_size(world: &World, spot: bool, dice: &mut Dice) -> Option<String> {
    let capability = world.cloud().provider.capability();
    let catalog = &world.catalog;
    let purchase = match spot && capability.spot {
        true => Purchase::Spot,
        false => Purchase::OnDemand,
    };
    let region = capability.default_region;
    let here = catalog
        .sizes
        .iter()
        .filter(|s| s.available && (s.regions.is_empty() || s.regions.iter().any(|r| r == region)));
    let priced = here.filter(|s| {
        catalog
            .prices
            .find(ItemKind::Node, &s.slug, region, purchase)
            .is_some()
    });
    let sizes: Vec<&str> = priced.map(|s| s.slug.as_str()).collect();
    (!sizes.is_empty()).then(|| (*dice.pick(&sizes)).to_owned())
}

/// Something happens with a ready lease.
pub(crate) async fn act(world: &World, lease: &Lease, n: i64, dice: &mut Dice) -> &'static str {
    match dice.roll(6) {
        0 | 1 => publish(world, lease, n, dice).await,
        2 => claim(world, lease, n, dice).await,
        3 => rescale(world, lease, dice).await,
        4 => drop_balancer(world, lease).await,
        _ => grow(world, lease, dice).await,
    }
}

async fn api(world: &World, lease: &Lease) -> Option<KubeApi> {
    let view = world.guard.engine.view(lease).await.unwrap();
    let access = world.cloud().provider.access(&view).await.ok()?;
    KubeApi::new(&access).ok()
}

/// A Service of type LoadBalancer with some ports.
pub(crate) async fn publish(world: &World, lease: &Lease, n: i64, dice: &mut Dice) -> &'static str {
    let Some(api) = api(world, lease).await else {
        return "nothing";
    };
    let ports: Vec<Value> = (0..dice.between(1, 7))
        .map(|p| json!({ "name": format!("p{p}"), "port": 80 + p, "targetPort": 80, "protocol": "TCP" }))
        .collect();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("web{n}") },
        "spec": { "type": "LoadBalancer", "selector": { "app": "web" }, "ports": ports }
    });
    let path = "/api/v1/namespaces/default/services";
    match api.post(path, &service).await {
        Ok(_) => "publish",
        Err(_) => "nothing",
    }
}

/// A claim, and on the clouds that wait for one a Pod that uses it.
pub(crate) async fn claim(world: &World, lease: &Lease, n: i64, dice: &mut Dice) -> &'static str {
    let Some(api) = api(world, lease).await else {
        return "nothing";
    };
    let size = format!("{}Gi", dice.pick(&[1, 5, 10, 33, 100]));
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": format!("data{n}") },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": size } } }
    });
    let path = "/api/v1/namespaces/default/persistentvolumeclaims";
    if api.post(path, &claim).await.is_err() {
        return "nothing";
    }
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": format!("user{n}") },
        "spec": {
            "containers": [{ "name": "c", "image": "nginx", "volumeMounts": [{ "name": "d", "mountPath": "/d" }] }],
            "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": format!("data{n}") } }]
        }
    });
    let waits = matches!(
        world.cloud,
        ProviderId::Gke | ProviderId::Eks | ProviderId::Aks
    );
    if waits || dice.in_hundred(50) {
        api.post("/api/v1/namespaces/default/pods", &pod).await.ok();
    }
    "claim"
}

/// More nodes or fewer.
async fn rescale(world: &World, lease: &Lease, dice: &mut Dice) -> &'static str {
    let ours = world.resources(true);
    let mine = |r: &&Value| r["kind"] == "cluster" && r["owner"] == lease.id.as_str();
    let Some(cluster) = ours.iter().find(mine) else {
        return "nothing";
    };
    let count = u32::try_from(dice.between(1, 4)).unwrap();
    console::resize_pool(world, cluster, count).await;
    "rescale"
}

/// Somebody deletes a load balancer, with the vendor's own API.
async fn drop_balancer(world: &World, lease: &Lease) -> &'static str {
    let things = world.things(&lease.id).await;
    let balancer = |t: &&Owned| t.billed.iter().any(|b| b.kind == ItemKind::LoadBalancer);
    let Some(found) = things.iter().find(balancer) else {
        return "nothing";
    };
    match world.cloud().provider.destroy(&found.target).await {
        Ok(_) => "drop",
        Err(_) => "nothing",
    }
}

/// A volume grows.
async fn grow(world: &World, lease: &Lease, dice: &mut Dice) -> &'static str {
    let things = world.things(&lease.id).await;
    let volume = things.iter().find_map(|t| {
        let billed = t.billed.iter().find(|b| b.kind == ItemKind::Volume)?;
        Some((t.target.id.clone(), billed.size_gib?))
    });
    let Some((id, gib)) = volume else {
        return "nothing";
    };
    let more = u32::try_from(dice.between(1, 60)).unwrap();
    match console::grow_volume(world, &id, gib + more).await {
        true => "grow",
        false => "nothing",
    }
}

/// The leases that can be used now.
pub(crate) async fn ready(world: &World) -> Vec<Lease> {
    let mut leases = world.ledger().leases(false).await.unwrap();
    leases.retain(|l| l.status == Status::Ready);
    leases
}
