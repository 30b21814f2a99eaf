//! Attribution, blockers and removal.

use kubelease_core::LeaseId;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{World, cluster, lease, list, world};

const C1: &str = "bd5f5959-5e1e-4205-a714-a914373942af";
const C2: &str = "11111111-5e1e-4205-a714-a914373942af";
const FOREIGN: &str = "99999999-5e1e-4205-a714-a914373942af";

/// What an account holds, by list path; kinds that are not named are empty.
fn account(rows: &[(&str, Vec<Value>)], broken: Option<&str>) -> World {
    let world = world();
    let paths = [
        ("kubernetes/clusters?page=1", "kubernetes_clusters"),
        ("load_balancers?page=1", "load_balancers"),
        ("droplets?page=1", "droplets"),
        ("volumes?page=1", "volumes"),
        ("snapshots?resource_type=volume&page=1", "snapshots"),
        ("firewalls?page=1", "firewalls"),
        ("vpcs?page=1", "vpcs"),
        ("tags?page=1", "tags"),
    ];
    for (path, key) in paths {
        let route = format!("GET /v2/{path}&per_page=200");
        let of_key = rows.iter().find(|(k, _)| *k == key).map(|(_, v)| v.clone());
        if broken == Some(key) {
            let body = json!({"id": "forbidden", "message": "You are not authorized"});
            world.queue.json(&route, 403, &body);
        } else {
            world
                .queue
                .json(&route, 200, &list(key, of_key.unwrap_or_default()));
        }
    }
    world
}

async fn look(world: &World, recorded: &[(LeaseId, Ref)], foreign: bool) -> Listing {
    owned(&world.api, &Scope { recorded, foreign })
        .await
        .unwrap()
}

fn with_tags(mut thing: Value, tags: &[&str]) -> Value {
    thing["tags"] = json!(tags);
    thing
}

fn ours(id: &str, state: &str) -> Value {
    let own = format!("k8s:{id}");
    with_tags(
        cluster(id, state),
        &[
            "k8s",
            &own,
            "kubelease-lease:lbcdfghjkm",
            "kubelease-expires:lbcdfghjkm:500",
        ],
    )
}

fn balancer(id: &str, cluster: &str) -> Value {
    json!({"id": id, "name": format!("a{id}"), "status": "active", "type": "REGIONAL", "size_unit": 1,
        "created_at": "2026-01-05T08:10:00Z", "region": {"slug": "fra1"}, "tags": [format!("k8s:{cluster}")]})
}

fn volume(id: &str, cluster: &str, droplets: &[u64]) -> Value {
    json!({"id": id, "name": "pvc-1", "size_gigabytes": 10, "droplet_ids": droplets, "region": {"slug": "fra1"},
        "created_at": "2026-01-05T08:10:00Z", "tags": [format!("k8s:{cluster}")]})
}

fn droplet(id: u64, tags: &[&str]) -> Value {
    json!({"id": id, "name": "d", "status": "active", "size_slug": "s-2vcpu-4gb", "tags": tags,
        "created_at": "2026-01-05T08:00:20Z", "region": {"slug": "fra1"}})
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

const OURS: Option<&str> = Some("lbcdfghjkm");

#[tokio::test]
async fn a_living_cluster_with_everything_of_it_in_delete_order() {
    let own = format!("k8s:{C1}");
    let vpc = json!({"id": "v1", "name": "kubelease-lbcdfghjkm", "description": "kubelease-lease:lbcdfghjkm", "region": "fra1"});
    let default = json!({"id": "v0", "name": "default-fra1", "default": true, "region": "fra1"});
    let world = account(
        &[
            (
                "kubernetes_clusters",
                vec![ours(C1, "running"), cluster(FOREIGN, "running")],
            ),
            (
                "load_balancers",
                vec![balancer("lb1", C1), balancer("lb9", FOREIGN)],
            ),
            (
                "droplets",
                vec![
                    droplet(7, &["k8s", &own, "k8s:worker"]),
                    droplet(8, &["web"]),
                ],
            ),
            ("volumes", vec![volume("vol1", C1, &[7])]),
            (
                "snapshots",
                vec![
                    json!({"id": "s1", "name": "s", "size_gigabytes": 1.5, "regions": ["fra1"],
                "created_at": "2026-01-05T08:10:00Z", "tags": [own]}),
                ],
            ),
            (
                "firewalls",
                vec![
                    json!({"id": "f1", "name": "k8s-worker", "status": "succeeded", "tags": [own]}),
                ],
            ),
            ("vpcs", vec![default, vpc]),
            (
                "tags",
                vec![
                    json!({"name": "kubelease-lease:lbcdfghjkm"}),
                    json!({"name": "web"}),
                    json!({"name": own}),
                ],
            ),
        ],
        None,
    );
    let listing = look(&world, &[], false).await;
    assert!(
        listing.complete && listing.missing.is_empty(),
        "{:?}",
        listing.missing
    );
    let all_of_it = vec![C1, "lb1", "7", "vol1", "s1", "f1", "v1"];
    let expect: Vec<Row<'_>> = vec![
        ("cluster", C1, OURS, vec![]),
        ("load_balancer", "lb1", OURS, vec![C1]),
        ("droplet", "7", OURS, vec![C1]),
        ("volume", "vol1", OURS, vec![C1]),
        ("snapshot", "s1", OURS, vec![C1]),
        ("firewall", "f1", OURS, vec![C1]),
        ("vpc", "v1", OURS, vec![C1, "lb1", "7"]),
        ("tag", "kubelease-lease:lbcdfghjkm", OURS, all_of_it),
    ];
    assert_eq!(rows(&listing), expect);
    let order: Vec<_> = SORTS.iter().map(|s| s.kind).collect();
    assert!(
        listing
            .things
            .is_sorted_by_key(|t| order.iter().position(|k| *k == t.target.kind))
    );
    // Everything knows when its lease ends, and workers are billed with their cluster.
    assert!(
        listing
            .things
            .iter()
            .all(|t| t.owner.as_ref().unwrap().expires_at.is_some())
    );
    let billed: Vec<_> = listing
        .things
        .iter()
        .flat_map(|t| &t.billed)
        .map(|b| b.id.as_str())
        .collect();
    assert_eq!(billed, ["lb1", "vol1", "s1"]);
    assert_eq!(world.queue.routes()[0], "GET /v2/tags?page=1&per_page=200");
}

