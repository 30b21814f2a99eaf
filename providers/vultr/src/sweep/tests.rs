//! Attribution, blockers and removal.

use kubelease_core::LeaseId;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{LABEL, MARK, World, cluster, error, lease, list, ours, world};

const PATHS: [(&str, &str); 8] = [
    ("kubernetes/clusters", "vke_clusters"),
    ("load-balancers", "load_balancers"),
    ("instances", "instances"),
    ("blocks", "blocks"),
    ("firewalls", "firewall_groups"),
    ("vpcs", "vpcs"),
    ("snapshots", "snapshots"),
    ("reserved-ips", "reserved_ips"),
];

/// What an account holds, by the key of its list; kinds that are not named are empty.
fn account(rows: &[(&str, Vec<Value>)], broken: Option<&str>) -> World {
    let world = world();
    for (path, key) in PATHS {
        let route = format!("GET /v2/{path}?per_page=500");
        let of_key = rows.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
        if broken == Some(key) {
            world.queue.json(&route, 403, &error(403, "Forbidden"));
        } else {
            let page = list(key, of_key.unwrap_or_default());
            world.queue.json(&route, 200, &page);
        }
    }
    world
}

/// What a cluster's controllers made.
fn linked(world: &World, cluster: &str, status: u16, body: &Value) {
    let route = format!("GET /v2/kubernetes/clusters/{cluster}/resources");
    for _ in 0..5 {
        world.queue.json(&route, status, body);
    }
}

fn resources(blocks: &[&str], balancers: &[&str]) -> Value {
    let row = |id: &&str| json!({"id": id, "label": format!("label-{id}"), "date_created": "2026-01-05T08:10:00+00:00", "status": "active"});
    let rows = |ids: &[&str]| ids.iter().map(row).collect::<Vec<_>>();
    json!({"resources": {"block_storage": rows(blocks), "load_balancer": rows(balancers)}})
}

