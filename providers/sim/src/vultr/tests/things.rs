//! Block storage, load balancers, networks, firewall groups, addresses, snapshots; and what clusters leave of them.

use kubelease_sim_kube::{ApiRequest, Effect, LbPort, Reply};
use serde_json::{Value, json};

use super::{ME, Story};

/// What a Service of type LoadBalancer and a claim make, asked for as the cluster does.
fn with_things(story: &mut Story) -> (String, String) {
    let path = story.cluster(&json!({}));
    story.pass(400);
    let id = path.rsplit('/').next().unwrap().to_owned();
    let port = LbPort {
        name: String::new(),
        protocol: "TCP".into(),
        port: 80,
        node_port: 30_080,
    };
    let effects = [
        Effect::EnsureLoadBalancer {
            service_uid: "0f5c1f6e-1111-4222-8333-444455556666".into(),
            namespace: "default".into(),
            name: "web".into(),
            ports: vec![port],
            annotations: std::collections::BTreeMap::new(),
        },
        Effect::CreateVolume {
            pv_name: "pvc-1b2c".into(),
            pvc_namespace: "default".into(),
            pvc_name: "data".into(),
            size_gib: 10,
            storage_class: "vultr-block-storage".into(),
        },
    ];
    for effect in effects {
        let (cloud, core) = story.world.cloud(ME);
        cloud.effect(core, &id, effect);
    }
    (path, id)
}

#[test]
fn a_careless_delete_leaves_what_a_linked_one_takes() {
    for (how, left) in [
        ("", &["load_balancer", "volume", "vpc"][..]),
        ("/delete-with-linked-resources", &["vpc"][..]),
    ] {
        let mut story = Story::new();
        let (path, id) = with_things(&mut story);
        let listed = story.get(&format!("{path}/resources"))["resources"].clone();
        assert_eq!(listed["block_storage"][0]["label"], "pvc-1b2c");
        let balancer = &listed["load_balancer"][0];
        assert_eq!(balancer["label"], "a0f5c1f6e111142228333444455556666"[..32]);
        assert_eq!(balancer["status"], "pending");
        let shown =
            story.get("/v2/load-balancers").to_string() + &story.get("/v2/blocks").to_string();
        assert!(!shown.contains(&id), "no trace of the cluster");
        story.pass(60);
        let ip = story.get("/v2/load-balancers")["load_balancers"][0]["ipv4"].clone();
        assert_ne!(ip, "");
        assert_eq!(story.delete(&format!("{path}{how}")), 204);
        story.pass(600);
        assert_eq!(story.kinds(), left, "{how}");
        assert!(story.all_owned_by(Some("l1")));
        let resources = format!("{path}/resources");
        assert_eq!(story.status("GET", &resources, &Value::Null), 404);
    }
}

#[test]
fn claims_meet_the_same_refusals_as_everybody() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(400);
    let id = path.rsplit('/').next().unwrap().to_owned();
    for (size_gib, class, made) in [
        (9, "vultr-block-storage", 0),
        (39, "vultr-block-storage-hdd", 0),
        (40, "vultr-block-storage-hdd-retain", 1),
    ] {
        let effect = Effect::CreateVolume {
            pv_name: format!("pvc-{size_gib}"),
            pvc_namespace: "default".into(),
            pvc_name: "data".into(),
            size_gib,
            storage_class: class.into(),
        };
        let (cloud, core) = story.world.cloud(ME);
        cloud.effect(core, &id, effect);
        assert_eq!(story.get("/v2/blocks")["meta"]["total"], made, "{class}");
    }
    assert_eq!(
        story.get("/v2/blocks")["blocks"][0]["block_type"],
        "storage_opt"
    );
}

#[test]
fn the_cluster_knows_the_vendors_storage_classes_and_its_nodes() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(400);
    let id = path.rsplit('/').next().unwrap();
    let node = story.pool(&path)["nodes"][0].clone();
    let now = story.world.core.now();
    let api = story.world.core.kube.api(id).unwrap();
    assert_eq!(api.spec().git_version, "v1.34.2");
    let classes = &api.spec().flavour.storage_classes;
    let defaults: Vec<&str> = classes
        .iter()
        .filter(|c| c.default)
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(defaults, ["vultr-block-storage"]);
    let request = ApiRequest {
        method: "GET".into(),
        path: format!("/api/v1/nodes/{}", node["label"].as_str().unwrap()),
        ..ApiRequest::default()
    };
    let Reply::Done(answer) = api.handle(&request, now) else {
        panic!("one node is no watch");
    };
    let shown: Value = serde_json::from_slice(&answer.body).unwrap();
    let wanted = format!("vultr://{}", node["id"].as_str().unwrap());
    assert_eq!(shown["spec"]["providerID"], wanted);
    assert_eq!(shown["metadata"]["labels"]["vke.vultr.com/node-pool"], "w");
}

