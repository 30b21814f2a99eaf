//! Attribution, blockers and removal.

use kubelease_core::LeaseId;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{NOT_FOUND, World, cluster, error, lease, list, listing_route, world};

const FOREIGN: u64 = 9;

/// What an account holds: clusters, NodeBalancers, Linodes, volumes.
#[derive(Default)]
struct Holds {
    clusters: Vec<Value>,
    balancers: Vec<Value>,
    instances: Vec<Value>,
    volumes: Vec<Value>,
}

fn account(holds: Holds, broken: Option<&str>) -> World {
    let world = world();
    let paths = [
        ("lke/clusters", holds.clusters),
        ("nodebalancers", holds.balancers),
        ("linode/instances", holds.instances),
        ("volumes", holds.volumes),
    ];
    for (path, rows) in paths {
        let route = listing_route(path);
        if broken == Some(path) {
            world.queue.json(&route, 403, &error("Unauthorized"));
        } else {
            world.queue.json(&route, 200, &list(&rows));
        }
    }
    world
}

async fn look(world: &World, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(&world.api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

fn ours(id: u64) -> Value {
    let tags = [
        "env:lab",
        "kubelease-lease:lbcdfghjkm",
        "kubelease-exp:lbcdfghjkm:500",
    ];
    cluster(id, &tags)
}

fn balancer(id: u64, label: &str, cluster: Option<u64>) -> Value {
    let of = cluster.map(|c| json!({"id": c, "label": "x", "type": "lkecluster", "url": "u"}));
    json!({"id": id, "label": label, "region": "us-east", "created": "2026-01-05T08:10:00", "type": "common",
        "tags": ["kubernetes"], "lke_cluster": of})
}

fn instance(id: u64, label: &str, cluster: Option<u64>) -> Value {
    json!({"id": id, "label": label, "status": "running", "type": "g6-standard-2", "region": "us-east",
        "created": "2026-01-05T08:01:00", "lke_cluster_id": cluster, "tags": []})
}

fn volume(id: u64, label: &str, linode: Option<u64>) -> Value {
    json!({"id": id, "label": label, "status": "active", "size": 10, "region": "us-east", "tags": [],
        "created": "2026-01-05T08:20:00", "linode_id": linode, "linode_label": null})
}

const CLAIM: &str = "pvc-8d2b6a0c-3f1e-4a5b-9c7d-1e2";

/// Kind, id, lease, blockers.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Vec<String>);

fn rows(listing: &Listing) -> Vec<Row<'_>> {
    listing
        .things
        .iter()
        .map(|t| {
            let owner = t.owner.as_ref().map(|o| o.lease.as_str());
            let blocked = t.blocked_by.iter().map(ToString::to_string).collect();
            (t.target.kind.as_str(), t.target.id.as_str(), owner, blocked)
        })
        .collect()
}

fn by(blockers: &[&str]) -> Vec<String> {
    blockers.iter().map(|b| (*b).to_owned()).collect()
}

const OURS: Option<&str> = Some("lbcdfghjkm");

/// A living cluster with two nodes, a NodeBalancer and an attached volume, and a foreign one beside it.
fn living() -> Holds {
    Holds {
        clusters: vec![ours(7), cluster(FOREIGN, &["kubelease"])],
        balancers: vec![
            balancer(11, "lke7-1a2b3c4d5e6f", Some(7)),
            balancer(12, "lke9-1a2b3c4d5e6f", Some(FOREIGN)),
        ],
        instances: vec![
            instance(21, "lke7-1-0f3c1d2e4a5b", Some(7)),
            instance(22, "lke7-1-0f3c1d2e4a5c", Some(7)),
            instance(23, "web", None),
        ],
        volumes: vec![
            volume(31, CLAIM, Some(21)),
            volume(32, CLAIM, Some(23)),
            volume(33, CLAIM, None),
        ],
    }
}

#[tokio::test]
async fn a_living_cluster_with_everything_of_it_in_delete_order() {
    let world = account(living(), None);
    let listing = look(&world, &[], false).await;
    assert!(listing.complete, "{:?}", listing.missing);
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "7", OURS, by(&[])),
        ("load_balancer", "11", OURS, by(&["cluster 7"])),
        ("instance", "21", OURS, by(&["cluster 7"])),
        ("instance", "22", OURS, by(&["cluster 7"])),
        ("volume", "31", OURS, by(&["cluster 7", "instance 21"])),
    ];
    assert_eq!(rows(&listing), expect);
    let place = |t: &Owned| ORDER.iter().position(|k| *k == t.target.kind);
    assert!(listing.things.is_sorted_by_key(place));
    // Everything knows when its lease ends, and all but the standard control plane costs money.
    let dated = |t: &Owned| t.owner.as_ref().is_some_and(|o| o.expires_at.is_some());
    assert!(listing.things.iter().all(dated));
    let billed: Vec<_> = listing
        .things
        .iter()
        .flat_map(|t| &t.billed)
        .map(|b| b.id.as_str())
        .collect();
    assert_eq!(
        billed,
        [
            "load_balancer-11",
            "instance-21",
            "instance-22",
            "volume-31"
        ]
    );
    assert_eq!(world.queue.seen().len(), 4);
}