async fn look(world: &World, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(&world.api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

fn with_nodes(mut cluster: Value, ids: &[&str]) -> Value {
    let node = |id: &&str| json!({"id": id, "status": "active", "date_created": "2026-01-05T08:01:00+00:00"});
    cluster["node_pools"][0]["nodes"] = ids.iter().map(node).collect();
    cluster
}

fn balancer(id: &str) -> Value {
    json!({"id": id, "date_created": "2026-01-05T08:10:00+00:00", "region": "fra", "label": format!("a{id}"), "status": "active", "nodes": 1})
}

fn volume(id: &str, instance: &str) -> Value {
    json!({"id": id, "date_created": "2026-01-05T08:10:00+00:00", "cost": 1, "status": "active", "size_gb": 10, "region": "fra",
        "attached_to_instance": instance, "label": "pvc-1", "block_type": "high_perf"})
}

fn network(id: &str, cluster: &str) -> Value {
    json!({"id": id, "region": "fra", "description": format!("VKE Network {cluster}"), "v4_subnet": "10.7.0.0",
        "v4_subnet_mask": 20, "date_created": "2026-01-05T08:00:00+00:00"})
}

fn instance(id: &str, tags: &[&str]) -> Value {
    json!({"id": id, "date_created": "2026-01-05T08:01:00+00:00", "status": "active", "region": "fra", "plan": "vc2-2c-4gb",
        "label": "workers-1", "tags": tags})
}

/// Kind, id, lease, blockers.
type Row<'a> = (&'a str, &'a str, Option<&'a str>, Vec<&'a str>);

fn rows(listing: &Listing) -> Vec<Row<'_>> {
    listing
        .things
        .iter()
        .map(|t| {
            let owner = t.owner.as_ref().map(|o| o.lease.as_str());
            let blocked = t.blocked_by.iter().map(|r| r.id.as_str()).collect();
            (t.target.kind.as_str(), t.target.id.as_str(), owner, blocked)
        })
        .collect()
}

fn billed(listing: &Listing) -> Vec<&str> {
    let all = listing.things.iter().flat_map(|t| &t.billed);
    all.map(|b| b.id.as_str()).collect()
}

const OURS: Option<&str> = Some("lbcdfghjkm");

#[tokio::test]
async fn a_living_cluster_with_everything_of_it_in_delete_order() {
    let mut own = with_nodes(ours("c1", "active"), &["n1", "n2"]);
    own["firewall_group_id"] = json!("f1");
    let theirs = with_nodes(cluster("c9", "active"), &["n9"]);
    let group = |id: &str| json!({"id": id, "description": "d", "instance_count": 2});
    let world = account(
        &[
            ("vke_clusters", vec![theirs, own]),
            ("load_balancers", vec![balancer("lb1"), balancer("lb9")]),
            (
                "instances",
                vec![
                    instance("n1", &[MARK]),
                    instance("n9", &[]),
                    instance("web", &[]),
                ],
            ),
            // One that somebody hung on our worker by hand is not ours.
            ("blocks", vec![volume("v1", "n1"), volume("by-hand", "n1")]),
            ("firewall_groups", vec![group("f1"), group("f9")]),
            ("vpcs", vec![network("p1", "c1"), network("p9", "c9")]),
        ],
        None,
    );
    linked(&world, "c1", 200, &resources(&["v1", "v2"], &["lb1"]));
    let listing = look(&world, &[], false).await;
    assert!(listing.complete, "{:?}", listing.missing);
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "c1", OURS, vec![]),
        ("load_balancer", "lb1", OURS, vec!["c1"]),
        ("instance", "n1", OURS, vec!["c1"]),
        ("volume", "v1", OURS, vec!["c1"]),
        // Not on the list of blocks yet, but its cluster knows it.
        ("volume", "v2", OURS, vec!["c1"]),
        ("firewall", "f1", OURS, vec!["c1"]),
        ("vpc", "p1", OURS, vec!["c1", "n1"]),
    ];
    assert_eq!(rows(&listing), expect);
    let dated = |t: &Owned| t.owner.as_ref().is_some_and(|o| o.expires_at.is_some());
    assert!(listing.things.iter().all(dated));
    // Workers are billed with their cluster, and nothing without its size.
    assert_eq!(billed(&listing), ["n1", "n2", "lb1", "v1"]);
    let names: Vec<_> = listing
        .things
        .iter()
        .map(|t| (t.name.as_str(), t.region.as_str()))
        .collect();
    assert_eq!(
        (names[0], names[4]),
        (("practice-a", "fra"), ("label-v2", "fra"))
    );
    let asked = world.queue.routes();
    assert!(
        !asked
            .iter()
            .any(|r| r.contains("c9") || r.contains("snapshots")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn leftovers_of_a_dead_cluster_are_ours_by_record_and_free_to_go() {
    let rows_of = [
        ("load_balancers", vec![balancer("lb1"), balancer("lb2")]),
        (
            "instances",
            vec![instance("n1", &[MARK]), instance("n2", &["web"])],
        ),
        ("blocks", vec![volume("v1", ""), volume("v2", "")]),
        (
            "firewall_groups",
            vec![json!({"id": "f1", "description": "d"})],
        ),
        ("vpcs", vec![network("p1", "c1"), network("p2", "")]),
    ];
    let world = account(&rows_of, None);
    let record = |kind: &str, id: &str| (lease(), Ref::new(kind, id));
    let recorded = [
        record("cluster", "c1"),
        record("load_balancer", "lb1"),
        record("volume", "v1"),
        record("volume", "lb2"),
        record("firewall", "f1"),
    ];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![
        ("load_balancer", "lb1", OURS, vec![]),
        ("instance", "n1", OURS, vec![]),
        ("volume", "v1", OURS, vec![]),
        ("firewall", "f1", OURS, vec![]),
        ("vpc", "p1", OURS, vec!["n1"]),
    ];
    assert_eq!(rows(&listing), expect);
    // A worker that outlives its cluster still costs, under the same id as before.
    assert_eq!(billed(&listing), ["lb1", "n1", "v1"]);
    let asked = world.queue.routes();
    assert!(!asked.iter().any(|r| r.contains("/resources")), "{asked:?}");
}

#[tokio::test]
async fn a_renamed_cluster_stays_ours_and_a_recorded_one_too() {
    let mut renamed = ours("c1", "active");
    renamed["label"] = json!("My lab");
    let mut bare = cluster("c2", "active");
    bare["label"] = json!("x");
    let world = account(&[("vke_clusters", vec![renamed, bare])], None);
    linked(&world, "c1", 200, &resources(&[], &[]));
    linked(&world, "c2", 200, &resources(&[], &[]));
    let other: LeaseId = "lzzzzzzzzz".parse().unwrap();
    let recorded = [(other, Ref::new("cluster", "c2"))];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "c1", OURS, vec![]),
        ("cluster", "c2", Some("lzzzzzzzzz"), vec![]),
    ];
    assert_eq!(rows(&listing), expect);
    assert_eq!(listing.things[0].name, "My lab");
}