#[test]
fn attached_volumes_stay() {
    let mut story = Story::new();
    let cluster = story.cluster(&json!({}));
    story.pass(400);
    let node = story.pool(&cluster)["nodes"][0]["id"].clone();
    let block =
        story.block(&json!({"region": "ewr", "size_gb": 10, "label": "mine kubelease-lease:l1"}));
    let attach = json!({"instance_id": node, "live": true});
    let (on, off) = (format!("{block}/attach"), format!("{block}/detach"));
    assert_eq!(story.status("POST", &on, &attach), 400, "still pending");
    story.pass(5);
    assert_eq!(story.status("POST", &on, &attach), 204);
    assert_eq!(story.get(&block)["block"]["attached_to_instance"], "");
    story.pass(5);
    assert_eq!(story.get(&block)["block"]["attached_to_instance"], node);
    assert_eq!(story.delete(&block), 400);
    assert_eq!(story.status("POST", &on, &attach), 400, "attached already");
    assert_eq!(story.status("POST", &off, &json!({"live": true})), 204);
    assert_eq!(story.delete(&block), 400, "not detached yet");
    story.pass(5);
    assert_eq!(
        story.status("POST", &off, &Value::Null),
        400,
        "detached already"
    );
    assert_eq!(story.delete(&block), 204);
    assert_eq!(story.delete(&block), 404);
    assert_eq!(story.status("POST", &off, &Value::Null), 404);
}

#[test]
fn the_nodes_that_go_let_their_volumes_go() {
    let mut story = Story::new();
    let cluster = story.cluster(&json!({}));
    story.pass(400);
    let node = story.pool(&cluster)["nodes"][0]["id"].clone();
    let block = story.block(&json!({"region": "ewr", "size_gb": 10}));
    story.pass(5);
    story.ask(
        "POST",
        &format!("{block}/attach"),
        &json!({"instance_id": node}),
    );
    story.pass(5);
    story.delete(&cluster);
    story.pass(119);
    assert_eq!(story.delete(&block), 400);
    story.pass(1);
    assert_eq!(story.get(&block)["block"]["attached_to_instance"], "");
    assert_eq!(story.delete(&block), 204);
}

