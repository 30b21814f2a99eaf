//! Clusters in virtual time: create, read, tag, stop, start, abort, delete.

use base64::Engine;
use serde_json::{Value, json};

use super::{CLUSTER, CLUSTERS, SUB, Story, WHOLE, cluster_body, code, header, len};

fn provisioning(story: &mut Story) -> Value {
    story.cluster()["properties"]["provisioningState"].clone()
}

#[test]
fn a_create_is_an_operation_whose_signed_address_must_come_back_as_it_was() {
    let mut story = Story::ready();
    let reply = story.create(&json!({}));
    let body = reply.value().unwrap();
    assert_eq!(body["properties"]["provisioningState"], "Creating");
    assert_eq!(
        body["id"],
        format!("{SUB}/resourcegroups/rg1/providers/Microsoft.ContainerService/managedClusters/c1")
    );
    assert_eq!(body["type"], "Microsoft.ContainerService/ManagedClusters");
    assert_eq!(
        (header(&reply, "location"), header(&reply, "retry-after")),
        (None, None)
    );
    let address = header(&reply, "azure-asyncoperation").unwrap();
    assert!(
        address.len() > 2_500 && !address.contains(super::VERSION),
        "{address}"
    );
    let running = story.get(&address);
    assert_eq!(running["status"], "InProgress");
    assert_eq!(running.get("endTime"), None);
    assert_eq!(
        story.refused("GET", &address.replace("&h=", "&h=0"), &Value::Null),
        (403, "AuthorizationFailed".into())
    );
    let rebuilt = address.split('?').next().unwrap().to_owned() + "?api-version=2025-10-01";
    assert_eq!(story.status("GET", &rebuilt), 403);
    story.pass(221);
    assert_eq!(provisioning(&mut story), "Creating");
    story.pass(1);
    let done = story.get(&address);
    assert_eq!(
        (&done["status"], &done["endTime"]),
        (&json!("Succeeded"), &json!("2026-01-05T08:04:12.000Z"))
    );
    let shown = story.cluster();
    assert_eq!(shown["properties"]["powerState"]["code"], "Running");
    assert_eq!(shown["properties"]["currentKubernetesVersion"], "1.35.3");
    assert_eq!(
        shown["properties"]["nodeResourceGroup"],
        "MC_rg1_c1_westeurope"
    );
    assert_eq!(story.kinds(), WHOLE);
}

#[test]
fn paths_and_names_have_no_case() {
    let mut story = Story::running(&json!({}));
    let shown = story.get(&CLUSTER.to_uppercase());
    assert_eq!(shown["name"], "c1");
    let lists = [
        CLUSTERS.to_owned(),
        format!("/RESOURCEGROUPS/RG1{}", CLUSTERS.to_lowercase()),
    ];
    for list in lists {
        assert_eq!(len(&story.get(&list)), 1, "{list}");
    }
    assert_eq!(story.status("HEAD", "/resourceGroups/RG1"), 204);
}

#[test]
fn kubeconfigs_can_be_had_when_the_cluster_works() {
    let mut story = Story::ready();
    story.create(&json!({}));
    let admin = format!("{CLUSTER}/listClusterAdminCredential");
    assert_eq!(
        story.refused("POST", &admin, &Value::Null),
        (409, "OperationNotAllowed".into())
    );
    story.pass(222);
    for (word, suffix) in [("Admin", "-admin"), ("User", "")] {
        let given = story.must(
            200,
            "POST",
            &format!("{CLUSTER}/listCluster{word}Credential"),
            &Value::Null,
        );
        assert_eq!(given["kubeconfigs"][0]["name"], format!("cluster{word}"));
        let value = given["kubeconfigs"][0]["value"].as_str().unwrap();
        let yaml = base64::engine::general_purpose::STANDARD
            .decode(value)
            .unwrap();
        let yaml = String::from_utf8(yaml).unwrap();
        for part in [
            format!("current-context: c1{suffix}\n"),
            format!("user: cluster{word}_rg1_c1\n"),
            "server: https://127.0.0.1:".into(),
            "    client-key-data: ".into(),
            "    token: ".into(),
        ] {
            assert!(yaml.contains(&part), "{part}: {yaml}");
        }
    }
    let closed = json!({"properties": {"disableLocalAccounts": true}});
    story.must(200, "PUT", CLUSTER, &cluster_body(&closed));
    story.pass(60);
    assert_eq!(
        story.refused("POST", &admin, &Value::Null),
        (400, "BadRequest".into())
    );
}