#[tokio::test]
async fn marks_of_two_leases_make_nobody_the_owner() {
    let mut copied = with_nodes(ours("c1", "active"), &["n1"]);
    copied["node_pools"][0]["tag"] = json!("kubelease-lzzzzzzzzz-e1767614400");
    let rows_of = [
        ("vke_clusters", vec![copied]),
        (
            "instances",
            vec![instance("n1", &["kubelease-lzzzzzzzzz-e1767614400"])],
        ),
    ];
    assert_eq!(look(&account(&rows_of, None), &[], false).await.things, []);
}

#[tokio::test]
async fn foreign_things_are_shown_and_priced_but_have_no_owner() {
    let made = "2026-01-05T08:00:00+00:00";
    let rows_of = [
        (
            "vke_clusters",
            vec![with_nodes(cluster("c9", "active"), &["n9"])],
        ),
        ("load_balancers", vec![balancer("lb9")]),
        (
            "instances",
            vec![instance("n9", &[]), instance("web", &["web"])],
        ),
        ("blocks", vec![volume("v9", "web")]),
        (
            "snapshots",
            vec![
                json!({"id": "s9", "date_created": made, "description": "d", "size": 5, "status": "complete"}),
            ],
        ),
        (
            "reserved_ips",
            vec![
                json!({"id": "ip9", "region": "fra", "ip_type": "v4", "subnet": "192.0.2.1", "label": ""}),
            ],
        ),
    ];
    assert_eq!(look(&account(&rows_of, None), &[], false).await.things, []);
    let listing = look(&account(&rows_of, None), &[], true).await;
    let expect: Vec<Row<'_>> = vec![
        ("cluster", "c9", None, vec![]),
        ("load_balancer", "lb9", None, vec![]),
        ("instance", "n9", None, vec![]),
        ("instance", "web", None, vec![]),
        ("volume", "v9", None, vec![]),
        ("snapshot", "s9", None, vec![]),
        ("reserved_ip", "ip9", None, vec![]),
    ];
    assert_eq!(rows(&listing), expect);
    assert_eq!(billed(&listing), ["n9", "lb9", "web", "v9", "s9"]);
    assert_eq!(listing.things[6].name, "192.0.2.1");
}

#[tokio::test]
async fn one_unreadable_kind_is_named_with_its_permission_and_the_rest_is_listed() {
    let rows_of = [("vke_clusters", vec![ours("c1", "active")])];
    let world = account(&rows_of, Some("load_balancers"));
    linked(&world, "c1", 200, &resources(&["v1"], &[]));
    let listing = look(&world, &[], false).await;
    assert!(!listing.complete);
    let expect =
        "load balancers: Forbidden (PermissionDenied; the credentials need `loadbalancer`)";
    assert_eq!(listing.missing, [expect]);
    assert_eq!(listing.things.len(), 2);
}

#[tokio::test]
async fn unknown_linked_things_make_the_listing_incomplete_but_those_of_a_ghost_do_not() {
    for (status, complete) in [(500, false), (403, false), (404, true)] {
        let rows_of = [("vke_clusters", vec![ours("c1", "active")])];
        let world = account(&rows_of, None);
        linked(&world, "c1", status, &error(status, "no"));
        let listing = look(&world, &[], false).await;
        assert_eq!(
            (listing.complete, listing.things.len()),
            (complete, 1),
            "{status}"
        );
        let named = listing
            .missing
            .iter()
            .all(|m| m.starts_with("resources of cluster c1: no"));
        assert!(named, "{:?}", listing.missing);
    }
}

