//! Reading and tagging, against recorded-shape answers.

use chrono::DateTime;
use kubelease_core::Money;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{World, cluster, lease, list, world};

fn view(refs: Vec<Ref>) -> LeaseView {
    LeaseView {
        id: lease(),
        name: "practice-a".to_owned(),
        region: "fra1".to_owned(),
        refs,
    }
}

fn recorded() -> LeaseView {
    view(vec![Ref::new("cluster", "c1")])
}

const NOT_FOUND: &str = r#"{"id":"not_found","message":"not found"}"#;

#[tokio::test]
async fn the_catalog_joins_options_sizes_and_regions() {
    let World { api, queue, .. } = world();
    let slug = |s: &str| json!({"slug": s, "name": s});
    let version = |s: &str| json!({"slug": s, "kubernetes_version": s.split('-').next()});
    let options = json!({"options": {
        "versions": [version("1.33.9-do.1"), version("1.35.1-do.0"), version("1.33.10-do.0")],
        "regions": [slug("fra1"), slug("sfo1")],
        "sizes": [slug("s-2vcpu-4gb"), slug("s-4vcpu-8gb")],
    }});
    queue.json("GET /v2/kubernetes/options", 200, &options);
    let size = |slug: &str, regions: Value, available: bool| {
        json!({"slug": slug, "vcpus": 2, "memory": 4096, "disk": 80, "price_monthly": 24.0, "price_hourly": 0.03571,
            "transfer": 4.0, "description": "Basic", "regions": regions, "available": available})
    };
    let sizes = vec![
        size("s-2vcpu-4gb", json!(["fra1"]), true),
        size("s-4vcpu-8gb", json!([]), true),
        size("s-1vcpu-512mb-10gb", json!(["fra1"]), true),
    ];
    queue.json(
        "GET /v2/sizes?page=1&per_page=200",
        200,
        &list("sizes", sizes),
    );
    let regions = [("fra1", true), ("sfo1", false), ("nyc1", true)];
    let regions = regions.map(|(slug, available)| json!({"slug": slug, "available": available}));
    queue.json(
        "GET /v2/regions?page=1&per_page=200",
        200,
        &list("regions", regions.to_vec()),
    );
    let catalog = catalog(&api).await.unwrap();
    let regions: Vec<_> = catalog
        .regions
        .iter()
        .map(|r| (r.slug.as_str(), r.available))
        .collect();
    assert_eq!(regions, [("fra1", true), ("sfo1", false)]);
    let sizes: Vec<_> = catalog
        .sizes
        .iter()
        .map(|s| (s.slug.as_str(), s.available))
        .collect();
    assert_eq!(sizes, [("s-2vcpu-4gb", true), ("s-4vcpu-8gb", false)]);
    let versions: Vec<_> = catalog
        .versions
        .iter()
        .map(|v| (v.slug.as_str(), v.minor.as_str()))
        .collect();
    assert_eq!(
        versions,
        [
            ("1.35.1-do.0", "1.35"),
            ("1.33.10-do.0", "1.33"),
            ("1.33.9-do.1", "1.33")
        ]
    );
}

async fn account_with(balance: (u16, Value)) -> Result<Account, Error> {
    let World { api, queue, .. } = world();
    let answer = json!({"account": {
        "droplet_limit": 3, "email": "a@example.com", "status": "warning", "status_message": "verify",
        "team": {"name": "Lab", "uuid": "t"},
    }});
    queue.json("GET /v2/account", 200, &answer);
    let mut droplets = list("droplets", vec![json!({})]);
    droplets["meta"]["total"] = json!(2);
    queue.json("GET /v2/droplets?page=1&per_page=1", 200, &droplets);
    queue.json("GET /v2/customers/my/balance", balance.0, &balance.1);
    account(&api).await
}

#[tokio::test]
async fn the_account_says_who_how_many_and_how_much() {
    let balance = json!({"month_to_date_usage": "23.44", "account_balance": "-200.00", "month_to_date_balance": "-176.56", "generated_at": "2026-01-05T07:00:00Z"});
    let account = account_with((200, balance)).await.unwrap();
    assert_eq!(account.identity, "a@example.com (team Lab)");
    assert_eq!(account.status, "warning: verify");
    let limit = &account.limits[0];
    assert_eq!(
        (limit.what, limit.vendor_name, limit.most, limit.used),
        ("nodes", "droplet_limit", 3, 2)
    );
    assert_eq!(account.credit.month_to_date, Some(Money::from_cents(2344)));
    assert_eq!(
        (account.credit.remaining, account.credit.expires_at),
        (None, None)
    );
}

#[tokio::test]
async fn a_missing_billing_scope_costs_only_the_balance() {
    let forbidden = json!({"id": "forbidden", "message": "You are not authorized"});
    let account = account_with((403, forbidden)).await.unwrap();
    assert_eq!(account.credit.month_to_date, None);
    assert!(
        account.credit.source.contains("billing:read"),
        "{}",
        account.credit.source
    );
    let broken = account_with((500, json!({"id": "server_error", "message": "x"}))).await;
    assert_eq!(broken.unwrap_err().kind, Kind::Unavailable);
}

#[tokio::test]
async fn the_state_in_our_words() {
    for (word, health) in [
        ("provisioning", Health::Provisioning),
        ("running", Health::Running),
        ("upgrading", Health::Running),
        ("degraded", Health::Degraded),
        ("error", Health::Degraded),
        ("deleting", Health::Deleting),
    ] {
        let World { api, queue, .. } = world();
        queue.json(
            "GET /v2/kubernetes/clusters/c1",
            200,
            &json!({"kubernetes_cluster": cluster("c1", word)}),
        );
        let state = state(&api, &recorded()).await.unwrap();
        assert_eq!((state.health, state.detail.as_str()), (health, word));
        assert_eq!((state.version.as_str(), state.nodes), ("1.35.1", (0, 2)));
        assert_eq!(state.endpoint, None);
    }
}