#[tokio::test]
async fn leftovers_of_a_dead_cluster_are_ours_by_record_and_free_to_go() {
    let world = account(
        &[
            (
                "load_balancers",
                vec![balancer("lb1", C1), balancer("lb2", C2)],
            ),
            (
                "volumes",
                vec![volume("vol1", C2, &[]), volume("vol2", FOREIGN, &[])],
            ),
            (
                "droplets",
                vec![droplet(7, &["k8s", "kubelease-lease:lbcdfghjkm"])],
            ),
            (
                "tags",
                vec![json!({"name": "kubelease-expires:lbcdfghjkm:500"})],
            ),
        ],
        None,
    );
    // C1 by its recorded cluster, vol2 by its own recorded id although its tag says nothing to us.
    let recorded = [
        (lease(), Ref::new("cluster", C1)),
        (lease(), Ref::new("volume", "vol2")),
    ];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![
        ("load_balancer", "lb1", OURS, vec![]),
        ("droplet", "7", OURS, vec![]),
        ("volume", "vol2", OURS, vec![]),
        (
            "tag",
            "kubelease-expires:lbcdfghjkm:500",
            OURS,
            vec!["lb1", "7", "vol2"],
        ),
    ];
    assert_eq!(rows(&listing), expect);
}

#[tokio::test]
async fn foreign_things_are_shown_and_priced_but_have_no_owner() {
    let world = account(
        &[
            ("kubernetes_clusters", vec![cluster(FOREIGN, "running")]),
            ("load_balancers", vec![balancer("lb9", FOREIGN)]),
            (
                "droplets",
                vec![
                    droplet(8, &["web"]),
                    droplet(9, &["k8s", &format!("k8s:{FOREIGN}")]),
                ],
            ),
            ("firewalls", vec![json!({"id": "f1", "name": "mine"})]),
            ("vpcs", vec![json!({"id": "v1", "name": "mine"})]),
            ("tags", vec![json!({"name": "web"})]),
        ],
        None,
    );
    assert_eq!(look(&world, &[], false).await.things, []);
    let world = account(
        &[
            ("kubernetes_clusters", vec![cluster(FOREIGN, "running")]),
            ("load_balancers", vec![balancer("lb9", FOREIGN)]),
            ("droplets", vec![droplet(8, &["web"]), droplet(9, &["k8s"])]),
            ("firewalls", vec![json!({"id": "f1", "name": "mine"})]),
        ],
        None,
    );
    let listing = look(&world, &[], true).await;
    let expect: Vec<Row<'_>> = vec![
        ("cluster", FOREIGN, None, vec![]),
        ("load_balancer", "lb9", None, vec![]),
        ("droplet", "8", None, vec![]),
        ("droplet", "9", None, vec![]),
    ];
    assert_eq!(rows(&listing), expect);
    let billed: Vec<_> = listing
        .things
        .iter()
        .flat_map(|t| &t.billed)
        .map(|b| b.id.as_str())
        .collect();
    assert_eq!(billed, ["lb9", "8"]);
}

#[tokio::test]
async fn one_unreadable_kind_is_named_with_its_scope_and_the_rest_is_listed() {
    let rows_of = [("kubernetes_clusters", vec![ours(C1, "running")])];
    let world = account(&rows_of, Some("firewalls"));
    let listing = look(&world, &[], false).await;
    assert!(!listing.complete);
    let expect = "firewalls: You are not authorized (PermissionDenied; the credentials need `firewall:read`)";
    assert_eq!(listing.missing, [expect]);
    assert_eq!(listing.things.len(), 1);
}