#[tokio::test]
async fn without_the_clusters_nothing_of_them_is_free_to_go() {
    let rows_of = [("load_balancers", vec![balancer("lb1")])];
    let world = account(&rows_of, Some("vke_clusters"));
    let recorded = [
        (lease(), Ref::new("cluster", "c1")),
        (lease(), Ref::new("load_balancer", "lb1")),
    ];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![("load_balancer", "lb1", OURS, vec!["c1"])];
    assert_eq!((rows(&listing), listing.complete), (expect, false));
}

#[tokio::test]
async fn wrong_credentials_are_an_error() {
    let World { api, queue, .. } = world();
    queue.always(401, &error(401, "Invalid API token.").to_string());
    let scope = Scope {
        recorded: &[],
        foreign: false,
    };
    let error = owned(&api, &scope).await.unwrap_err();
    assert_eq!((error.kind, queue.seen().len()), (Kind::Unauthenticated, 1));
}

async fn destroyed(
    kind: &str,
    answers: &[(&str, u16, Value)],
) -> (Result<Removal, Kind>, Vec<String>) {
    let World { api, queue, .. } = world();
    for (route, status, body) in answers {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        queue.reply(route, *status, &[], &body);
    }
    let outcome = destroy(&api, &Ref::new(kind, "x1")).await;
    (outcome.map_err(|e| e.kind), queue.routes())
}

const DELETES: [(&str, &str, &str); 5] = [
    (
        "cluster",
        "kubernetes/clusters",
        "/delete-with-linked-resources",
    ),
    ("load_balancer", "load-balancers", ""),
    ("instance", "instances", ""),
    ("firewall", "firewalls", ""),
    ("vpc", "vpcs", ""),
];

#[tokio::test]
async fn each_kind_has_its_delete() {
    for (kind, path, how) in DELETES {
        let route = format!("DELETE /v2/{path}/x1{how}");
        for (status, body, expect) in [
            (204, Value::Null, Ok(Removal::Accepted(None))),
            (404, error(404, "Not found"), Ok(Removal::Gone)),
            (400, error(400, "still attached"), Err(Kind::InUse)),
            (409, error(409, "busy"), Err(Kind::InUse)),
            (403, error(403, "Forbidden"), Err(Kind::PermissionDenied)),
        ] {
            let (outcome, routes) = destroyed(kind, &[(route.as_str(), status, body)]).await;
            assert_eq!(
                (outcome, routes),
                (expect, vec![route.clone()]),
                "{kind} {status}"
            );
        }
    }
    for kind in ["moon", "snapshot", "reserved_ip"] {
        assert_eq!(destroyed(kind, &[]).await, (Err(Kind::Unexpected), vec![]));
    }
}

#[tokio::test]
async fn the_vendors_time_of_a_delete_is_kept() {
    let World { api, queue, .. } = world();
    let date = [("date", "Mon, 05 Jan 2026 09:30:00 GMT")];
    queue.reply("DELETE /v2/load-balancers/x1", 204, &date, "");
    let removal = destroy(&api, &Ref::new("load_balancer", "x1"))
        .await
        .unwrap();
    let at = "2026-01-05T09:30:00Z".parse().unwrap();
    assert_eq!(removal, Removal::Accepted(Some(at)));
}

