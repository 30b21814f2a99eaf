//! State, access, tags, catalog and account against recorded-shape answers.

use kubelease_core::{Catalog, Limit};
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{
    CLUSTER_ID, CLUSTER_PATH, GROUP_PATH, World, error, group, lease, list, not_found, our_cluster,
    ours, world,
};
use crate::prices::REGIONS;

fn view() -> LeaseView {
    LeaseView {
        id: lease(),
        name: "practice-a".to_owned(),
        region: "eastus".to_owned(),
        refs: vec![Ref::new("cluster", CLUSTER_ID)],
    }
}

fn credentials(whose: &str) -> String {
    let call = format!("/listCluster{whose}Credential?");
    format!("POST {}", CLUSTER_PATH.replace('?', &call))
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

/// A kubeconfig as AKS gives it, with that user.
fn kubeconfig(user: &str) -> Value {
    let yaml = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://practice-a.hcp.eastus.azmk8s.io:443\n  name: practice-a\nusers:\n- name: clusterUser\n  user:\n{user}",
        b64("-----CA-----")
    );
    json!({"kubeconfigs": [{"name": "clusterUser", "value": b64(&yaml)}]})
}

fn with_certificate(token: &str) -> Value {
    kubeconfig(&format!(
        "    client-certificate-data: {}\n    client-key-data: {}\n{token}",
        b64("-----CERT-----"),
        b64("-----KEY-----")
    ))
}

const SERVER: &str = "https://practice-a.hcp.eastus.azmk8s.io:443";

#[tokio::test]
async fn the_state_in_our_words() {
    let stopped = |mut c: Value| {
        c["properties"]["powerState"]["code"] = json!("Stopped");
        c
    };
    let cases = [
        (our_cluster("Creating"), Health::Provisioning, (0, 2)),
        (our_cluster("Succeeded"), Health::Running, (2, 2)),
        (our_cluster("Updating"), Health::Running, (2, 2)),
        (stopped(our_cluster("Succeeded")), Health::Degraded, (0, 2)),
        (our_cluster("Failed"), Health::Degraded, (0, 2)),
        (our_cluster("Deleting"), Health::Deleting, (2, 2)),
    ];
    for (answer, health, nodes) in cases {
        let World { api, queue, .. } = world();
        queue.json(&format!("GET {CLUSTER_PATH}"), 200, &answer);
        queue.json(&credentials("User"), 200, &with_certificate(""));
        let state = state(&api, &view()).await.unwrap();
        assert_eq!(
            (state.health, state.nodes),
            (health, nodes),
            "{}",
            state.detail
        );
        assert_eq!(
            state.endpoint.as_deref(),
            (health == Health::Running).then_some(SERVER)
        );
        assert_eq!(state.version, "1.35.2");
    }
    let World { api, queue, .. } = world();
    queue.json("*", 404, &not_found());
    assert_eq!(state(&api, &view()).await.unwrap().health, Health::Gone);
}

#[tokio::test]
async fn who_may_not_read_the_kubeconfig_gets_the_name() {
    let World { api, queue, .. } = world();
    queue.json(
        &format!("GET {CLUSTER_PATH}"),
        200,
        &our_cluster("Succeeded"),
    );
    queue.json(
        &credentials("User"),
        403,
        &error("AuthorizationFailed", "no"),
    );
    assert_eq!(
        state(&api, &view()).await.unwrap().endpoint.as_deref(),
        Some(SERVER)
    );
}

