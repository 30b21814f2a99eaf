//! Reading and labelling, against recorded-shape answers.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{CLUSTERS, LABEL, World, cluster, error, lease, list, ours, world};

fn view(refs: Vec<Ref>) -> LeaseView {
    LeaseView {
        id: lease(),
        name: "practice-a".to_owned(),
        region: "fra".to_owned(),
        refs,
    }
}

fn recorded() -> LeaseView {
    view(vec![Ref::new("cluster", "c1")])
}

const GET: &str = "GET /v2/kubernetes/clusters/c1";

fn plan(id: &str, monthly: f64, locations: &[&str]) -> Value {
    json!({"id": id, "vcpu_count": 2, "ram": 4096, "disk": 80, "disk_count": 1, "bandwidth": 3072,
        "monthly_cost": monthly, "hourly_cost": 0.03, "type": "vc2", "locations": locations})
}

async fn read(plans: Vec<Value>) -> Catalog {
    let World { api, queue, .. } = world();
    let versions = json!({"versions": ["v1.33.10+1", "v1.35.0+1", "v1.33.9+3"]});
    queue.json("GET /v2/kubernetes/versions", 200, &versions);
    queue.json("GET /v2/plans?per_page=500", 200, &list("plans", plans));
    let region = |id: &str, options: &[&str]| json!({"id": id, "city": "Town", "country": "XX", "options": options});
    let regions = vec![
        region(
            "fra",
            &["kubernetes", "load_balancers", "block_storage_high_perf"],
        ),
        region("hnl", &["kubernetes", "load_balancers"]),
        region("old", &["ddos_protection"]),
    ];
    queue.json(
        "GET /v2/regions?per_page=500",
        200,
        &list("regions", regions),
    );
    catalog(&api).await.unwrap()
}

#[tokio::test]
async fn the_catalog_joins_versions_plans_and_regions() {
    let catalog = read(vec![
        plan("vc2-2c-4gb", 20.0, &["fra", "hnl"]),
        plan("vc2-1c-1gb", 5.0, &["fra"]),
        plan("vcg-a40-1c-5gb", 55.0, &["fra"]),
        plan("vhf-2c-4gb", 24.0, &[]),
    ])
    .await;
    let regions: Vec<_> = catalog
        .regions
        .iter()
        .map(|r| (r.slug.as_str(), r.name.as_str(), r.available))
        .collect();
    assert_eq!(
        regions,
        [("fra", "Town, XX", true), ("hnl", "Town, XX", false)]
    );
    let sizes: Vec<_> = catalog
        .sizes
        .iter()
        .map(|s| (s.slug.as_str(), s.memory_mib, s.available))
        .collect();
    assert_eq!(
        sizes,
        [("vc2-2c-4gb", 4096, true), ("vhf-2c-4gb", 4096, false)]
    );
    let versions: Vec<_> = catalog
        .versions
        .iter()
        .map(|v| (v.slug.as_str(), v.minor.as_str()))
        .collect();
    let expect = [
        ("v1.35.0+1", "1.35"),
        ("v1.33.10+1", "1.33"),
        ("v1.33.9+3", "1.33"),
    ];
    assert_eq!(versions, expect);
}

#[tokio::test]
async fn nothing_is_offered_where_it_costs_more_than_we_would_quote() {
    let regions_of = async |monthly: f64, elsewhere: Value| {
        let mut plan = plan("vc2-2c-4gb", monthly, &["fra", "sao"]);
        plan["location_cost"] = elsewhere;
        let catalog = read(vec![plan]).await;
        (catalog.sizes[0].regions.clone(), catalog.sizes[0].available)
    };
    let both = vec!["fra".to_owned(), "sao".to_owned()];
    let dear = json!({"sao": {"monthly_cost": 30, "hourly_cost": 0.045}});
    assert_eq!(regions_of(20.0, dear).await, (vec!["fra".to_owned()], true));
    let cheap = json!({"sao": {"monthly_cost": 15.5}});
    assert_eq!(regions_of(20.0, cheap).await, (both.clone(), true));
    // Some back ends send an empty table as a list.
    assert_eq!(regions_of(20.0, json!([])).await, (both, true));
    assert_eq!(regions_of(20.5, json!({})).await, (vec![], false));
}

async fn account_with(more: Value) -> Account {
    let World { api, queue, .. } = world();
    let mut body = json!({"name": "Lab", "email": "a@example.com", "acls": ["billing"]});
    let fields = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    queue.json("GET /v2/account", 200, &json!({ "account": body }));
    account(&api).await.unwrap()
}