#[tokio::test]
async fn a_500_on_a_delete_is_gone_only_when_reading_says_so() {
    for (kind, path, how) in DELETES {
        let key = PATHS.iter().find(|(p, _)| *p == path).unwrap().1;
        let delete = format!("DELETE /v2/{path}/x1{how}");
        let (get, all) = (
            format!("GET /v2/{path}/x1"),
            format!("GET /v2/{path}?per_page=500"),
        );
        let broken = || error(500, "Internal server error.");
        let refused = (delete.as_str(), 500, broken());
        let outcome = async |reads: &[(&str, u16, Value)]| {
            let mut answers = vec![refused.clone()];
            answers.extend(reads.iter().cloned());
            let (outcome, routes) = destroyed(kind, &answers).await;
            let removing = routes.iter().filter(|r| r.starts_with("DELETE")).count();
            assert_eq!(removing, 1, "{routes:?}");
            outcome
        };
        let unknown: Vec<_> = (0..5).map(|_| (get.as_str(), 500, broken())).collect();
        let and_list = |page: Value| {
            let mut reads = unknown.clone();
            reads.push((all.as_str(), 200, page));
            reads
        };
        let gone = [(get.as_str(), 404, error(404, "Not found"))];
        assert_eq!(outcome(&gone).await, Ok(Removal::Gone), "{kind}");
        let absent = and_list(list(key, vec![]));
        assert_eq!(outcome(&absent).await, Ok(Removal::Gone), "{kind}");
        let mut partial = list(key, vec![]);
        partial["meta"]["total"] = json!(1);
        let half = [
            and_list(partial.clone()),
            vec![(all.as_str(), 200, partial)],
        ]
        .concat();
        assert_eq!(outcome(&half).await, Err(Kind::Unavailable), "{kind}");
        let listed = and_list(list(key, vec![json!({"id": "x1"})]));
        assert_eq!(outcome(&listed).await, Err(Kind::Unavailable), "{kind}");
        assert_eq!(outcome(&unknown).await, Err(Kind::Unavailable), "{kind}");
    }
}

#[tokio::test]
async fn an_attached_volume_is_detached_first() {
    let of = |instance: &str| json!({"block": volume("x1", instance)});
    let (get, delete) = ("GET /v2/blocks/x1", "DELETE /v2/blocks/x1");
    let detach = "POST /v2/blocks/x1/detach";
    let free = destroyed("volume", &[(get, 200, of("")), (delete, 204, Value::Null)]).await;
    let accepted = Ok(Removal::Accepted(None));
    assert_eq!(free, (accepted, vec![get.to_owned(), delete.to_owned()]));
    let attached = [(get, 200, of("n1")), (detach, 204, Value::Null)];
    let attached = destroyed("volume", &attached).await;
    assert_eq!(
        attached,
        (accepted, vec![get.to_owned(), detach.to_owned()])
    );
    let gone = destroyed("volume", &[(get, 404, error(404, "Not found"))]).await;
    assert_eq!(gone, (Ok(Removal::Gone), vec![get.to_owned()]));
    // The instance's not-found must not pass for the volume's.
    for (status, words) in [
        (404, "Invalid instance"),
        (400, "Bad request."),
        (409, "busy"),
    ] {
        let answers = [(get, 200, of("n1")), (detach, status, error(status, words))];
        assert_eq!(
            destroyed("volume", &answers).await.0,
            Err(Kind::InUse),
            "{status}"
        );
    }
}

#[tokio::test]
async fn a_detach_restarts_no_machine() {
    let World { api, queue, .. } = world();
    queue.json(
        "GET /v2/blocks/x1",
        200,
        &json!({"block": volume("x1", "n1")}),
    );
    queue.reply("POST /v2/blocks/x1/detach", 204, &[], "");
    let removal = destroy(&api, &Ref::new("volume", "x1")).await.unwrap();
    assert_eq!(removal, Removal::Accepted(None));
    let body = queue.body_of("POST /v2/blocks/x1/detach");
    assert_eq!(body, json!({"live": true}));
}

#[tokio::test]
async fn the_label_gives_the_expiry_of_everything() {
    let mut own = with_nodes(ours("c1", "active"), &["n1"]);
    own["label"] = json!(LABEL.replace("e1767614400", "e1767650000-p1767640000"));
    let rows_of = [
        ("vke_clusters", vec![own]),
        ("instances", vec![instance("n1", &[MARK])]),
    ];
    let world = account(&rows_of, None);
    linked(&world, "c1", 200, &resources(&[], &[]));
    let listing = look(&world, &[], false).await;
    assert_eq!(listing.things.len(), 2);
    for thing in &listing.things {
        let owner = thing.owner.as_ref().unwrap();
        assert_eq!(owner.expires_at.unwrap().timestamp(), 1_767_650_000);
        assert_eq!(owner.protect_until.unwrap().timestamp(), 1_767_640_000);
    }
}
