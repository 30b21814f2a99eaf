//! Attribution and blockers.

mod removal;

use kubelease_core::LeaseId;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{
    CLUSTERS, UID, World, cluster as lab, error, lease, our_labels, page, route, world,
};

const SERVICE: &str = "a0c1d2e3f405142536475869708192a3b";
const ZONE: &str = "zones/us-central1-a";
const LATER: &str = "2026-01-05T08:20:00Z";

/// What a project holds: clusters, and compute rows by collection and scope.
#[derive(Default)]
struct Holds {
    clusters: Vec<Value>,
    rows: Vec<(&'static str, &'static str, Vec<Value>)>,
}

const COLLECTIONS: [&str; 14] = [
    "forwardingRules",
    "targetHttpProxies",
    "targetHttpsProxies",
    "urlMaps",
    "backendServices",
    "targetPools",
    "healthChecks",
    "httpHealthChecks",
    "networkEndpointGroups",
    "instanceGroups",
    "firewalls",
    "addresses",
    "instances",
    "disks",
];

async fn project(holds: Holds) -> World {
    let world = world().await;
    world
        .queue
        .json(CLUSTERS, 200, &json!({"clusters": holds.clusters}));
    for collection in COLLECTIONS {
        let row = holds.rows.iter().find(|(c, ..)| *c == collection);
        let body = match row {
            Some((_, scope, rows)) => page(collection, scope, rows),
            None => page(collection, "global", &[]),
        };
        world.queue.json(&route(collection), 200, &body);
    }
    world
}