#[tokio::test]
async fn access_by_token_else_by_certificate() {
    let World { api, queue, log } = world();
    queue.json(
        &credentials("User"),
        200,
        &with_certificate("    token: canary-1\n"),
    );
    let given = access(&api, &view()).await.unwrap();
    assert_eq!(
        (given.server.as_str(), given.ca_pem.as_str()),
        (SERVER, "-----CA-----")
    );
    let Credential::Token {
        token,
        expires_at: None,
    } = &given.credential
    else {
        panic!("a token");
    };
    assert_eq!(token.reveal(), "canary-1");
    queue.json(&credentials("User"), 200, &with_certificate(""));
    let given = access(&api, &view()).await.unwrap();
    let Credential::Certificate { certificate, key } = &given.credential else {
        panic!("a certificate");
    };
    assert_eq!(
        (certificate.as_str(), key.reveal()),
        ("-----CERT-----", "-----KEY-----")
    );
    let seen = queue.seen();
    let empty = ("content-length".to_owned(), "0".to_owned());
    assert!(seen.iter().all(|r| r.headers.contains(&empty)), "{seen:?}");
    let shown = format!("{given:?} {}", log.text());
    assert!(
        !shown.contains("KEY") && !shown.contains("canary"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_user_of_entra_falls_back_to_the_administrator() {
    let World { api, queue, .. } = world();
    let exec = "    exec:\n      command: kubelogin\n      args: [get-token]\n";
    queue.json(&credentials("User"), 200, &kubeconfig(exec));
    queue.json(&credentials("Admin"), 200, &kubeconfig("    token: t\n"));
    assert!(matches!(
        access(&api, &view()).await.unwrap().credential,
        Credential::Token { .. }
    ));
    for whose in ["User", "Admin"] {
        queue.json(&credentials(whose), 200, &json!({"kubeconfigs": []}));
    }
    assert_eq!(
        access(&api, &view()).await.unwrap_err().kind,
        Kind::Unexpected
    );
}

#[tokio::test]
async fn what_is_no_kubeconfig_is_refused_without_quoting_it() {
    let World { api, queue, .. } = world();
    for odd in [
        "!canary!",
        &b64("canary: [1"),
        &b64("clusters: []\nusers: []\n"),
    ] {
        let answer = json!({"kubeconfigs": [{"name": "x", "value": odd}]});
        queue.json(&credentials("User"), 200, &answer);
        let error = access(&api, &view()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected);
        assert!(!format!("{error:?}").contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn the_tag_is_written_to_the_group_then_to_the_cluster_once() {
    let World { api, queue, .. } = world();
    let mut tags = ours(500);
    tags["env"] = json!("lab");
    let mut here = our_cluster("Succeeded");
    here["tags"] = tags.clone();
    let tag = |seconds| OwnerTag {
        expires_at: chrono::DateTime::from_timestamp(seconds, 0),
        ..tags::bare(&lease())
    };
    let answers = |seconds: i64| {
        let mut cluster = here.clone();
        cluster["tags"]["kubelease-expires"] = json!(seconds.to_string());
        queue.json(
            &format!("GET {GROUP_PATH}"),
            200,
            &group("kubelease-lbcdfghjkm", &ours(seconds), "Succeeded"),
        );
        queue.json(&format!("GET {CLUSTER_PATH}"), 200, &cluster);
    };
    let (first, second) = (
        format!("PATCH {GROUP_PATH}"),
        format!("PATCH {CLUSTER_PATH}"),
    );
    answers(500);
    queue.json(&first, 200, &json!({}));
    queue.reply(&second, 202, &[], "");
    retag(&api, &view(), &tag(900)).await.unwrap();
    let mut wanted = ours(900);
    assert_eq!(queue.body_of(&first), json!({"tags": wanted}));
    wanted["env"] = json!("lab");
    assert_eq!(queue.body_of(&second), json!({"tags": wanted}));
    let order: Vec<String> = queue
        .routes()
        .into_iter()
        .filter(|r| r.starts_with("PATCH"))
        .collect();
    assert_eq!(order, [first, second]);
    // The same again changes nothing.
    answers(900);
    retag(&api, &view(), &tag(900)).await.unwrap();
    assert_eq!(queue.seen().len(), 6);
}

fn sku(name: &str, restrictions: &Value) -> Value {
    json!({"resourceType": "virtualMachines", "name": name, "family": "standardBasv2Family", "restrictions": restrictions,
        "capabilities": [{"name": "vCPUs", "value": "2"}]})
}

fn usage(name: &str, used: i32, limit: i32) -> Value {
    json!({"name": {"value": name}, "currentValue": used, "limit": limit, "unit": "Count"})
}

/// Answers for every region; `special` for the default one.
fn regions(world: &World, special: &(Value, Value), others: &(Value, Value)) {
    for (region, _) in REGIONS {
        let (skus, usages) = if region == "eastus" { special } else { others };
        let compute = "GET /subscriptions/s/providers/Microsoft.Compute";
        let filter = format!("location%20eq%20%27{region}%27");
        world.queue.json(
            &format!("{compute}/skus?api-version=2021-07-01&$filter={filter}"),
            200,
            skus,
        );
        world.queue.json(
            &format!("{compute}/locations/{region}/usages?api-version=2025-04-01"),
            200,
            usages,
        );
    }
    let versions = json!({"values": [
        {"version": "1.9", "capabilities": {"supportPlan": ["KubernetesOfficial"]}},
        {"version": "1.35", "isDefault": true, "capabilities": {"supportPlan": ["KubernetesOfficial", "AKSLongTermSupport"]}},
        {"version": "1.37", "isPreview": true, "capabilities": {"supportPlan": ["KubernetesOfficial"]}},
        {"version": "1.32", "capabilities": {"supportPlan": ["AKSLongTermSupport"]}},
    ]});
    let route = "GET /subscriptions/s/providers/Microsoft.ContainerService/locations/eastus/kubernetesVersions?api-version=2025-10-01";
    world.queue.json(route, 200, &versions);
}

fn where_is(catalog: &Catalog, slug: &str) -> usize {
    let size = catalog.sizes.iter().find(|s| s.slug == slug).unwrap();
    assert_eq!(size.available, !size.regions.is_empty());
    size.regions.len()
}

#[tokio::test]
async fn the_catalog_offers_what_the_subscription_may_start() {
    let world = world();
    let closed = json!([{"type": "Location", "reasonCode": "NotAvailableForSubscription"}]);
    let zone = json!([{"type": "Zone", "reasonCode": "NotAvailableForSubscription"}]);
    let here = |restricted: &Value| {
        list(&[
            sku("Standard_B2s", restricted),
            sku("standard_b2als_v2", &zone),
            sku("Standard_B2ms", &json!(null)),
        ])
    };
    let room = list(&[usage("cores", 0, 4), usage("StandardBasv2Family", 0, 4)]);
    regions(
        &world,
        &(here(&closed), room.clone()),
        &(here(&json!([])), room),
    );
    let catalog = catalog(&world.api).await.unwrap();
    assert_eq!(where_is(&catalog, "Standard_B2s"), 6, "closed in eastus");
    assert_eq!(
        where_is(&catalog, "Standard_B2als_v2"),
        7,
        "a zone's restriction is none"
    );
    assert_eq!(where_is(&catalog, "Standard_D2s_v5"), 0, "not on any list");
    assert!(catalog.regions.iter().all(|r| r.available));
    let versions: Vec<(&str, bool)> = catalog
        .versions
        .iter()
        .map(|v| (v.slug.as_str(), v.standard))
        .collect();
    assert_eq!(versions, [("1.37", false), ("1.35", true), ("1.9", true)]);
}

#[tokio::test]
async fn quotas_that_are_used_up_close_a_region_for_a_size() {
    for full in [usage("cores", 3, 4), usage("standardBasv2Family", 10, 10)] {
        let world = world();
        let skus = list(&[sku("Standard_B2s", &json!([]))]);
        let room = list(&[usage("cores", 0, 4)]);
        regions(&world, &(skus.clone(), list(&[full])), &(skus, room));
        let catalog = catalog(&world.api).await.unwrap();
        let size = catalog
            .sizes
            .iter()
            .find(|s| s.slug == "Standard_B2s")
            .unwrap();
        assert!(!size.regions.contains(&"eastus".to_owned()) && size.regions.len() == 6);
    }
}

#[tokio::test]
async fn a_region_that_does_not_answer_is_closed_and_none_is_an_error() {
    let world = world();
    let denied = error("AuthorizationFailed", "no");
    for (region, _) in REGIONS.into_iter().filter(|(r, _)| *r == "uksouth") {
        let filter = format!("location%20eq%20%27{region}%27");
        let route = format!(
            "GET /subscriptions/s/providers/Microsoft.Compute/skus?api-version=2021-07-01&$filter={filter}"
        );
        world.queue.json(&route, 403, &denied);
    }
    let ok = (list(&[sku("Standard_B2s", &json!([]))]), list(&[]));
    regions(&world, &ok, &ok);
    let known = catalog(&world.api).await.unwrap();
    let closed: Vec<&str> = known
        .regions
        .iter()
        .filter(|r| !r.available)
        .map(|r| r.slug.as_str())
        .collect();
    assert_eq!(closed, ["uksouth"]);
    let dark = crate::api::tests::world();
    dark.queue.always(403, &denied.to_string());
    assert_eq!(
        catalog(&dark.api).await.unwrap_err().kind,
        Kind::PermissionDenied
    );
}

#[tokio::test]
async fn the_account_tells_the_trial_and_its_room() {
    let world = world();
    let subscription = json!({"subscriptionId": "s", "displayName": "Free Trial", "state": "Enabled",
        "subscriptionPolicies": {"quotaId": "FreeTrial_2014-09-01", "spendingLimit": "On"}});
    world.queue.json(
        "GET /subscriptions/s?api-version=2022-12-01",
        200,
        &subscription,
    );
    let skus = list(&[]);
    let (here, there) = (list(&[usage("cores", 4, 4)]), list(&[usage("cores", 1, 4)]));
    regions(&world, &(skus.clone(), here), &(skus, there));
    let account = account(&world.api).await.unwrap();
    assert_eq!(account.identity, "Free Trial (s)");
    assert_eq!(
        account.status,
        "Enabled, free trial (4 vCPUs a region, no more), spending limit on"
    );
    let numbers: Vec<(&str, u32, u32)> = account
        .limits
        .iter()
        .map(|l: &Limit| (l.what, l.most, l.used))
        .collect();
    // Three vCPUs are left elsewhere, which is one node of two.
    assert_eq!(numbers, [("nodes", 2, 1), ("vcpus", 4, 4)]);
    assert_eq!(
        (account.credit.remaining, account.credit.source.is_empty()),
        (None, false)
    );
}

#[tokio::test]
async fn a_disabled_subscription_says_so() {
    let world = world();
    world.queue.json(
        "GET /subscriptions/s?api-version=2022-12-01",
        200,
        &json!({"subscriptionId": "s", "state": "Disabled"}),
    );
    world
        .queue
        .always(409, &error("ReadOnlyDisabledSubscription", "x").to_string());
    let account = account(&world.api).await.unwrap();
    assert!(
        account
            .status
            .starts_with("Disabled, nothing can be created"),
        "{}",
        account.status
    );
    assert!(account.limits.is_empty());
}