#[test]
fn directory_tokens_open_clusters_that_take_them_and_no_others() {
    let mut story = Story::running(&json!({"properties": {"aadProfile": {"managed": true}}}));
    let uid = story.uid();
    let form = "grant_type=client_credentials&client_id=a&client_secret=b&scope=6dae42f8-4368-4678-94ff-3960e28e3630%2F.default";
    let mut request = story.request(
        "POST",
        "http://127.0.0.1/tenant/oauth2/v2.0/token",
        &Value::Null,
        &[],
    );
    request.body = form.into();
    let given = story.carry_out(&request).value().unwrap();
    let token = given["access_token"].as_str().unwrap().to_owned();
    assert_eq!(given["expires_in"], 3_599);
    assert!(story.world.cluster_user(&uid, &token).is_some());
    assert_eq!(story.world.cluster_user(&uid, "t"), None);
    let cluster = story.send_with(
        "GET",
        CLUSTER,
        &Value::Null,
        &[("authorization", &format!("Bearer {token}"))],
    );
    assert_eq!(cluster.status, 200);
    story.pass(3_599);
    assert_eq!(story.world.cluster_user(&uid, &token), None);
    let late = story.send_with(
        "GET",
        CLUSTER,
        &Value::Null,
        &[("authorization", &format!("Bearer {token}"))],
    );
    assert_eq!(
        (late.status, code(&late).as_str()),
        (401, "ExpiredAuthenticationToken")
    );
    let mut plain = Story::running(&json!({}));
    let uid = plain.uid();
    let given = plain.carry_out(&request).value().unwrap();
    assert_eq!(
        plain
            .world
            .cluster_user(&uid, given["access_token"].as_str().unwrap()),
        None
    );
}

#[test]
fn while_something_happens_nothing_else_may() {
    let mut story = Story::ready();
    story.create(&json!({}));
    let tags = json!({"tags": {"a": "b"}});
    for (method, target, body) in [
        ("PUT", CLUSTER.to_owned(), cluster_body(&json!({}))),
        ("PATCH", CLUSTER.to_owned(), tags.clone()),
        ("DELETE", CLUSTER.to_owned(), Value::Null),
        ("POST", format!("{CLUSTER}/stop"), Value::Null),
        (
            "PUT",
            format!("{CLUSTER}/agentPools/more"),
            json!({"properties": {"count": 1, "vmSize": "Standard_B2s"}}),
        ),
    ] {
        let reply = story.send(method, &target, &body);
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (409, "OperationNotAllowed"),
            "{method} {target}"
        );
        let words = reply.value().unwrap()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(
            words.contains("in progress create managed cluster operation (operation ID "),
            "{words}"
        );
    }
    story.pass(222);
    assert_eq!(story.send("PATCH", CLUSTER, &tags).status, 200);
    assert_eq!(provisioning(&mut story), "Updating");
    story.pass(15);
    assert_eq!(provisioning(&mut story), "Succeeded");
}

#[test]
fn a_create_can_be_aborted_and_then_deleted() {
    let mut story = Story::ready();
    let create = header(&story.create(&json!({})), "azure-asyncoperation").unwrap();
    let abort = format!("{CLUSTER}/abort");
    let reply = story.send("POST", &abort, &Value::Null);
    assert_eq!((reply.status, reply.body.len()), (202, 0));
    assert_eq!(story.get(&create)["status"], "Canceled");
    assert_eq!(provisioning(&mut story), "Canceling");
    story.pass(30);
    assert_eq!(provisioning(&mut story), "Canceled");
    assert_eq!(story.refused("POST", &abort, &Value::Null).0, 409);
    story.pass(600);
    assert_eq!(
        provisioning(&mut story),
        "Canceled",
        "the create does not come back"
    );
    assert_eq!(story.status("DELETE", CLUSTER), 202);
    story.pass(360);
    assert_eq!(story.kinds(), ["resource_group"]);
}