#[tokio::test]
async fn without_the_clusters_nothing_of_them_is_free_to_go() {
    let rows_of = [
        ("load_balancers", vec![balancer("lb1", C1)]),
        ("tags", vec![json!({"name": "kubelease-lease:lbcdfghjkm"})]),
    ];
    let world = account(&rows_of, Some("kubernetes_clusters"));
    let recorded = [(lease(), Ref::new("cluster", C1))];
    let listing = look(&world, &recorded, false).await;
    let expect: Vec<Row<'_>> = vec![("load_balancer", "lb1", OURS, vec![C1])];
    assert_eq!(rows(&listing), expect);
    assert_eq!(listing.missing.len(), 2);
    assert!(
        listing.missing[1].starts_with("tags: held back"),
        "{:?}",
        listing.missing
    );
}

#[tokio::test]
async fn wrong_credentials_are_an_error() {
    let World { api, queue, .. } = world();
    queue.always(
        401,
        r#"{"id":"unauthorized","message":"Unable to authenticate you"}"#,
    );
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

fn error(id: &str) -> Value {
    json!({"id": id, "message": id})
}

#[tokio::test]
async fn each_kind_has_its_delete() {
    for (kind, path) in [
        (
            "cluster",
            "kubernetes/clusters/x1/destroy_with_associated_resources/dangerous",
        ),
        ("load_balancer", "load_balancers/x1"),
        ("droplet", "droplets/x1"),
        ("snapshot", "snapshots/x1"),
        ("firewall", "firewalls/x1"),
        ("vpc", "vpcs/x1"),
        ("tag", "tags/x1"),
    ] {
        let route = format!("DELETE /v2/{path}");
        for (status, body, expect) in [
            (204, Value::Null, Ok(Removal::Accepted(None))),
            (202, json!({}), Ok(Removal::Accepted(None))),
            (404, error("not_found"), Ok(Removal::Gone)),
            (404, Value::Null, Err(Kind::Unavailable)),
            (409, error("conflict"), Err(Kind::InUse)),
            (500, error("server_error"), Err(Kind::Unavailable)),
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
async fn an_attached_volume_is_detached_first() {
    let of = |droplets: &[u64]| json!({"volume": volume("x1", C1, droplets)});
    let (get, delete) = ("GET /v2/volumes/x1", "DELETE /v2/volumes/x1");
    let detach = "POST /v2/volumes/x1/actions";
    let free = destroyed("volume", &[(get, 200, of(&[])), (delete, 204, Value::Null)]).await;
    assert_eq!(
        free,
        (
            Ok(Removal::Accepted(None)),
            vec![get.to_owned(), delete.to_owned()]
        )
    );
    let attached = destroyed(
        "volume",
        &[(get, 200, of(&[7])), (detach, 202, json!({"action": {}}))],
    )
    .await;
    assert_eq!(
        attached,
        (
            Ok(Removal::Accepted(None)),
            vec![get.to_owned(), detach.to_owned()]
        )
    );
    let gone = destroyed("volume", &[(get, 404, error("not_found"))]).await;
    assert_eq!(gone, (Ok(Removal::Gone), vec![get.to_owned()]));
    // The droplet's not-found must not pass for the volume's.
    for (status, id) in [
        (404, "not_found"),
        (422, "unprocessable_entity"),
        (409, "conflict"),
    ] {
        let (outcome, _) = destroyed(
            "volume",
            &[(get, 200, of(&[7])), (detach, status, error(id))],
        )
        .await;
        assert_eq!(outcome, Err(Kind::InUse), "{status}");
    }
}

#[tokio::test]
async fn a_detach_names_the_droplet() {
    let World { api, queue, .. } = world();
    queue.json(
        "GET /v2/volumes/x1",
        200,
        &json!({"volume": volume("x1", C1, &[7])}),
    );
    queue.json("*", 202, &json!({}));
    assert_eq!(
        destroy(&api, &Ref::new("volume", "x1")).await.unwrap(),
        Removal::Accepted(None)
    );
    let body = queue.body_of("POST /v2/volumes/x1/actions");
    assert_eq!(
        body,
        json!({"type": "detach", "droplet_id": 7, "region": "fra1"})
    );
}

#[tokio::test]
async fn a_vpc_that_is_refused_is_in_use_only_when_it_has_members() {
    let (delete, members) = (
        "DELETE /v2/vpcs/x1",
        "GET /v2/vpcs/x1/members?page=1&per_page=1",
    );
    let with = |n: usize| list("members", vec![json!({"urn": "do:kubernetes:1"}); n]);
    let refused = (delete, 403, error("forbidden"));
    let in_use = destroyed("vpc", &[refused.clone(), (members, 200, with(1))]).await;
    assert_eq!(in_use.0, Err(Kind::InUse));
    let not_allowed = destroyed("vpc", &[refused, (members, 200, with(0))]).await;
    assert_eq!(not_allowed.0, Err(Kind::PermissionDenied));
}