#[tokio::test]
async fn leftovers_of_a_dead_cluster_are_ours_and_free_to_go() {
    let holds = Holds {
        balancers: vec![
            balancer(11, "lke7-1a2b3c4d5e6f", None),
            balancer(12, "lke9-1a2b3c4d5e6f", None),
            balancer(13, "renamed", None),
        ],
        instances: vec![
            instance(21, "lke7-1-0f3c1d2e4a5b", None),
            instance(23, "web", None),
        ],
        volumes: vec![
            volume(31, CLAIM, None),
            volume(32, CLAIM, None),
            volume(34, CLAIM, Some(21)),
        ],
        ..Holds::default()
    };
    let recorded = [
        (lease(), Ref::new("cluster", "7")),
        (lease(), Ref::new("load_balancer", "13")),
        (lease(), Ref::new("volume", "31")),
        (lease(), Ref::new("volume", "34")),
        // The same number as another kind's is another thing.
        (lease(), Ref::new("instance", "32")),
    ];
    let world = account(holds, None);
    let expect: Vec<Row<'_>> = vec![
        ("load_balancer", "11", OURS, by(&[])),
        ("load_balancer", "13", OURS, by(&[])),
        ("instance", "21", OURS, by(&[])),
        ("volume", "31", OURS, by(&[])),
        ("volume", "34", OURS, by(&["instance 21"])),
    ];
    assert_eq!(rows(&look(&world, &recorded, false).await), expect);
}

#[tokio::test]
async fn what_only_looks_like_ours_is_not() {
    let older = |mut v: Value| {
        v["created"] = json!("2026-01-05T07:59:59");
        v
    };
    let undated = |mut v: Value| {
        v["created"] = json!(null);
        v
    };
    let holds = Holds {
        clusters: vec![
            ours(7),
            // Two leases, or half a tag, are nobody.
            cluster(
                8,
                &["kubelease-lease:lbcdfghjkm", "kubelease-lease:lzzzzzzzzz"],
            ),
            cluster(FOREIGN, &["kubelease-exp:lbcdfghjkm:500"]),
        ],
        balancers: vec![
            balancer(11, "lke7-shop", None),
            balancer(12, "ccm-1a2b3c4d5e6f", None),
            // The vendor's own word beats the label.
            balancer(13, "lke7-1a2b3c4d5e6f", Some(FOREIGN)),
        ],
        instances: vec![
            instance(21, "lke7-1-0f3c1d2e4a5b", Some(7)),
            instance(22, "lke7-1-0f3c1d2e4a5c", Some(FOREIGN)),
        ],
        volumes: vec![
            volume(31, "photos", Some(21)),
            older(volume(32, CLAIM, Some(21))),
            undated(volume(33, CLAIM, Some(21))),
            volume(34, CLAIM, Some(22)),
        ],
    };
    let world = account(holds, None);
    let seen = look(&world, &[], false).await;
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "7", OURS, by(&[])),
        ("instance", "21", OURS, by(&["cluster 7"])),
    ];
    assert_eq!(rows(&seen), expect);
}