#[tokio::test]
async fn a_negative_balance_is_credit_less_what_is_pending() {
    let reads = async |balance: Value, pending: Value| {
        let account = account_with(json!({"balance": balance, "pending_charges": pending})).await;
        assert_eq!(account.identity, "a@example.com (Lab)");
        let text = |m: Option<Money>| m.map(|m| m.to_string());
        (
            text(account.credit.remaining),
            text(account.credit.month_to_date),
        )
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        reads(json!(-100.55), json!(60.25)).await,
        (some("40.3"), some("60.25"))
    );
    assert_eq!(reads(json!(-250), json!(0)).await, (some("250"), some("0")));
    // Nobody has less than nothing left.
    assert_eq!(reads(json!(12.5), json!(1)).await, (some("0"), some("1")));
    assert_eq!(reads(json!(-5), json!(null)).await, (some("5"), None));
}

#[tokio::test]
async fn without_billing_the_credit_is_unknown_and_says_why() {
    let account = account_with(json!({})).await;
    assert_eq!(account.credit.remaining, None);
    assert!(
        account.credit.source.contains("billing"),
        "{}",
        account.credit.source
    );
}

#[tokio::test]
async fn the_state_in_our_words() {
    let node = |status: &str| json!({"id": status, "status": status});
    let all = json!([node("active"), {"id": "n2", "status": "active"}]);
    let half = json!([node("active"), node("pending")]);
    for (word, nodes, health) in [
        ("pending", json!([]), Health::Provisioning),
        ("active", all.clone(), Health::Running),
        ("active", half, Health::Degraded),
        ("error", all.clone(), Health::Degraded),
        ("deleting", all, Health::Deleting),
    ] {
        let World { api, queue, .. } = world();
        let mut cluster = cluster("c1", word);
        cluster["node_pools"][0]["nodes"] = nodes;
        queue.json(GET, 200, &json!({ "vke_cluster": cluster }));
        let state = state(&api, &recorded()).await.unwrap();
        assert_eq!((state.health, state.detail.as_str()), (health, word));
        assert_eq!((state.version.as_str(), state.nodes.1), ("1.35.0", 2));
        assert_eq!(state.endpoint, None);
    }
}

#[tokio::test]
async fn there_is_an_endpoint_once_there_is_an_address() {
    for (ip, endpoint, expect) in [
        ("0.0.0.0", "c1.vultr-k8s.com", None),
        ("192.0.2.1", "", None),
        (
            "192.0.2.1",
            "c1.vultr-k8s.com",
            Some("https://c1.vultr-k8s.com:6443"),
        ),
        (
            "192.0.2.1",
            "127.0.0.1:8443",
            Some("https://127.0.0.1:8443"),
        ),
        ("192.0.2.1", "https://x:1", Some("https://x:1")),
    ] {
        let World { api, queue, .. } = world();
        let mut cluster = cluster("c1", "active");
        (cluster["ip"], cluster["endpoint"]) = (json!(ip), json!(endpoint));
        queue.json(GET, 200, &json!({ "vke_cluster": cluster }));
        let state = state(&api, &recorded()).await.unwrap();
        assert_eq!(state.endpoint.as_deref(), expect);
    }
}

#[tokio::test]
async fn gone_is_the_vendors_not_found_or_absence_from_a_whole_list() {
    let health = async |by_id: Option<(u16, String)>, list: Option<Value>| {
        let World { api, queue, .. } = world();
        let view = if by_id.is_some() {
            recorded()
        } else {
            view(vec![])
        };
        let (status, body) = by_id.unwrap_or_default();
        for _ in 0..5 {
            queue.reply(GET, status, &[], &body);
        }
        if let Some(list) = list {
            queue.json(CLUSTERS, 200, &list);
        }
        state(&api, &view)
            .await
            .map(|s| s.health)
            .map_err(|e| e.kind)
    };
    let broken = || Some((500, error(500, "Internal server error.").to_string()));
    let empty = || Some(list("vke_clusters", vec![]));
    let not_found = Some((404, error(404, "Not found").to_string()));
    assert_eq!(health(not_found, None).await, Ok(Health::Gone));
    assert_eq!(health(None, empty()).await, Ok(Health::Gone));
    assert_eq!(health(broken(), empty()).await, Ok(Health::Gone));
    let living = Some(list("vke_clusters", vec![ours("c1", "pending")]));
    assert_eq!(health(broken(), living).await, Ok(Health::Provisioning));
    assert_eq!(health(broken(), None).await, Err(Kind::Unavailable));
    let page = Some((404, "<html>not found</html>".to_owned()));
    assert_eq!(health(page, None).await, Err(Kind::Unavailable));
}

