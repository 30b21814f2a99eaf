//! Attribution, blockers and removal.

use kubelease_core::LeaseId;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::cluster as a_cluster;
use crate::api::tests::{
    CLUSTER_ID, CLUSTER_PATH, GROUP, GROUP_PATH, NODES, World, error, group as a_group, lease,
    list, listing_route, not_found, our_cluster, ours, world,
};

const MAIN: &str = "kubelease-lbcdfghjkm";
const NODES_ID: &str = "/subscriptions/s/resourcegroups/mc_kubelease-lbcdfghjkm_practice-a_eastus";

/// What a subscription holds.
#[derive(Default)]
struct Holds {
    groups: Vec<Value>,
    clusters: Vec<Value>,
    balancers: Vec<Value>,
    addresses: Vec<Value>,
    disks: Vec<Value>,
}

fn account(holds: &Holds, broken: Option<&str>) -> World {
    let world = world();
    let all = [&holds.clusters, &holds.balancers, &holds.addresses];
    let dated: Vec<Value> = all
        .into_iter()
        .flatten()
        .map(|t| json!({"id": t["id"], "createdTime": "2026-01-05T08:10:00Z"}))
        .collect();
    let none = Vec::new();
    for (path, version, rows) in [
        ("resourcegroups", "2025-04-01", &holds.groups),
        (
            "providers/Microsoft.ContainerService/managedClusters",
            "2025-10-01",
            &holds.clusters,
        ),
        (
            "providers/Microsoft.Network/loadBalancers",
            "2024-05-01",
            &holds.balancers,
        ),
        (
            "providers/Microsoft.Network/publicIPAddresses",
            "2024-05-01",
            &holds.addresses,
        ),
        (
            "providers/Microsoft.Compute/disks",
            "2025-01-02",
            &holds.disks,
        ),
        ("providers/Microsoft.Compute/snapshots", "2025-01-02", &none),
        ("resources", "2025-04-01", &dated),
    ] {
        let route = listing_route(path, version);
        if broken.is_some_and(|b| path.ends_with(b)) {
            world
                .queue
                .json(&route, 403, &error("AuthorizationFailed", "no"));
        } else {
            world.queue.json(&route, 200, &list(rows));
        }
    }
    world
}