#[tokio::test]
async fn a_volume_is_ours_by_its_nodes_label_too() {
    // The node was made between the two lists.
    let mut late = volume(31, CLAIM, Some(99));
    late["linode_label"] = json!("lke7-1-0f3c1d2e4a5d");
    let mut tagged = volume(32, "data", None);
    tagged["tags"] = json!(["kubelease-lease:lbcdfghjkm"]);
    let holds = Holds {
        clusters: vec![ours(7)],
        volumes: vec![late, tagged],
        ..Holds::default()
    };
    let world = account(holds, None);
    let seen = look(&world, &[], false).await;
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "7", OURS, by(&[])),
        ("volume", "31", OURS, by(&["cluster 7"])),
        ("volume", "32", OURS, by(&["cluster 7"])),
    ];
    assert_eq!(rows(&seen), expect);
    // A tag on a thing knows its date from the cluster.
    assert!(
        seen.things
            .iter()
            .all(|t| t.owner.as_ref().unwrap().expires_at.is_some())
    );
}

#[tokio::test]
async fn foreign_things_are_shown_and_priced_but_have_no_owner() {
    let world = account(living(), None);
    let listing = look(&world, &[], true).await;
    let foreign: Vec<_> = listing
        .things
        .iter()
        .filter(|t| t.owner.is_none())
        .map(|t| (t.target.to_string(), t.blocked_by.len(), t.billed.len()))
        .collect();
    let expect = [
        ("cluster 9", 0, 0),
        ("load_balancer 12", 0, 1),
        ("instance 23", 0, 1),
        ("volume 32", 0, 1),
        ("volume 33", 0, 1),
    ];
    assert_eq!(foreign, expect.map(|(t, b, p)| (t.to_owned(), b, p)));
}

#[tokio::test]
async fn one_unreadable_kind_is_named_with_its_scope_and_the_rest_is_listed() {
    let world = account(living(), Some("volumes"));
    let listing = look(&world, &[], false).await;
    assert!(!listing.complete);
    let expect =
        "volumes: Unauthorized (PermissionDenied; the credentials need `volumes:read_only`)";
    assert_eq!(
        (listing.missing.as_slice(), listing.things.len()),
        (&[expect.to_owned()][..], 4)
    );
}

#[tokio::test]
async fn without_the_clusters_nothing_of_them_is_free_to_go() {
    let world = account(living(), Some("lke/clusters"));
    let recorded = [
        (lease(), Ref::new("cluster", "7")),
        (lease(), Ref::new("volume", "33")),
    ];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![
        ("load_balancer", "11", OURS, by(&["cluster 7"])),
        ("instance", "21", OURS, by(&["cluster 7"])),
        ("instance", "22", OURS, by(&["cluster 7"])),
        ("volume", "33", OURS, by(&["cluster 7"])),
    ];
    assert_eq!(rows(&listing), expect);
    assert!(!listing.complete);
}

#[tokio::test]
async fn wrong_credentials_are_an_error() {
    let World { api, queue, .. } = world();
    queue.always(401, &error("Invalid Token").to_string());
    let scope = Scope {
        recorded: &[],
        foreign: false,
    };
    let error = owned(&api, &scope).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unauthenticated);
}

async fn destroyed(
    kind: &str,
    answers: &[(&str, u16, Value)],
) -> (Result<Removal, Kind>, Vec<String>) {
    let World { api, queue, .. } = world();
    for (route, status, body) in answers {
        queue.reply(route, *status, &[], &body.to_string());
    }
    let outcome = destroy(&api, &Ref::new(kind, "5")).await;
    (outcome.map_err(|e| e.kind), queue.routes())
}

