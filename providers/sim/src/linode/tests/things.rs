//! Volumes, tags, firewalls, lists, events, the catalog.

use serde_json::{Value, json};

use super::{Story, len};

#[test]
fn volumes_are_made_attached_and_deleted() {
    let mut story = Story::new();
    story.cluster(&json!({}));
    story.pass(300);
    for (body, field) in [
        (json!({"label": "data"}), "region"),
        (json!({"label": "data", "region": "mars"}), "region"),
        (json!({"label": "9data", "region": "us-east"}), "label"),
        (
            json!({"label": "data", "region": "us-east", "size": 9}),
            "size",
        ),
        (
            json!({"label": "data", "region": "us-east", "size": 10_241}),
            "size",
        ),
        (json!({"label": "data", "linode_id": 1}), "linode_id"),
        (
            json!({"label": "data", "region": "us-east", "colour": 1}),
            "colour",
        ),
    ] {
        let (status, found, _) = story.refused("POST", "/v4/volumes", &body);
        assert_eq!((status, found.as_str()), (400, field), "{body}");
    }
    let body = json!({"label": "data", "region": "us-east", "tags": ["kubelease-lease:l9"]});
    let made = story.must("POST", "/v4/volumes", &body);
    assert_eq!(
        (&made["size"], &made["status"]),
        (&json!(20), &json!("active"))
    );
    assert_eq!(story.refused("POST", "/v4/volumes", &body).1, "label");
    let path = format!("/v4/volumes/{}", made["id"]);
    let linode = story.get("/v4/linode/instances")["data"][0]["id"].clone();
    let to = json!({"linode_id": linode});
    let attached = story.must("POST", &format!("{path}/attach"), &to);
    assert_eq!(attached["linode_id"], linode);
    assert_eq!(story.ask("POST", &format!("{path}/attach"), &to).0, 400);
    assert_eq!(story.status("DELETE", &path), 400);
    story.status("POST", &format!("{path}/detach"));
    story.pass(5);
    let owner = |story: &Story| {
        let all = story.world.resources(Some(super::ME)).into_iter();
        all.filter(|r| r.kind == "volume")
            .map(|r| r.owner)
            .next()
            .unwrap()
    };
    assert_eq!(owner(&story).as_deref(), Some("l9"));
    story.must("PUT", &path, &json!({"tags": ["abc"], "label": "renamed"}));
    assert_eq!(owner(&story), None);
    assert_eq!(story.status("DELETE", &path), 200);
    assert_eq!(story.status("GET", &path), 404);
}