#[test]
fn volumes_have_limits_costs_and_only_grow() {
    let mut story = Story::new();
    for (body, word) in [
        (json!({"region": "ewr", "size_gb": 9}), "between 10"),
        (
            json!({"region": "ewr", "size_gb": 39, "block_type": "storage_opt"}),
            "between 40",
        ),
        (
            json!({"region": "hnl", "size_gb": 40, "block_type": "storage_opt"}),
            "not available",
        ),
        (json!({"region": "mars", "size_gb": 10}), "region"),
        (
            json!({"region": "ewr", "size_gb": 10, "block_type": "nvme"}),
            "block_type",
        ),
        (json!({"region": "ewr", "size_gb": 10.5}), "size_gb"),
    ] {
        let (status, answer) = story.ask("POST", "/v2/blocks", &body);
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    let block = story.block(&json!({"region": "ewr", "size_gb": 50}));
    assert_eq!(story.get(&block)["block"]["cost"], 5);
    assert_eq!(story.get(&block)["block"]["status"], "pending");
    assert_eq!(story.status("PATCH", &block, &json!({"size_gb": 40})), 400);
    story.pass(60);
    let grown = json!({"size_gb": 100, "label": "kubelease-lease:l3"});
    assert_eq!(story.status("PATCH", &block, &grown), 204);
    story.pass(60);
    assert!(story.all_owned_by(Some("l3")));
    // An hour of 50 GiB and one of 100 at 10 cents for 672 hours.
    assert_eq!(
        story.total(),
        crate::money::Nanos::ratio(150 * 100_000_000, 672).to_string()
    );
    story.account(json!({"quotas": {"volumes": 1}})).unwrap();
    assert_eq!(
        story.status(
            "POST",
            "/v2/blocks",
            &json!({"region": "ewr", "size_gb": 50})
        ),
        400
    );
}

#[test]
fn load_balancers_by_hand() {
    let mut story = Story::new();
    let rule = json!({"frontend_protocol": "http", "frontend_port": 80, "backend_protocol": "http", "backend_port": 80});
    let wish = json!({"region": "ewr", "label": "mine", "forwarding_rules": [rule], "nodes": 3});
    let (status, made) = story.ask("POST", "/v2/load-balancers", &wish);
    assert_eq!(
        (status, &made["load_balancer"]["status"]),
        (202, &json!("pending"))
    );
    assert_eq!(
        made["load_balancer"]["forwarding_rules"][0]["frontend_port"],
        80
    );
    let path = format!(
        "/v2/load-balancers/{}",
        made["load_balancer"]["id"].as_str().unwrap()
    );
    story.pass(60);
    assert_eq!(story.total(), "0.045");
    assert_eq!(story.get(&path)["load_balancer"]["status"], "active");
    for (body, word) in [
        (json!({"nodes": 2}), "odd"),
        (json!({"instances": ["none"]}), "instance"),
        (json!({"vpc": "none"}), "VPC"),
        (json!({"region": "ams"}), "region"),
        (
            json!({"balancing_algorithm": "random"}),
            "balancing_algorithm",
        ),
        (
            json!({"health_check": {"check_interval": "often"}}),
            "check_interval",
        ),
    ] {
        let (status, answer) = story.ask("PATCH", &path, &body);
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    let change = json!({"label": "kubelease-lease:l2", "balancing_algorithm": "leastconn", "health_check": {"check_interval": "20"}});
    assert_eq!(story.status("PATCH", &path, &change), 204);
    let shown = story.get(&path)["load_balancer"].clone();
    assert_eq!(shown["generic_info"]["balancing_algorithm"], "leastconn");
    assert_eq!(shown["health_check"]["check_interval"], 20);
    assert_eq!(shown["nodes"], 3);
    assert!(story.all_owned_by(Some("l2")));
    assert_eq!((story.delete(&path), story.delete(&path)), (204, 404));
}

#[test]
fn a_given_network_is_used_and_stays() {
    let mut story = Story::new();
    for (body, word) in [
        (
            json!({"region": "ewr", "v4_subnet": "10.9.0.0"}),
            "together",
        ),
        (
            json!({"region": "ewr", "v4_subnet": "8.8.8.0", "v4_subnet_mask": 24}),
            "v4_subnet",
        ),
        (json!({"region": "mars"}), "region"),
    ] {
        let (status, answer) = story.ask("POST", "/v2/vpcs", &body);
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].as_str().unwrap().contains(word), "{answer}");
    }
    let wish = json!({"region": "ewr", "description": "kubelease-lease:l1", "v4_subnet": "10.9.0.0", "v4_subnet_mask": 20});
    let (status, made) = story.ask("POST", "/v2/vpcs", &wish);
    assert_eq!(status, 201);
    let path = format!("/v2/vpcs/{}", made["vpc"]["id"].as_str().unwrap());
    let cluster = story.cluster(&json!({"vpc_id": made["vpc"]["id"]}));
    assert_eq!(story.get("/v2/vpcs")["meta"]["total"], 1);
    let internal = story.get("/v2/instances")["instances"][0]["internal_ip"].clone();
    assert!(
        internal.as_str().unwrap().starts_with("10.9."),
        "{internal}"
    );
    assert_eq!(story.delete(&path), 400);
    assert_eq!(
        story.status("PUT", &path, &json!({"description": "other"})),
        204
    );
    assert_eq!(story.delete(&cluster), 204);
    story.pass(119);
    let (status, answer) = story.ask("DELETE", &path, &Value::Null);
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("The VPC is attached to one or more servers."))
    );
    story.pass(1);
    assert_eq!(story.delete(&path), 204);
    assert!(story.kinds().is_empty());
}