#[tokio::test]
async fn each_kind_has_its_delete() {
    let not_found: Value = serde_json::from_str(NOT_FOUND).unwrap();
    for (kind, path) in [
        ("cluster", "lke/clusters"),
        ("load_balancer", "nodebalancers"),
        ("instance", "linode/instances"),
    ] {
        let route = format!("DELETE /v4/{path}/5");
        for (status, body, expect) in [
            (200, json!({}), Ok(Removal::Accepted(None))),
            (404, not_found.clone(), Ok(Removal::Gone)),
            (404, error("no Route matched"), Err(Kind::Unavailable)),
            (400, error("Linode busy."), Err(Kind::InUse)),
            (500, error("oops"), Err(Kind::Unavailable)),
        ] {
            let (outcome, routes) = destroyed(kind, &[(route.as_str(), status, body)]).await;
            assert_eq!(
                (outcome, routes),
                (expect, vec![route.clone()]),
                "{kind} {status}"
            );
        }
    }
    assert_eq!(
        destroyed("moon", &[]).await,
        (Err(Kind::Unexpected), vec![])
    );
}

#[tokio::test]
async fn a_removal_tells_the_vendors_own_time() {
    let World { api, queue, .. } = world();
    let date = [("date", "Mon, 05 Jan 2026 08:00:30 GMT")];
    queue.reply("DELETE /v4/nodebalancers/5", 200, &date, "{}");
    let outcome = destroy(&api, &Ref::new("load_balancer", "5"))
        .await
        .unwrap();
    assert_eq!(
        outcome,
        Removal::Accepted("2026-01-05T08:00:30Z".parse().ok())
    );
}

#[tokio::test]
async fn an_attached_volume_is_detached_first() {
    let (get, delete) = ("GET /v4/volumes/5", "DELETE /v4/volumes/5");
    let detach = "POST /v4/volumes/5/detach";
    let of = |linode| volume(5, CLAIM, linode);
    let free = destroyed("volume", &[(get, 200, of(None)), (delete, 200, json!({}))]).await;
    let accepted = Ok(Removal::Accepted(None));
    assert_eq!(free, (accepted, vec![get.to_owned(), delete.to_owned()]));
    let attached = destroyed(
        "volume",
        &[(get, 200, of(Some(7))), (detach, 200, json!({}))],
    )
    .await;
    assert_eq!(
        attached,
        (accepted, vec![get.to_owned(), detach.to_owned()])
    );
    let not_found: Value = serde_json::from_str(NOT_FOUND).unwrap();
    let gone = destroyed("volume", &[(get, 404, not_found.clone())]).await;
    assert_eq!(gone, (Ok(Removal::Gone), vec![get.to_owned()]));
    // It went between the two requests.
    let gone = destroyed(
        "volume",
        &[(get, 200, of(None)), (delete, 404, not_found.clone())],
    )
    .await;
    assert_eq!(gone.0, Ok(Removal::Gone));
    // It was attached again, or still is.
    let busy = error("Volume 5 must be detached before it can be deleted");
    let held = destroyed("volume", &[(get, 200, of(None)), (delete, 400, busy)]).await;
    assert_eq!(held.0, Err(Kind::InUse));
    // The Linode's not-found must not pass for the volume's.
    for (status, body) in [
        (404, not_found),
        (400, error("Volume is not attached")),
        (400, error("Linode busy.")),
    ] {
        let answers = [(get, 200, of(Some(7))), (detach, status, body)];
        assert_eq!(
            destroyed("volume", &answers).await.0,
            Err(Kind::InUse),
            "{status}"
        );
    }
}

#[test]
fn only_handles_of_linodes_driver_name_a_volume() {
    let of = |handle| volume_of("linodebs.csi.linode.com", handle).map(|r| r.to_string());
    assert_eq!(of("12345-pvc8d2b6a0c"), Some("volume 12345".to_owned()));
    assert_eq!(of("12345"), Some("volume 12345".to_owned()));
    assert_eq!((of("pvc-1"), of("")), (None, None));
    assert_eq!(volume_of("pd.csi.storage.gke.io", "12345-x"), None);
}