async fn look(world: &World, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(&world.api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

fn inside(group: &str, kind: &str, name: &str, mut rest: Value) -> Value {
    rest["id"] = json!(format!(
        "/subscriptions/s/resourceGroups/{group}/providers/{kind}/{name}"
    ));
    rest["name"] = json!(name);
    rest["location"] = json!("East US");
    rest
}

fn a_disk(group: &str, name: &str) -> Value {
    let inner =
        json!({"timeCreated": "2026-01-05T08:20:00Z", "diskSizeGB": 10, "diskState": "Unattached"});
    inside(
        group,
        "Microsoft.Compute/disks",
        name,
        json!({"sku": {"name": "Premium_LRS"}, "properties": inner}),
    )
}

fn a_balancer(group: &str) -> Value {
    inside(
        group,
        "Microsoft.Network/loadBalancers",
        "kubernetes",
        json!({"sku": {"name": "Standard"}}),
    )
}

fn an_address(group: &str, name: &str) -> Value {
    let frontend = format!(
        "/subscriptions/s/resourceGroups/{group}/providers/Microsoft.Network/loadBalancers/kubernetes/frontendIPConfigurations/f"
    );
    let inner = json!({"ipConfiguration": {"id": frontend}});
    inside(
        group,
        "Microsoft.Network/publicIPAddresses",
        name,
        json!({"sku": {"name": "Standard"}, "properties": inner}),
    )
}

/// A living cluster with its two groups, and somebody else's beside it.
fn living() -> Holds {
    let foreign = "MC_shop_shop_eastus";
    Holds {
        groups: vec![
            a_group(MAIN, &ours(500), "Succeeded"),
            a_group(NODES, &json!(null), "Succeeded"),
            a_group("shop", &json!({}), "Succeeded"),
            a_group(foreign, &json!({}), "Succeeded"),
        ],
        clusters: vec![
            our_cluster("Succeeded"),
            a_cluster("shop", "shop", &json!({}), "Succeeded"),
        ],
        balancers: vec![a_balancer(NODES), a_balancer(foreign)],
        addresses: vec![
            an_address(&NODES.to_uppercase(), "out"),
            an_address(foreign, "out"),
        ],
        disks: vec![
            a_disk(&NODES.to_uppercase(), "pvc-1"),
            a_disk("shop", "pvc-2"),
        ],
    }
}

/// Kind, last part of the id, lease, last parts of the blockers.
type Row = (String, String, Option<String>, Vec<String>);

fn last(id: &str) -> String {
    id.rsplit('/').next().unwrap_or_default().to_owned()
}

fn rows(listing: &Listing) -> Vec<Row> {
    let row = |t: &Owned| {
        let owner = t.owner.as_ref().map(|o| o.lease.to_string());
        let blocked = t.blocked_by.iter().map(|b| last(&b.id)).collect();
        (t.target.kind.clone(), last(&t.target.id), owner, blocked)
    };
    listing.things.iter().map(row).collect()
}

fn own(kind: &str, name: &str, blocked: &[&str]) -> Row {
    let blocked = blocked.iter().map(|b| (*b).to_owned()).collect();
    (
        kind.to_owned(),
        name.to_owned(),
        Some(lease().to_string()),
        blocked,
    )
}

#[tokio::test]
async fn a_living_cluster_with_everything_of_it_in_delete_order() {
    let world = account(&living(), None);
    let listing = look(&world, &[], false).await;
    assert!(listing.complete, "{:?}", listing.missing);
    let nodes = NODES.to_lowercase();
    let both = ["practice-a", nodes.as_str()];
    let expect = vec![
        own("cluster", "practice-a", &[]),
        own("resource_group", MAIN, &["practice-a"]),
        own("resource_group", &nodes, &["practice-a"]),
        own("load_balancer", "kubernetes", &both),
        own("ipv4", "out", &["practice-a", &nodes, "kubernetes"]),
        own("volume", "pvc-1", &both),
    ];
    // The address says its group in capitals, its frontend too.
    assert_eq!(rows(&listing), expect);
    let place = |t: &Owned| ORDER.iter().position(|k| *k == t.target.kind);
    assert!(listing.things.is_sorted_by_key(place));
    let dated = |t: &Owned| t.owner.as_ref().is_some_and(|o| o.expires_at.is_some());
    assert!(listing.things.iter().all(dated));
    assert_eq!(world.queue.seen().len(), 7);
}

#[tokio::test]
async fn everything_that_costs_money_is_billed_since_it_was_made() {
    let world = account(&living(), None);
    let listing = look(&world, &[], false).await;
    let billed: Vec<String> = listing
        .things
        .iter()
        .flat_map(|t| &t.billed)
        .map(|b| {
            let time = b.since.format("%H:%M");
            format!(
                "{} {} {} ×{} {:?} {time}",
                b.kind.as_str(),
                b.r#type,
                b.region,
                b.count,
                b.size_gib
            )
        })
        .collect();
    let expect = [
        "node Standard_B2als_v2 eastus ×1 None 08:00",
        "node Standard_B2als_v2 eastus ×1 None 08:00",
        "load_balancer standard eastus ×1 None 08:10",
        "ipv4 standard-static-regional eastus ×1 None 08:10",
        "volume P4 (premium SSD 32 GiB) eastus ×1 Some(32) 08:20",
    ];
    assert_eq!(billed, expect);
}

#[tokio::test]
async fn boot_disks_are_billed_as_they_are_listed() {
    let mut holds = living();
    let mut boot = a_disk(NODES, "node-0_OsDisk");
    boot["properties"]["osType"] = json!("Linux");
    holds.disks = vec![boot];
    let listing = look(&account(&holds, None), &[], false).await;
    let all = listing.things.iter().flat_map(|t| &t.billed);
    let boots: Vec<u32> = all
        .filter(|b| b.kind.as_str() == "boot_disk")
        .map(|b| b.count)
        .collect();
    assert_eq!(boots, [1]);
}

#[tokio::test]
async fn the_groups_dates_count() {
    let mut holds = living();
    holds.groups[0] = a_group(MAIN, &ours(900), "Succeeded");
    let listing = look(&account(&holds, None), &[], false).await;
    for thing in &listing.things {
        let end = thing.owner.as_ref().and_then(|o| o.expires_at);
        assert_eq!(end.map(|e| e.timestamp()), Some(900), "{}", thing.target);
    }
}

#[tokio::test]
async fn others_are_shown_only_when_asked_for_and_without_owner() {
    let listing = look(&account(&living(), None), &[], true).await;
    let foreign: Vec<Row> = rows(&listing)
        .into_iter()
        .filter(|r| r.2.is_none())
        .collect();
    let kinds: Vec<(&str, &str)> = foreign
        .iter()
        .map(|r| (r.0.as_str(), r.1.as_str()))
        .collect();
    let expect = [
        ("cluster", "shop"),
        ("load_balancer", "kubernetes"),
        ("ipv4", "out"),
        ("volume", "pvc-2"),
    ];
    assert_eq!(kinds, expect);
    assert!(foreign.iter().all(|r| r.3.is_empty()));
}

#[tokio::test]
async fn what_only_looks_like_ours_is_not() {
    let half = json!({"kubelease-lease": "lbcdfghjkm"});
    let theirs = json!({"managed-by": "terraform", "kubelease-lease": "lbcdfghjkm"});
    let holds = Holds {
        groups: vec![
            a_group(MAIN, &half, "Succeeded"),
            a_group(NODES, &json!({}), "Succeeded"),
            a_group("kubelease-lzzzzzzzzz", &theirs, "Succeeded"),
        ],
        clusters: vec![a_cluster(MAIN, "practice-a", &half, "Succeeded")],
        disks: vec![a_disk(NODES, "pvc-1")],
        ..Holds::default()
    };
    assert_eq!(rows(&look(&account(&holds, None), &[], false).await), []);
}

#[tokio::test]
async fn leftovers_are_ours_by_record_and_free_to_go() {
    let mut managed = a_group("MC_renamed", &json!({}), "Succeeded");
    managed["managedBy"] = json!(CLUSTER_ID.to_uppercase());
    let holds = Holds {
        groups: vec![managed, a_group("else", &json!({}), "Succeeded")],
        disks: vec![
            a_disk("else", "pvc-9"),
            a_disk("else", "pvc-8"),
            a_disk("MC_RENAMED", "pvc-7"),
        ],
        ..Holds::default()
    };
    let disk = "/subscriptions/s/resourcegroups/else/providers/microsoft.compute/disks/pvc-9";
    let recorded = [
        (lease(), Ref::new("cluster", CLUSTER_ID)),
        (lease(), Ref::new("volume", disk)),
    ];
    let listing = look(&account(&holds, None), &recorded, false).await;
    let expect = vec![
        own("resource_group", "mc_renamed", &[]),
        own("volume", "pvc-9", &[]),
        own("volume", "pvc-7", &["mc_renamed"]),
    ];
    assert_eq!(rows(&listing), expect);
}

#[tokio::test]
async fn a_list_that_failed_is_told_and_its_clusters_may_live() {
    let listing = look(&account(&living(), Some("disks")), &[], false).await;
    assert!(!listing.complete);
    let why = listing.missing.join("\n");
    assert!(
        why.starts_with("disks: AuthorizationFailed")
            && why.contains("Microsoft.Compute/disks/read"),
        "{why}"
    );
    let recorded = [(lease(), Ref::new("cluster", CLUSTER_ID))];
    let listing = look(
        &account(&living(), Some("managedClusters")),
        &recorded,
        false,
    )
    .await;
    let group = listing
        .things
        .iter()
        .find(|t| t.target.id == GROUP)
        .unwrap();
    assert_eq!(group.blocked_by, [Ref::new("cluster", CLUSTER_ID)]);
}

#[tokio::test]
async fn wrong_credentials_are_an_error_and_no_list() {
    let world = world();
    world
        .queue
        .always(401, &error("InvalidAuthenticationToken", "bad").to_string());
    let outcome = owned(
        &world.api,
        &Scope {
            recorded: &[],
            foreign: false,
        },
    )
    .await;
    assert_eq!(outcome.unwrap_err().kind, Kind::Unauthenticated);
    assert!(!world.log.text().contains("azure-canary"));
}

async fn remove(world: &World, kind: &str, id: &str) -> Result<Removal, Error> {
    destroy(&world.api, &Ref::new(kind, id)).await
}

/// The requests that are no reads.
fn writes(world: &World) -> Vec<String> {
    let all = world.queue.routes().into_iter();
    all.filter(|r| !r.starts_with("GET")).collect()
}

const DATE: (&str, &str) = ("Date", "Mon, 05 Jan 2026 12:00:00 GMT");

#[tokio::test]
async fn the_cluster_goes_with_its_group_in_one_request() {
    let world = world();
    world.queue.json(
        &format!("GET {CLUSTER_PATH}"),
        200,
        &our_cluster("Succeeded"),
    );
    world.queue.json(
        &format!("GET {GROUP_PATH}"),
        200,
        &a_group(MAIN, &ours(5), "Succeeded"),
    );
    let delete = format!("DELETE {GROUP_PATH}");
    world.queue.reply(&delete, 202, &[DATE], "");
    let Removal::Accepted(Some(at)) = remove(&world, "cluster", CLUSTER_ID).await.unwrap() else {
        panic!("accepted with the vendor's time");
    };
    assert_eq!(at.to_rfc3339(), "2026-01-05T12:00:00+00:00");
    assert_eq!(writes(&world), [delete]);
}

#[tokio::test]
async fn a_cluster_in_a_foreign_group_goes_alone() {
    let world = world();
    let id = CLUSTER_ID.replace(MAIN, "team");
    let path = CLUSTER_PATH.replace(MAIN, "team");
    world.queue.json(
        &format!("GET {path}"),
        200,
        &a_cluster("team", "practice-a", &ours(5), "Succeeded"),
    );
    world.queue.json(
        &format!("GET {}", GROUP_PATH.replace(MAIN, "team")),
        200,
        &a_group("team", &json!({}), "Succeeded"),
    );
    world.queue.reply(&format!("DELETE {path}"), 202, &[], "");
    assert_eq!(
        remove(&world, "cluster", &id).await.unwrap(),
        Removal::Accepted(None)
    );
    assert_eq!(writes(&world), [format!("DELETE {path}")]);
}

#[tokio::test]
async fn a_cluster_that_is_being_made_is_aborted_first() {
    let world = world();
    let (get, group) = (format!("GET {CLUSTER_PATH}"), format!("GET {GROUP_PATH}"));
    let abort = format!(
        "POST {}",
        CLUSTER_PATH
            .replace("managedClusters", "managedclusters")
            .replace("?", "/abort?")
    );
    world.queue.json(&get, 200, &our_cluster("Creating"));
    world.queue.reply(&abort, 202, &[], "");
    assert_eq!(
        remove(&world, "cluster", CLUSTER_ID).await.unwrap(),
        Removal::Accepted(None)
    );
    assert_eq!(writes(&world), std::slice::from_ref(&abort));
    // While it stops nothing is sent; an abort that did not help is not repeated for ever.
    world.queue.json(&get, 200, &our_cluster("Canceling"));
    assert_eq!(
        remove(&world, "cluster", CLUSTER_ID)
            .await
            .unwrap_err()
            .kind,
        Kind::InUse
    );
    world.queue.json(&get, 200, &our_cluster("Creating"));
    world
        .queue
        .json(&group, 200, &a_group(MAIN, &ours(5), "Succeeded"));
    world
        .queue
        .reply(&format!("DELETE {GROUP_PATH}"), 202, &[], "");
    assert_eq!(
        remove(&world, "cluster", CLUSTER_ID).await.unwrap(),
        Removal::Accepted(None)
    );
    assert_eq!(writes(&world), [abort, format!("DELETE {GROUP_PATH}")]);
}

#[tokio::test]
async fn gone_is_only_what_azure_says_is_gone() {
    let disk = "/subscriptions/s/resourcegroups/g/providers/microsoft.compute/disks/d";
    let path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d?api-version=2025-01-02";
    let world = world();
    world
        .queue
        .json(&format!("GET {CLUSTER_PATH}"), 404, &not_found());
    world.queue.json(
        &format!("GET {GROUP_PATH}"),
        404,
        &error("ResourceGroupNotFound", "x"),
    );
    // What a read does not know is proved by the delete.
    world
        .queue
        .reply(&format!("DELETE {CLUSTER_PATH}"), 204, &[], "");
    world.queue.json(
        &format!("DELETE {GROUP_PATH}"),
        404,
        &error("ResourceGroupNotFound", "x"),
    );
    world.queue.reply(&format!("DELETE {path}"), 204, &[], "");
    world.queue.json(
        &format!("DELETE {path}"),
        404,
        &error("ResourceGroupNotFound", "x"),
    );
    for (kind, id) in [
        ("cluster", CLUSTER_ID),
        ("resource_group", GROUP),
        ("volume", disk),
        ("volume", disk),
    ] {
        assert_eq!(
            remove(&world, kind, id).await.unwrap(),
            Removal::Gone,
            "{kind}"
        );
    }
    let odd = [
        (
            404,
            error("SubscriptionNotFound", "x"),
            Kind::PermissionDenied,
        ),
        (
            404,
            error("NoRegisteredProviderFound", "x"),
            Kind::Unexpected,
        ),
    ];
    for (status, body, kind) in odd {
        world.queue.json(&format!("DELETE {path}"), status, &body);
        assert_eq!(remove(&world, "volume", disk).await.unwrap_err().kind, kind);
    }
    world.queue.reply(
        &format!("DELETE {path}"),
        404,
        &[("content-type", "text/html")],
        "<html>",
    );
    assert_eq!(
        remove(&world, "volume", disk).await.unwrap_err().kind,
        Kind::Unavailable
    );
    assert_eq!(
        remove(&world, "droplet", disk).await.unwrap_err().kind,
        Kind::Unexpected
    );
}

#[tokio::test]
async fn locks_are_named_whether_they_show_at_once_or_later() {
    let group = || a_group(NODES, &json!({}), "Succeeded");
    let path = GROUP_PATH.replace(MAIN, &NODES.to_lowercase());
    let world = world();
    world.queue.json(&format!("GET {path}"), 200, &group());
    world.queue.json(
        &format!("DELETE {path}"),
        409,
        &error("ScopeLocked", "lock `keep`"),
    );
    let at_once = remove(&world, "resource_group", NODES_ID)
        .await
        .unwrap_err();
    world.queue.json(&format!("GET {path}"), 200, &group());
    let result = "https://management.azure.com/subscriptions/s/operationresults/x";
    world
        .queue
        .reply(&format!("DELETE {path}"), 202, &[("location", result)], "");
    assert!(remove(&world, "resource_group", NODES_ID).await.is_ok());
    world.queue.json(&format!("GET {path}"), 200, &group());
    world.queue.json(
        "GET /subscriptions/s/operationresults/x",
        409,
        &error("ScopeLocked", "lock `keep`"),
    );
    let later = remove(&world, "resource_group", NODES_ID)
        .await
        .unwrap_err();
    for error in [at_once, later] {
        assert!(error.kind == Kind::InUse && error.is_temporary(), "{error}");
        assert!(error.message.contains("lock `keep`") && error.hint.unwrap().contains("az lock"));
    }
}

#[tokio::test]
async fn a_group_that_is_not_ours_is_never_deleted() {
    for name in ["team", "kubelease-demo", "MC_team_lab_eastus", "kubelease"] {
        let world = world();
        let path = GROUP_PATH.replace(MAIN, &name.to_lowercase());
        world.queue.json(
            &format!("GET {path}"),
            200,
            &a_group(name, &json!({"managed-by": "kubelease"}), "Succeeded"),
        );
        let id = format!("/subscriptions/s/resourcegroups/{name}");
        assert_eq!(
            remove(&world, "resource_group", &id)
                .await
                .unwrap_err()
                .kind,
            Kind::PermissionDenied
        );
        assert_eq!(writes(&world), [""; 0]);
    }
}