const CONFIG: &str = "GET /v2/kubernetes/clusters/c1/config";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----\n";

fn kubeconfig(key: &str) -> Value {
    let (ca, certificate) = (STANDARD.encode(CERTIFICATE), STANDARD.encode(CERTIFICATE));
    let text = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: https://c1.vultr-k8s.com:6443\n  name: vke\ncontexts:\n- context:\n    cluster: vke\n    user: admin\n  name: vke\ncurrent-context: vke\nkind: Config\npreferences: {{}}\nusers:\n- name: admin\n  user:\n    client-certificate-data: {certificate}\n    client-key-data: {key}\n"
    );
    json!({ "kube_config": STANDARD.encode(text) })
}

#[tokio::test]
async fn access_is_a_client_certificate() {
    let World {
        api, queue, log, ..
    } = world();
    queue.json(CONFIG, 200, &kubeconfig(&STANDARD.encode(KEY)));
    let access = access(&api, &recorded()).await.unwrap();
    assert_eq!(
        (access.server.as_str(), access.ca_pem.as_str()),
        ("https://c1.vultr-k8s.com:6443", CERTIFICATE)
    );
    let shown = format!("{access:?} {}", log.text());
    assert!(
        shown.contains("/config") && !shown.contains("canary"),
        "{shown}"
    );
    let Credential::Certificate { certificate, key } = access.credential else {
        panic!("a certificate")
    };
    assert_eq!((certificate.as_str(), key.reveal()), (CERTIFICATE, KEY));
}

#[tokio::test]
async fn access_before_the_cluster_is_up_is_temporary() {
    for (status, body) in [
        (404, error(404, "Not found")),
        (400, error(400, "Bad request.")),
        (200, json!({"kube_config": ""})),
        (200, json!({"kube_config": null})),
    ] {
        let World { api, queue, .. } = world();
        queue.json(CONFIG, status, &body);
        let error = access(&api, &recorded()).await.unwrap_err();
        assert_eq!(
            (error.kind, error.is_temporary()),
            (Kind::Unavailable, true),
            "{body}"
        );
        assert!(error.hint.is_some());
    }
}

#[tokio::test]
async fn an_odd_kubeconfig_is_refused_without_showing_it() {
    let text = |t: &str| json!({ "kube_config": STANDARD.encode(t) });
    for body in [
        kubeconfig(&STANDARD.encode("canary, but no key")),
        kubeconfig("canary!"),
        kubeconfig("[canary]"),
        text("clusters: []\nusers: []\n# canary"),
        text("canary"),
        json!({"kube_config": "***canary***"}),
    ] {
        let World {
            api, queue, log, ..
        } = world();
        queue.json(CONFIG, 200, &body);
        let error = access(&api, &recorded()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected, "{body}");
        assert!(!format!("{error:?} {error} {}", log.text()).contains("canary"));
    }
}

fn tag(seconds: i64) -> OwnerTag {
    OwnerTag {
        lease: lease(),
        expires_at: DateTime::from_timestamp(seconds, 0),
        protect_until: DateTime::from_timestamp(2_000_000_500, 0),
    }
}

#[tokio::test]
async fn retag_writes_the_dates_behind_the_name_of_today() {
    for (label, expect) in [
        (
            LABEL,
            "practice-a-kubelease-lbcdfghjkm-e2000000000-p2000000500",
        ),
        (
            "My lab",
            "My lab-kubelease-lbcdfghjkm-e2000000000-p2000000500",
        ),
    ] {
        let World { api, queue, .. } = world();
        let mut cluster = ours("c1", "active");
        cluster["label"] = json!(label);
        queue.json(GET, 200, &json!({ "vke_cluster": cluster }));
        queue.reply("PUT /v2/kubernetes/clusters/c1", 204, &[], "");
        retag(&api, &recorded(), &tag(2_000_000_000)).await.unwrap();
        assert_eq!(queue.body_of("PUT"), json!({ "label": expect }));
    }
}

#[tokio::test]
async fn retag_sends_nothing_when_nothing_changes() {
    let World { api, queue, .. } = world();
    queue.json(
        CLUSTERS,
        200,
        &list("vke_clusters", vec![ours("c1", "active")]),
    );
    let same = OwnerTag {
        protect_until: None,
        ..tag(1_767_614_400)
    };
    retag(&api, &view(vec![]), &same).await.unwrap();
    assert_eq!(queue.routes(), [CLUSTERS]);
    queue.json(CLUSTERS, 200, &list("vke_clusters", vec![]));
    let error = retag(&api, &view(vec![]), &same).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
}