#[tokio::test]
async fn gone_is_the_vendors_not_found_or_absence_from_a_whole_list() {
    let World { api, queue, .. } = world();
    queue.reply("*", 404, &[], NOT_FOUND);
    assert_eq!(state(&api, &recorded()).await.unwrap().health, Health::Gone);
    queue.json("*", 200, &list("kubernetes_clusters", vec![]));
    assert_eq!(
        state(&api, &view(vec![])).await.unwrap().health,
        Health::Gone
    );
    queue.always(404, "<html>not found</html>");
    assert_eq!(
        state(&api, &recorded()).await.unwrap_err().kind,
        Kind::Unavailable
    );
}

const CREDENTIALS: &str = "GET /v2/kubernetes/clusters/c1/credentials?expiry_seconds=3600";

#[tokio::test]
async fn access_is_a_short_token_and_a_pem() {
    let World {
        api, queue, log, ..
    } = world();
    let pem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
    let answer = json!({
        "server": "https://c1.k8s.ondigitalocean.com", "certificate_authority_data": STANDARD.encode(pem),
        "token": "kube-canary", "expires_at": "2026-01-05T09:00:00Z", "client_key_data": null,
    });
    queue.json(CREDENTIALS, 200, &answer);
    let access = access(&api, &recorded()).await.unwrap();
    assert_eq!(
        (access.server.as_str(), access.ca_pem.as_str()),
        ("https://c1.k8s.ondigitalocean.com", pem)
    );
    assert!(!format!("{access:?} {}", log.text()).contains("kube-canary"));
    let Credential::Token { token, expires_at } = access.credential else {
        panic!("a token")
    };
    assert_eq!(token.reveal(), "kube-canary");
    assert_eq!(expires_at, "2026-01-05T09:00:00Z".parse().ok());
}

#[tokio::test]
async fn access_before_the_cluster_is_up_is_temporary() {
    let World { api, queue, .. } = world();
    queue.reply(CREDENTIALS, 404, &[], NOT_FOUND);
    let error = access(&api, &recorded()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.is_temporary()),
        (Kind::Unavailable, true)
    );
    queue.json(
        CREDENTIALS,
        200,
        &json!({"server": "", "token": "", "certificate_authority_data": ""}),
    );
    let error = access(&api, &recorded()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.is_temporary()),
        (Kind::Unavailable, true)
    );
    let odd =
        json!({"server": "https://x", "token": "kube-canary", "certificate_authority_data": "***"});
    queue.json(CREDENTIALS, 200, &odd);
    let error = access(&api, &recorded()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unexpected);
    assert!(!format!("{error:?}").contains("kube-canary"));
}

async fn retagged(current: &[&str], deletes: &[&str]) -> (Vec<String>, Value) {
    let World { api, queue, .. } = world();
    let mut cluster = cluster("c1", "running");
    cluster["tags"] = json!(current);
    queue.json(
        "GET /v2/kubernetes/clusters/c1",
        200,
        &json!({"kubernetes_cluster": cluster}),
    );
    queue.json(
        "PUT /v2/kubernetes/clusters/c1",
        202,
        &json!({"kubernetes_cluster": cluster}),
    );
    for (n, tag) in deletes.iter().enumerate() {
        // The second one is gone already, and that is as good.
        let (status, body) = if n == 1 { (404, NOT_FOUND) } else { (204, "") };
        queue.reply(&format!("DELETE /v2/tags/{tag}"), status, &[], body);
    }
    let tag = OwnerTag {
        lease: lease(),
        expires_at: DateTime::from_timestamp(2_000_000_000, 0),
        protect_until: None,
    };
    retag(&api, &recorded(), &tag).await.unwrap();
    (queue.routes(), queue.body_of("PUT"))
}

#[tokio::test]
async fn retag_keeps_other_tags_and_removes_what_is_no_longer_true() {
    let (ours, new) = (
        "kubelease-lease:lbcdfghjkm",
        "kubelease-expires:lbcdfghjkm:2000000000",
    );
    let (old, guard) = (
        "kubelease-expires:lbcdfghjkm:5",
        "kubelease-protect:lbcdfghjkm:9",
    );
    let theirs = "kubelease-expires:lzzzzzzzzz:7";
    let current = [
        "k8s",
        "k8s:bd5f5959-5e1e-4205-a714-a914373942af",
        "env:lab",
        ours,
        old,
        guard,
        theirs,
    ];
    let (routes, body) = retagged(&current, &[old, guard]).await;
    assert_eq!(
        body,
        json!({"name": "practice-a", "tags": [ours, new, "env:lab", theirs]})
    );
    assert_eq!(
        routes[2..],
        [
            format!("DELETE /v2/tags/{old}"),
            format!("DELETE /v2/tags/{guard}")
        ]
    );
}

#[tokio::test]
async fn retag_sends_nothing_when_nothing_changes() {
    let current = [
        "k8s",
        "kubelease-expires:lbcdfghjkm:2000000000",
        "kubelease-lease:lbcdfghjkm",
    ];
    let (routes, _) = retagged(&current, &[]).await;
    assert_eq!(routes, ["GET /v2/kubernetes/clusters/c1"]);
}