#[test]
fn addresses_and_snapshots_cost_until_they_are_deleted() {
    let mut story = Story::new();
    story
        .account(json!({"foreign": [{"kind": "node", "name": "n"}]}))
        .unwrap();
    let node = story.get("/v2/instances")["instances"][0]["id"].clone();
    let (status, made) = story.ask(
        "POST",
        "/v2/snapshots",
        &json!({"instance_id": node, "description": "s"}),
    );
    assert_eq!(
        (status, &made["snapshot"]["status"]),
        (201, &json!("pending"))
    );
    let snapshot = format!("/v2/snapshots/{}", made["snapshot"]["id"].as_str().unwrap());
    let wish = json!({"region": "ewr", "ip_type": "v4", "label": "kubelease-lease:l1"});
    let (status, made) = story.ask("POST", "/v2/reserved-ips", &wish);
    assert_eq!(status, 201);
    let address = format!(
        "/v2/reserved-ips/{}",
        made["reserved_ip"]["id"].as_str().unwrap()
    );
    story.account(json!({"foreign": []})).unwrap();
    story.pass(700);
    assert_eq!(story.get(&snapshot)["snapshot"]["status"], "complete");
    assert_eq!(story.kinds(), ["reserved_ip", "snapshot"]);
    let amount = |kind: &str| {
        let lines = story.world.bill(ME);
        lines
            .iter()
            .find(|l| l.kind == kind)
            .unwrap()
            .amount
            .to_string()
    };
    // 80 GiB at 5 cents, and 3 dollars, for 672 hours.
    assert_eq!(
        (amount("snapshot"), amount("ipv4")),
        ("0.005952381".to_owned(), "0.004464286".to_owned())
    );
    assert_eq!(
        (story.delete(&snapshot), story.delete(&address)),
        (204, 204)
    );
    let total = story.total();
    story.pass(86_400);
    assert_eq!((story.total(), story.kinds().len()), (total, 0));
}

#[test]
fn firewall_groups_by_hand() {
    let mut story = Story::new();
    let (status, made) = story.ask(
        "POST",
        "/v2/firewalls",
        &json!({"description": "kubelease-lease:l4"}),
    );
    assert_eq!(status, 201);
    assert!(story.all_owned_by(Some("l4")));
    let path = format!(
        "/v2/firewalls/{}",
        made["firewall_group"]["id"].as_str().unwrap()
    );
    assert_eq!(
        story.status("PUT", &path, &json!({"description": "theirs"})),
        204
    );
    assert!(story.all_owned_by(None));
    assert_eq!(story.get(&path)["firewall_group"]["description"], "theirs");
    assert_eq!((story.delete(&path), story.delete(&path)), (204, 404));
}

#[test]
fn a_new_label_of_the_cluster_names_the_owner_of_all_it_made() {
    let mut story = Story::new();
    let (path, _) = with_things(&mut story);
    story.pass(60);
    story.ask("PUT", &path, &json!({"label": "kubelease-lease:l2"}));
    assert_eq!(story.world.bill(ME).len(), 4);
    assert!(story.all_owned_by(Some("l2")));
    let block = story.get("/v2/blocks")["blocks"][0]["id"].clone();
    let block = format!("/v2/blocks/{}", block.as_str().unwrap());
    let label = json!({"label": "kubelease-lease:l3"});
    assert_eq!(story.status("PATCH", &block, &label), 204);
    assert!(
        story.all_owned_by(Some("l2")),
        "what a cluster made stays its"
    );
}

#[test]
fn networks_and_groups_in_use_stay() {
    let mut story = Story::new();
    let node = json!({"foreign": [{"kind": "node", "name": "n"}]});
    story.account(node).unwrap();
    let made = |(status, body): (u16, Value), key: &str| {
        assert!((201..=202).contains(&status), "{body}");
        body[key]["id"].as_str().unwrap().to_owned()
    };
    let vpc = story.ask("POST", "/v2/vpcs", &json!({"region": "ewr"}));
    let vpc = made(vpc, "vpc");
    let wish = json!({"region": "ewr", "vpc": vpc});
    let balancer = story.ask("POST", "/v2/load-balancers", &wish);
    let balancer = format!("/v2/load-balancers/{}", made(balancer, "load_balancer"));
    let vpc = format!("/v2/vpcs/{vpc}");
    assert_eq!(story.delete(&vpc), 400);
    story.delete(&balancer);
    assert_eq!(story.delete(&vpc), 204);
    let group = story.ask("POST", "/v2/firewalls", &json!({}));
    let group = made(group, "firewall_group");
    let machine = story.get("/v2/instances")["instances"][0]["id"].clone();
    let machine = format!("/v2/instances/{}", machine.as_str().unwrap());
    let guard = |group: &str| json!({"firewall_group_id": group});
    assert_eq!(story.status("PATCH", &machine, &guard("none")), 400);
    assert_eq!(story.status("PATCH", &machine, &guard(&group)), 202);
    let path = format!("/v2/firewalls/{group}");
    assert_eq!(story.get(&path)["firewall_group"]["instance_count"], 1);
    assert_eq!(story.delete(&path), 400);
    assert_eq!(story.status("PATCH", &machine, &guard("")), 202);
    assert_eq!(story.delete(&path), 204);
}