#[test]
fn stopping_gives_machines_back_and_keeps_the_rest_billed() {
    let mut story = Story::running(&json!({"sku": {"name": "Base", "tier": "Standard"}}));
    let uid = story.uid();
    let running = story.hourly();
    let reply = story.send("POST", &format!("{CLUSTER}/stop"), &Value::Null);
    assert_eq!(reply.status, 202);
    let (status, result) = (
        header(&reply, "azure-asyncoperation").unwrap(),
        header(&reply, "location").unwrap(),
    );
    assert_eq!(
        (
            story.get(&status)["status"].clone(),
            story.status("GET", &result)
        ),
        (json!("InProgress"), 202)
    );
    story.pass(180);
    assert_eq!(
        (
            story.get(&status)["status"].clone(),
            story.status("GET", &result)
        ),
        (json!("Succeeded"), 200)
    );
    let shown = story.cluster();
    assert_eq!(
        (
            &shown["properties"]["provisioningState"],
            &shown["properties"]["powerState"]["code"]
        ),
        (&json!("Succeeded"), &json!("Stopped"))
    );
    let cost = |text: &str| crate::money::Nanos::parse(text).unwrap();
    assert_eq!(
        (cost(&running) - cost(&story.hourly())).to_string(),
        "0.048",
        "one Standard_B2s"
    );
    assert_eq!(story.status("POST", &format!("{CLUSTER}/stop")), 204);
    assert_eq!(
        story.refused("PUT", CLUSTER, &cluster_body(&json!({}))).0,
        409
    );
    let token = story.world.core.kube.endpoint(&uid);
    assert!(token.is_some());
    assert_eq!(story.status("POST", &format!("{CLUSTER}/start")), 202);
    story.pass(210);
    assert_eq!(
        story.cluster()["properties"]["powerState"]["code"],
        "Running"
    );
    assert_eq!(story.hourly(), running);
}

#[test]
fn preconditions_are_held() {
    let mut story = Story::running(&json!({}));
    let body = cluster_body(&json!({}));
    let none = story.send_with("PUT", CLUSTER, &body, &[("if-none-match", "*")]);
    assert_eq!(
        (none.status, code(&none).as_str()),
        (412, "PreconditionFailed")
    );
    let etag = story.cluster()["eTag"].as_str().unwrap().to_owned();
    let wrong = story.send_with("DELETE", CLUSTER, &Value::Null, &[("if-match", "other")]);
    assert_eq!(wrong.status, 412);
    let right = story.send_with("PUT", CLUSTER, &body, &[("if-match", &etag)]);
    assert_eq!(right.status, 200);
    story.pass(60);
    assert_ne!(story.cluster()["eTag"], etag);
    let gone = story.send_with("DELETE", CLUSTER, &Value::Null, &[("if-match", &etag)]);
    assert_eq!(gone.status, 412);
}

#[test]
fn versions_go_up_one_minor_at_a_time() {
    let mut story = Story::running(&json!({"properties": {"kubernetesVersion": "1.34"}}));
    let to = |version: &str| cluster_body(&json!({"properties": {"kubernetesVersion": version}}));
    assert_eq!(
        story.refused("PUT", CLUSTER, &to("1.36")),
        (400, "OperationNotAllowed".into())
    );
    assert_eq!(
        story.refused("PUT", CLUSTER, &to("1.12")),
        (400, "K8sVersionNotSupported".into())
    );
    let profile = story.get(&format!("{CLUSTER}/upgradeProfiles/default"));
    assert_eq!(
        profile["properties"]["controlPlaneProfile"]["upgrades"][0]["kubernetesVersion"],
        "1.35.2"
    );
    story.must(200, "PUT", CLUSTER, &to("1.35"));
    assert_eq!(provisioning(&mut story), "Upgrading");
    story.pass(480);
    assert_eq!(
        story.cluster()["properties"]["currentKubernetesVersion"],
        "1.35.3"
    );
}

#[test]
fn a_stuck_create_never_ends_and_a_region_that_runs_out_lets_it_fail() {
    let mut story = Story::ready();
    let mut request = story.request("PUT", CLUSTER, &cluster_body(&json!({})), &[]);
    request.never_ready = true;
    assert_eq!(story.carry_out(&request).status, 201);
    story.pass(86_400);
    assert_eq!(provisioning(&mut story), "Creating");
    let mut story = Story::ready();
    let address = header(&story.create(&json!({})), "azure-asyncoperation").unwrap();
    story
        .account(json!({"sold_out": [{"region": "westeurope", "size": "Standard_B2s"}]}))
        .unwrap();
    story.pass(222);
    let done = story.get(&address);
    assert_eq!(
        (&done["status"], &done["error"]["code"]),
        (&json!("Failed"), &json!("AllocationFailed"))
    );
    assert_eq!(provisioning(&mut story), "Failed");
    assert!(
        !story.kinds().contains(&"node") && !story.kinds().contains(&"boot_disk"),
        "what could not be allocated is not there"
    );
    assert_eq!(story.status("DELETE", CLUSTER), 202);
}

#[test]
fn a_snapshot_is_the_whole_state() {
    use crate::cloud::Cloud;
    let mut story = Story::running(&json!({}));
    let before = story.cluster();
    let saved = story.world.cloud(super::ME).0.save();
    let mut other = super::super::Aks::new();
    other.load(saved).unwrap();
    let request = story.request("GET", CLUSTER, &Value::Null, &[]);
    assert_eq!(
        other
            .handle(&mut story.world.core, &request)
            .value()
            .unwrap(),
        before
    );
}