#[test]
fn tags_live_as_long_as_something_carries_them() {
    let mut story = Story::new();
    let path = story.cluster(&json!({"tags": ["kubelease-lease:l1", "practice"]}));
    let labels = |story: &mut Story| -> Vec<String> {
        let all = story.get("/v4/tags")["data"].clone();
        all.as_array()
            .unwrap()
            .iter()
            .map(|t| t["label"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(labels(&mut story), ["kubelease-lease:l1", "practice"]);
    assert_eq!(
        len(&story.get("/v4/tags/practice")),
        0,
        "clusters are not shown"
    );
    let volume = json!({"label": "data", "region": "us-east"});
    let volume = story.must("POST", "/v4/volumes", &volume)["id"].clone();
    story.must(
        "POST",
        "/v4/tags",
        &json!({"label": "kept", "volumes": [volume]}),
    );
    assert_eq!(
        story
            .refused("POST", "/v4/tags", &json!({"label": "bad", "volumes": [1]}))
            .1,
        "volumes"
    );
    let tagged = story.get("/v4/tags/kept")["data"][0].clone();
    assert_eq!(
        (&tagged["type"], &tagged["data"]["id"]),
        (&json!("volume"), &volume)
    );
    assert_eq!(story.status("DELETE", "/v4/tags/kubelease-lease%3Al1"), 200);
    assert_eq!(story.get(&path)["tags"], json!(["practice"]));
    story.status("DELETE", &path);
    story.status("DELETE", &format!("/v4/volumes/{volume}"));
    assert_eq!(labels(&mut story), ["kept"], "made by request");
    assert_eq!(story.status("DELETE", "/v4/tags/kept"), 200);
    assert!(labels(&mut story).is_empty());
}

#[test]
fn lists_are_filtered_by_header() {
    let mut story = Story::new();
    story.cluster(&json!({}));
    story.cluster(&json!({"label": "c2", "region": "eu-west", "tags": ["other"]}));
    story.filter = Some(r#"{"tags": "kubelease-lease:l1"}"#);
    let found = story.get("/v4/lke/clusters");
    assert_eq!(
        (&found["results"], &found["data"][0]["label"]),
        (&json!(1), &json!("c1"))
    );
    story.filter = Some(r#"{"+order_by": "label", "+order": "desc"}"#);
    assert_eq!(story.get("/v4/lke/clusters")["data"][0]["label"], "c2");
    story.filter = Some(r#"{"status": "ready"}"#);
    let (status, field, _) = story.refused("GET", "/v4/lke/clusters", &Value::Null);
    assert_eq!((status, field.as_str()), (400, "X-Filter"));
}

#[test]
fn pages_have_a_least_size() {
    let mut story = Story::new();
    assert_eq!(
        story.status("GET", "/v4/lke/clusters?page=1&page_size=24"),
        400
    );
    let page = story.get("/v4/lke/clusters?page=1&page_size=500");
    assert_eq!(
        page,
        json!({"data": [], "page": 1, "pages": 1, "results": 0})
    );
}

#[test]
fn a_firewall_list_replaces_what_was() {
    let mut story = Story::new();
    let enterprise = json!({"label": "e", "region": "us-east", "tier": "enterprise", "k8s_version": "v1.33.8+lke5",
        "node_pools": [{"type": "g6-standard-2", "count": 1}]});
    story.must("POST", "/v4beta/lke/clusters", &enterprise);
    story
        .account(json!({"foreign": [{"kind": "load_balancer", "name": "theirs"}]}))
        .unwrap();
    let firewall = story.get("/v4/networking/firewalls")["data"][0]["id"].clone();
    let balancer = story.get("/v4/nodebalancers")["data"][0]["id"].clone();
    let path = format!("/v4/nodebalancers/{balancer}/firewalls");
    let set = story.must("PUT", &path, &json!({"firewall_ids": [firewall]}));
    assert_eq!(set["data"][0]["id"], firewall);
    let devices = story.get(&format!("/v4/networking/firewalls/{firewall}/devices"));
    assert_eq!(devices["data"][0]["entity"]["label"], "theirs");
    assert_eq!(
        len(&story.must("PUT", &path, &json!({"firewall_ids": []}))),
        0
    );
    let (status, field, _) = story.refused("PUT", &path, &json!({"firewall_ids": [1]}));
    assert_eq!((status, field.as_str()), (400, "firewall_ids"));
}

#[test]
fn events_tell_what_happened_newest_first() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    story.status("DELETE", &path);
    let events = story.get("/v4/account/events")["data"].clone();
    let of = |action: &str| {
        events
            .as_array()
            .unwrap()
            .iter()
            .filter(|e| e["action"] == action)
            .count()
    };
    assert_eq!(events[0]["action"], "linode_delete");
    let counts = [
        of("lke_cluster_create"),
        of("lke_node_create"),
        of("linode_create"),
        of("lke_cluster_delete"),
    ];
    assert_eq!(counts, [1, 2, 2, 1]);
    let event = format!("/v4/account/events/{}", events[0]["id"]);
    assert_eq!(story.get(&event)["seen"], false);
    story.status("POST", &format!("{event}/seen"));
    assert_eq!(story.get(&event)["seen"], true);
}

#[test]
fn the_access_list_is_kept() {
    let mut story = Story::new();
    let path = format!("{}/control_plane_acl", story.cluster(&json!({})));
    assert_eq!(story.get(&path)["acl"]["enabled"], false);
    let sent = json!({"acl": {"enabled": true, "addresses": {"ipv4": ["192.0.2.0/24"]}}});
    story.must("PUT", &path, &sent);
    let kept = story.get(&path)["acl"].clone();
    assert_eq!(
        kept["addresses"],
        json!({"ipv4": ["192.0.2.0/24"], "ipv6": []})
    );
    let wrong = json!({"acl": {"addresses": {"ipv4": ["nowhere"]}}});
    assert_eq!(
        story.refused("PUT", &path, &wrong).1,
        "acl.addresses.ipv4[0]"
    );
    assert_eq!(story.status("DELETE", &path), 200);
    assert_eq!(story.get(&path)["acl"]["enabled"], false);
}

#[test]
fn the_catalog_has_prices_regions_and_versions() {
    let mut story = Story::new();
    let types = story.get("/v4/lke/types")["data"].clone();
    assert_eq!(
        (&types[0]["id"], &types[0]["price"]["hourly"]),
        (&json!("lke-sa"), &json!(0.0))
    );
    assert_eq!(types[1]["price"], json!({"hourly": 0.09, "monthly": 60.0}));
    assert_eq!(types[1]["region_prices"].as_array().unwrap().len(), 2);
    let region = story.get("/v4/regions/us-east");
    assert!(
        region["capabilities"]
            .as_array()
            .unwrap()
            .contains(&json!("Kubernetes"))
    );
    let edge = story.get("/v4/regions/us-den-10");
    assert!(
        !edge["capabilities"]
            .as_array()
            .unwrap()
            .contains(&json!("Kubernetes"))
    );
    let versions = story.get("/v4/lke/versions")["data"].clone();
    assert_eq!(versions[0], json!({"id": "1.35"}));
    assert_eq!(story.status("GET", "/v4/lke/versions/1.12"), 404);
    let tier = story.get("/v4beta/lke/tiers/enterprise/versions")["data"].clone();
    assert_eq!(tier[0]["tier"], "enterprise");
    story.filter = Some(r#"{"country": "de"}"#);
    assert_eq!(story.get("/v4/regions")["results"], 1);
}