async fn look(world: &World, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(&world.api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

/// Kind, id, lease, blockers.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Vec<&'a str>);

fn rows(listing: &Listing) -> Vec<Row<'_>> {
    listing
        .things
        .iter()
        .map(|t| {
            let owner = t.owner.as_ref().map(|o| o.lease.as_str());
            let blockers = t.blocked_by.iter().map(|r| r.kind.as_str()).collect();
            (
                t.target.kind.as_str(),
                t.target.id.as_str(),
                owner,
                blockers,
            )
        })
        .collect()
}

const OURS: Option<&str> = Some("lbcdfghjkm");

fn ours() -> Value {
    lab("lab", &our_labels(), "RUNNING")
}

fn id() -> String {
    format!("lab/{UID}")
}

fn target() -> Ref {
    Ref::new("cluster", id()).in_region("us-central1-a")
}

fn labelled(name: &str) -> Value {
    json!({"goog-k8s-cluster-name": name, "goog-k8s-cluster-location": "us-central1-a"})
}

fn node(name: &str, cluster: &str) -> Value {
    json!({"name": name, "status": "RUNNING", "labels": labelled(cluster), "creationTimestamp": "2026-01-05T08:02:00Z",
        "machineType": "https://x/machineTypes/e2-medium", "networkInterfaces": [{"accessConfigs": [{"natIP": "203.0.113.1"}]}],
        "disks": [{"boot": true, "source": format!("https://x/zones/us-central1-a/disks/{name}")},
            {"source": "https://x/zones/us-central1-a/disks/pvc-1"}]})
}

fn boot(name: &str, cluster: &str) -> Value {
    json!({"name": name, "status": "READY", "sizeGb": "30", "type": "https://x/diskTypes/pd-standard", "labels": labelled(cluster),
        "creationTimestamp": "2026-01-05T08:02:00Z", "users": [format!("https://x/instances/{name}")]})
}

fn claim(name: &str, cluster: &str, made: &str) -> Value {
    json!({"name": name, "status": "READY", "sizeGb": "10", "type": "https://x/diskTypes/pd-balanced", "labels": labelled(cluster),
        "creationTimestamp": made, "description": r#"{"storage.gke.io/created-by":"pd.csi.storage.gke.io"}"#})
}

fn firewall(name: &str, tag: &str) -> Value {
    json!({"name": name, "targetTags": [tag], "creationTimestamp": LATER})
}

fn rule(name: &str, target: &str) -> Value {
    json!({"name": name, "IPAddress": "203.0.113.9", "loadBalancingScheme": "EXTERNAL", "target": target,
        "description": r#"{"kubernetes.io/service-name":"default/web"}"#, "creationTimestamp": LATER})
}

fn pool(name: &str, nodes: &[&str]) -> Value {
    let instances: Vec<String> = nodes
        .iter()
        .map(|n| format!("https://x/instances/{n}"))
        .collect();
    json!({"name": name, "instances": instances, "healthChecks": ["https://x/httpHealthChecks/k8s-0123456789abcdef-node"], "creationTimestamp": LATER})
}

const TAG: &str = "gke-lab-0a1b2c3d-node";

/// A cluster with a node, a Service of type LoadBalancer and a claim.
fn living() -> Holds {
    let fw = format!("k8s-fw-{SERVICE}");
    let to_pool = format!("https://x/targetPools/{SERVICE}");
    Holds {
        clusters: vec![ours()],
        rows: vec![
            ("instances", ZONE, vec![node("gke-lab-1", "lab")]),
            (
                "disks",
                ZONE,
                vec![boot("gke-lab-1", "lab"), claim("pvc-1", "lab", LATER)],
            ),
            (
                "forwardingRules",
                "regions/us-central1",
                vec![rule(SERVICE, &to_pool)],
            ),
            (
                "targetPools",
                "regions/us-central1",
                vec![pool(SERVICE, &["gke-lab-1"])],
            ),
            (
                "httpHealthChecks",
                "global",
                vec![json!({"name": "k8s-0123456789abcdef-node", "creationTimestamp": LATER})],
            ),
            (
                "firewalls",
                "global",
                vec![firewall(&fw, TAG), firewall("allow-ssh", TAG)],
            ),
        ],
    }
}

#[tokio::test]
async fn a_living_cluster_with_everything_of_it_in_delete_order() {
    let world = project(living()).await;
    let listing = look(&world, &[], false).await;
    assert!(listing.complete, "{:?}", listing.missing);
    let (id, fw) = (id(), format!("k8s-fw-{SERVICE}"));
    let expect: Vec<Row<'_>> = vec![
        ("cluster", &id, OURS, vec![]),
        ("load_balancer", SERVICE, OURS, vec!["cluster"]),
        (
            "target_pool",
            SERVICE,
            OURS,
            vec!["cluster", "load_balancer"],
        ),
        (
            "http_health_check",
            "k8s-0123456789abcdef-node",
            OURS,
            vec!["cluster", "target_pool"],
        ),
        ("firewall", &fw, OURS, vec!["cluster"]),
        ("instance", "gke-lab-1", OURS, vec!["cluster"]),
        ("boot_disk", "gke-lab-1", OURS, vec!["cluster", "instance"]),
        ("volume", "pvc-1", OURS, vec!["cluster", "instance"]),
    ];
    assert_eq!(rows(&listing), expect);
    let billed: Vec<_> = listing
        .things
        .iter()
        .flat_map(|t| &t.billed)
        .map(|b| b.kind.as_str())
        .collect();
    assert_eq!(
        billed,
        [
            "control_plane",
            "load_balancer",
            "ipv4",
            "node",
            "ipv4",
            "boot_disk",
            "volume"
        ]
    );
    let ends: Vec<_> = listing
        .things
        .iter()
        .map(|t| t.owner.as_ref().unwrap().expires_at)
        .collect();
    assert!(
        ends.iter().all(|e| e.is_some_and(|e| e.timestamp() == 500)),
        "{ends:?}"
    );
}

#[tokio::test]
async fn after_the_cluster_only_records_and_labels_count() {
    let recorded =
        |kind: &str, id: &str, place: &str| (lease(), Ref::new(kind, id).in_region(place));
    let holds = || Holds {
        clusters: vec![],
        ..living()
    };
    // Nothing is recorded: what hangs on names alone is nobody's.
    assert_eq!(rows(&look(&project(holds()).await, &[], false).await), []);
    // The recorded id of the cluster and the tag that holds its first characters: two marks.
    let with_cluster = look(&project(holds()).await, &[(lease(), target())], false).await;
    let kinds: Vec<&str> = with_cluster
        .things
        .iter()
        .map(|t| t.target.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "load_balancer",
            "target_pool",
            "http_health_check",
            "firewall"
        ]
    );
    let blocked: Vec<usize> = with_cluster
        .things
        .iter()
        .map(|t| t.blocked_by.len())
        .collect();
    assert_eq!(
        blocked,
        [0, 1, 1, 0],
        "what does not hold on to another goes at once"
    );
    // A recorded disk is ours, in its own zone only.
    let disk = [recorded("volume", "pvc-1", "us-central1-a")];
    assert_eq!(
        rows(&look(&project(holds()).await, &disk, false).await),
        [("volume", "pvc-1", OURS, vec![])]
    );
    let elsewhere = [recorded("volume", "pvc-1", "us-central1-b")];
    assert_eq!(
        rows(&look(&project(holds()).await, &elsewhere, false).await),
        []
    );
}

#[tokio::test]
async fn a_disk_with_our_own_label_outlives_cluster_and_ledger() {
    let mut disk = claim("pvc-1", "lab", LATER);
    disk["labels"] = our_labels();
    let holds = Holds {
        clusters: vec![],
        rows: vec![("disks", ZONE, vec![disk])],
    };
    let listing = look(&project(holds).await, &[], false).await;
    assert_eq!(rows(&listing), [("volume", "pvc-1", OURS, vec![])]);
}

#[tokio::test]
async fn look_alikes_are_not_ours() {
    let mut half = lab("lab", &json!({"managed-by": "kubelease"}), "RUNNING");
    half["id"] = json!("ffff0000");
    let holds = Holds {
        clusters: vec![half],
        rows: vec![
            ("instances", ZONE, vec![node("gke-lab-1", "lab")]),
            (
                "disks",
                ZONE,
                vec![
                    claim("pvc-1", "lab", LATER),
                    json!({"name": "pvc-lab", "labels": {"kubelease-lease": "lbcdfghjkm"}}),
                ],
            ),
            (
                "forwardingRules",
                "regions/us-central1",
                vec![rule(SERVICE, "https://x/targetPools/t")],
            ),
            (
                "firewalls",
                "global",
                vec![firewall(
                    &format!("k8s-fw-{SERVICE}"),
                    "gke-lab-ffff0000-node",
                )],
            ),
        ],
    };
    // Our own cluster of that name is recorded, and gone: somebody else has the name now.
    let world = project(holds).await;
    let listing = look(&world, &[(lease(), target())], true).await;
    let owned: Vec<_> = listing
        .things
        .iter()
        .filter(|t| t.owner.is_some())
        .collect();
    assert_eq!(owned, Vec::<&Owned>::new());
    let kinds: Vec<&str> = listing
        .things
        .iter()
        .map(|t| t.target.kind.as_str())
        .collect();
    assert_eq!(
        kinds,
        ["cluster", "load_balancer", "instance", "volume", "volume"],
        "shown, because they cost money"
    );
}

#[tokio::test]
async fn our_leftovers_stay_ours_when_somebody_takes_the_name() {
    let mut taken = lab("lab", &json!({}), "RUNNING");
    taken["id"] = json!("ffff0000");
    let theirs = SERVICE.replace("a0c1", "a0c2");
    let (ours, their_rule) = (
        rule(SERVICE, "https://x/targetPools/t"),
        rule(&theirs, "https://x/targetPools/t"),
    );
    let tags = [
        firewall(&format!("k8s-fw-{SERVICE}"), TAG),
        firewall(&format!("k8s-fw-{theirs}"), "gke-lab-ffff0000-node"),
    ];
    let holds = Holds {
        clusters: vec![taken],
        rows: vec![
            (
                "forwardingRules",
                "regions/us-central1",
                vec![ours, their_rule],
            ),
            ("firewalls", "global", tags.to_vec()),
        ],
    };
    let listing = look(&project(holds).await, &[(lease(), target())], false).await;
    let fw = format!("k8s-fw-{SERVICE}");
    let expect: Vec<Row<'_>> = vec![
        ("load_balancer", SERVICE, OURS, vec![]),
        ("firewall", &fw, OURS, vec![]),
    ];
    assert_eq!(rows(&listing), expect);
}

#[tokio::test]
async fn two_living_clusters_of_one_name_are_told_apart_or_left_alone() {
    let there = |uid: &str| {
        let mut other = lab("lab", &json!({}), "RUNNING");
        other["location"] = json!("europe-west1-b");
        other["id"] = json!(uid);
        other
    };
    let owners = async |tag: &str| {
        let holds = Holds {
            clusters: vec![ours(), there("ffff0000")],
            rows: vec![(
                "firewalls",
                "global",
                vec![firewall(&format!("k8s-fw-{SERVICE}"), tag)],
            )],
        };
        let listing = look(&project(holds).await, &[], false).await;
        listing.things.len()
    };
    // The cluster of ours itself is always one.
    assert_eq!(owners(TAG).await, 2);
    assert_eq!(owners("gke-lab-ffff0000-node").await, 1);
    assert_eq!(owners("gke-lab-77777777-node").await, 1);
}

#[tokio::test]
async fn a_disk_of_an_earlier_cluster_of_the_same_name_is_not_ours() {
    let old = claim("pvc-old", "lab", "2026-01-05T07:59:59Z");
    let mut by_hand = claim("data", "lab", LATER);
    by_hand["description"] = json!("mine");
    let holds = Holds {
        clusters: vec![ours()],
        rows: vec![("disks", ZONE, vec![old, by_hand])],
    };
    let listing = look(&project(holds).await, &[], false).await;
    assert_eq!(rows(&listing), [("cluster", id().as_str(), OURS, vec![])]);
}

#[tokio::test]
async fn a_claim_without_labels_is_known_by_the_node_that_has_it() {
    let on_node = |name: &str, made: &str, node: &str| {
        let mut disk = claim(name, "lab", made);
        disk["labels"] = json!({"goog-gke-volume": ""});
        disk["users"] = json!([format!("https://x/instances/{node}")]);
        disk
    };
    let disks = vec![
        on_node("pvc-ours", LATER, "gke-lab-1"),
        on_node("pvc-older", "2026-01-05T07:00:00Z", "gke-lab-1"),
        on_node("pvc-theirs", LATER, "gke-other-1"),
    ];
    let holds = Holds {
        clusters: vec![ours()],
        rows: vec![
            (
                "instances",
                ZONE,
                vec![node("gke-lab-1", "lab"), node("gke-other-1", "other")],
            ),
            ("disks", ZONE, disks),
        ],
    };
    let listing = look(&project(holds).await, &[], false).await;
    let ids: Vec<&str> = listing
        .things
        .iter()
        .map(|t| t.target.id.as_str())
        .collect();
    assert_eq!(ids, [id().as_str(), "gke-lab-1", "pvc-ours"]);
}

#[tokio::test]
async fn an_ingress_chain_is_found_by_its_controllers_id() {
    let by = |name: &str, extra: Value| {
        let mut row = json!({"name": name, "creationTimestamp": LATER});
        for (key, value) in extra.as_object().unwrap() {
            row[key] = value.clone();
        }
        row
    };
    let holds = Holds {
        clusters: vec![ours()],
        rows: vec![
            (
                "firewalls",
                "global",
                vec![firewall("k8s-fw-l7--1a2b3c4d5e6f7081", TAG)],
            ),
            (
                "forwardingRules",
                "global",
                vec![by(
                    "k8s2-fr-1a2b3c4d-default-web-x",
                    json!({"target": "https://x/targetHttpProxies/k8s2-tp-1a2b3c4d-default-web-x"}),
                )],
            ),
            (
                "targetHttpProxies",
                "global",
                vec![by(
                    "k8s2-tp-1a2b3c4d-default-web-x",
                    json!({"urlMap": "https://x/urlMaps/k8s2-um-1a2b3c4d-default-web-x"}),
                )],
            ),
            (
                "urlMaps",
                "global",
                vec![by(
                    "k8s2-um-1a2b3c4d-default-web-x",
                    json!({"defaultService": "https://x/backendServices/k8s1-1a2b3c4d-default-web-80-x"}),
                )],
            ),
            (
                "backendServices",
                "global",
                vec![
                    by(
                        "k8s1-1a2b3c4d-default-web-80-x",
                        json!({"backends": [{"group": "https://x/networkEndpointGroups/k8s1-1a2b3c4d-default-web-80-x"}],
                    "healthChecks": ["https://x/healthChecks/k8s1-1a2b3c4d-default-web-80-x"]}),
                    ),
                    by("k8s1-99999999-default-web-80-x", json!({})),
                ],
            ),
            (
                "healthChecks",
                "global",
                vec![by("k8s1-1a2b3c4d-default-web-80-x", json!({}))],
            ),
            (
                "networkEndpointGroups",
                ZONE,
                vec![by("k8s1-1a2b3c4d-default-web-80-x", json!({}))],
            ),
        ],
    };
    let listing = look(&project(holds).await, &[], false).await;
    let chain: Vec<(&str, Vec<&str>)> = rows(&listing)
        .into_iter()
        .map(|(kind, _, _, by)| (kind, by))
        .collect();
    assert_eq!(
        chain,
        [
            ("cluster", vec![]),
            ("load_balancer", vec!["cluster"]),
            ("target_http_proxy", vec!["cluster", "load_balancer"]),
            ("url_map", vec!["cluster", "target_http_proxy"]),
            ("backend_service", vec!["cluster", "url_map"]),
            ("health_check", vec!["cluster", "backend_service"]),
            ("network_endpoint_group", vec!["cluster", "backend_service"]),
            ("firewall", vec!["cluster"]),
        ]
    );
}

#[tokio::test]
async fn what_could_not_be_read_makes_the_listing_incomplete() {
    let world = world().await;
    world
        .queue
        .json(CLUSTERS, 200, &json!({"missingZones": ["us-east4-b"]}));
    world.queue.json(
        &route("disks"),
        403,
        &error(403, "PERMISSION_DENIED", "no compute.disks.list"),
    );
    for collection in COLLECTIONS {
        world
            .queue
            .json(&route(collection), 200, &page(collection, "global", &[]));
    }
    let listing = look(&world, &[(lease(), target())], false).await;
    assert!(!listing.complete);
    assert_eq!(listing.missing.len(), 2, "{:?}", listing.missing);
    assert!(
        listing.missing[0].contains("us-east4-b")
            && listing.missing[1].contains("no compute.disks.list")
    );
}

#[tokio::test]
async fn a_cluster_that_may_live_still_holds_its_things() {
    let world = world().await;
    world
        .queue
        .json(CLUSTERS, 200, &json!({"missingZones": ["us-central1-a"]}));
    let mut disk = claim("pvc-1", "lab", LATER);
    disk["labels"] = our_labels();
    world
        .queue
        .json(&route("disks"), 200, &page("disks", ZONE, &[disk]));
    world
        .queue
        .always(200, &page("x", "global", &[]).to_string());
    let listing = look(&world, &[(lease(), target())], false).await;
    assert_eq!(rows(&listing), [("volume", "pvc-1", OURS, vec!["cluster"])]);
}

#[tokio::test]
async fn wrong_credentials_are_an_error() {
    let world = world().await;
    world
        .queue
        .always(401, &error(401, "UNAUTHENTICATED", "no").to_string());
    let scope = Scope {
        recorded: &[],
        foreign: false,
    };
    assert_eq!(
        owned(&world.api, &scope).await.unwrap_err().kind,
        Problem::Unauthenticated
    );
}

#[test]
fn every_kind_is_removed_after_what_points_to_it() {
    let order: Vec<&str> = kinds::KINDS.iter().map(|k| k.kind).collect();
    let expect = [
        "load_balancer",
        "target_http_proxy",
        "target_https_proxy",
        "url_map",
        "backend_service",
        "target_pool",
        "health_check",
        "http_health_check",
        "network_endpoint_group",
        "instance_group",
        "firewall",
        "address",
        "instance",
        "volume",
    ];
    assert_eq!(order, expect);
    for (kind, _) in crate::CAPABILITY.leaves_behind {
        assert!(by_word(kind).is_some(), "{kind}");
    }
}
