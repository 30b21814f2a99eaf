//! Reading and tagging, against recorded-shape answers.

use chrono::DateTime;
use serde_json::{Value, json};

use super::*;
use crate::api::tests::{
    NOT_FOUND, World, cluster, error, lease, list, listing_route, pools, world,
};

const CLUSTER: &str = "GET /v4/lke/clusters/7";
const POOLS: &str = "GET /v4/lke/clusters/7/pools?page=1&page_size=500";
const KUBECONFIG: &str = "GET /v4/lke/clusters/7/kubeconfig";
const EARLY: &str = "Cluster kubeconfig is not yet available. Please try again later.";

fn view(refs: Vec<Ref>) -> LeaseView {
    LeaseView {
        id: lease(),
        name: "practice-a".to_owned(),
        region: "us-east".to_owned(),
        refs,
    }
}

fn recorded() -> LeaseView {
    view(vec![Ref::new("cluster", "7")])
}

const PEM: &str = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";
const SERVER: &str = "https://5d1c.us-east-2-gw.linodelke.net:443";

/// In the shape of the vendor's: an empty line first, one cluster, one user, one context.
fn kubeconfig(server: &str, authority: &str, token: &str) -> Value {
    let text = format!(
        "\napiVersion: v1\nkind: Config\npreferences: {{}}\n\nclusters:\n- cluster:\n    \
         certificate-authority-data: {authority}\n    server: {server}\n  name: lke7\n\nusers:\n- name: lke7-admin\n  \
         user:\n    as-user-extra: {{}}\n    token: {token}\n\ncontexts:\n- context:\n    cluster: lke7\n    \
         namespace: default\n    user: lke7-admin\n  name: lke7-ctx\n\ncurrent-context: lke7-ctx\n"
    );
    json!({ "kubeconfig": STANDARD.encode(text) })
}

fn good() -> Value {
    kubeconfig(SERVER, &STANDARD.encode(PEM), "kube-canary")
}

#[tokio::test]
async fn the_catalog_joins_types_regions_and_versions() {
    let World { api, queue, .. } = world();
    let kind = |id: &str, class: &str, memory: u32, gpus: u32| {
        json!({"id": id, "class": class, "label": id, "disk": 81920, "memory": memory, "vcpus": 2, "gpus": gpus,
            "price": {"hourly": 0.036, "monthly": 24.0}, "region_prices": [], "transfer": 4000, "successor": null})
    };
    let types = vec![
        kind("g6-nanode-1", "nanode", 1024, 0),
        kind("g6-standard-2", "standard", 4096, 0),
        kind("g1-gpu-rtx6000-1", "gpu", 32768, 1),
    ];
    queue.json(&listing_route("linode/types"), 200, &list(&types));
    let region = |id: &str, capabilities: &[&str], status: &str, site: &str| json!({"id": id, "label": id, "capabilities": capabilities, "status": status, "site_type": site});
    let lke = &["Linodes", "Kubernetes"];
    let regions = vec![
        region("us-east", lke, "ok", "core"),
        region("us-den-edge-1", lke, "ok", "distributed"),
        region("eu-west", lke, "outage", "core"),
        region("us-old", &["Linodes"], "ok", "core"),
    ];
    queue.json(&listing_route("regions"), 200, &list(&regions));
    let versions = ["1.9", "1.34", "1.35"].map(|id| json!({ "id": id }));
    queue.json(&listing_route("lke/versions"), 200, &list(&versions));
    let catalog = catalog(&api).await.unwrap();
    let sizes: Vec<_> = catalog
        .sizes
        .iter()
        .map(|s| (s.slug.as_str(), s.cpu, s.memory_mib, s.disk_gib))
        .collect();
    assert_eq!(sizes, [("g6-standard-2", 2, 4096, 80)]);
    let regions: Vec<_> = catalog
        .regions
        .iter()
        .map(|r| (r.slug.as_str(), r.available))
        .collect();
    let expect = [
        ("us-east", true),
        ("us-den-edge-1", false),
        ("eu-west", false),
    ];
    assert_eq!(regions, expect);
    let versions: Vec<_> = catalog.versions.iter().map(|v| v.slug.as_str()).collect();
    assert_eq!(versions, ["1.35", "1.34", "1.9"]);
}

#[tokio::test]
async fn the_state_is_told_by_nodes_and_kubeconfig_not_by_status() {
    let cases = [
        (&[][..], false, Health::Provisioning),
        (&["ready", "ready"][..], false, Health::Provisioning),
        (&["not_ready", "not_ready"][..], true, Health::Provisioning),
        (&["ready", "not_ready"][..], true, Health::Degraded),
        (&["ready", "ready"][..], true, Health::Running),
    ];
    for (states, there, health) in cases {
        let World { api, queue, .. } = world();
        queue.json(CLUSTER, 200, &cluster(7, &[]));
        queue.json(POOLS, 200, &pools(states));
        if there {
            queue.json(KUBECONFIG, 200, &good());
        } else {
            queue.json(KUBECONFIG, 503, &error(EARLY));
        }
        let state = state(&api, &recorded()).await.unwrap();
        assert_eq!(
            (state.health, state.version.as_str()),
            (health, "1.35"),
            "{states:?}"
        );
        assert_eq!(state.endpoint.as_deref(), there.then_some(SERVER));
        assert_eq!(state.nodes.1, 2);
        assert!(
            state.detail.contains("of 2 nodes ready"),
            "{}",
            state.detail
        );
    }
}

#[tokio::test]
async fn gone_is_the_vendors_not_found_or_absence_from_a_whole_list() {
    let World { api, queue, .. } = world();
    queue.reply("*", 404, &[], NOT_FOUND);
    assert_eq!(state(&api, &recorded()).await.unwrap().health, Health::Gone);
    queue.json("*", 200, &list(&[]));
    assert_eq!(
        state(&api, &view(vec![])).await.unwrap().health,
        Health::Gone
    );
    queue.always(404, "<html>not found</html>");
    let error = state(&api, &recorded()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
}

#[tokio::test]
async fn access_is_the_kubeconfigs_token_and_a_pem() {
    let World {
        api, queue, log, ..
    } = world();
    queue.json(KUBECONFIG, 200, &good());
    let access = access(&api, &recorded()).await.unwrap();
    assert_eq!(
        (access.server.as_str(), access.ca_pem.as_str()),
        (SERVER, PEM)
    );
    assert!(!format!("{access:?} {}", log.text()).contains("kube-canary"));
    let Credential::Token { token, expires_at } = access.credential else {
        panic!("a token")
    };
    assert_eq!((token.reveal(), expires_at), ("kube-canary", None));
}

#[tokio::test]
async fn access_before_the_cluster_is_up_is_temporary_and_comes_at_once() {
    let World { api, queue, .. } = world();
    let body = error(EARLY).to_string();
    queue.reply(KUBECONFIG, 503, &[("retry-after", "52")], &body);
    let error = access(&api, &recorded()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.is_temporary()),
        (Kind::Unavailable, true)
    );
    assert_eq!(queue.seen().len(), 1);
}

#[tokio::test]
async fn a_kubeconfig_that_makes_no_sense_is_refused_without_being_shown() {
    let authority = STANDARD.encode(PEM);
    let yaml = |text: &str| json!({ "kubeconfig": STANDARD.encode(text) });
    let odd = [
        json!({"kubeconfig": "*** kube-canary ***"}),
        yaml("kube-canary: [unclosed"),
        yaml("clusters: []\nusers: []\nkube-canary: 1"),
        yaml("just kube-canary"),
        kubeconfig("\"\"", &authority, "kube-canary"),
        kubeconfig(SERVER, &authority, "\"\""),
        kubeconfig(SERVER, "\"***\"", "kube-canary"),
        json!({"other": "kube-canary"}),
    ];
    for answer in odd {
        let World { api, queue, .. } = world();
        queue.json(KUBECONFIG, 200, &answer);
        let error = access(&api, &recorded()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected, "{answer}");
        assert!(!format!("{error:?}").contains("kube-canary"), "{error:?}");
    }
}

async fn retagged(current: &[&str]) -> (Vec<String>, Value) {
    let World { api, queue, .. } = world();
    queue.json(CLUSTER, 200, &cluster(7, current));
    queue.json("PUT /v4/lke/clusters/7", 200, &cluster(7, &[]));
    let tag = OwnerTag {
        lease: lease(),
        expires_at: DateTime::from_timestamp(2_000_000_000, 0),
        protect_until: None,
    };
    retag(&api, &recorded(), &tag).await.unwrap();
    (queue.routes(), queue.body_of("PUT"))
}

#[tokio::test]
async fn retag_keeps_other_tags_and_drops_what_is_no_longer_true() {
    let (ours, new) = (
        "kubelease-lease:lbcdfghjkm",
        "kubelease-exp:lbcdfghjkm:2000000000",
    );
    let theirs = "kubelease-exp:lzzzzzzzzz:7";
    let current = [
        "env:lab",
        ours,
        "kubelease-exp:lbcdfghjkm:5",
        "kubelease-protect:lbcdfghjkm:9",
        theirs,
    ];
    let (_, body) = retagged(&current).await;
    assert_eq!(body, json!({"tags": [ours, new, "env:lab", theirs]}));
}

#[tokio::test]
async fn retag_sends_nothing_when_nothing_changes() {
    let current = [
        "kubelease-exp:lbcdfghjkm:2000000000",
        "kubelease-lease:lbcdfghjkm",
    ];
    let (routes, _) = retagged(&current).await;
    assert_eq!(routes, [CLUSTER]);
}

mod account {
    //! Identity, limits and credit.

    use kubelease_core::Money;

    use super::*;
    use crate::inspect::account;

    fn promotion(service: &str, whole: &str, month: &str, until: &str) -> Value {
        json!({"service_type": service, "credit_remaining": whole, "this_month_credit_remaining": month,
            "credit_monthly_cap": "", "expire_dt": until, "summary": "s", "description": "d", "image_url": "u"})
    }

    fn answer(promotions: &Value) -> Value {
        json!({"email": "a@example.com", "company": "", "active_since": "2025-12-01T10:00:00",
            "balance": -2.5, "balance_uninvoiced": 3.07, "active_promotions": promotions})
    }

    async fn read(answer: &Value, counts: [u32; 3]) -> (kubelease_core::Account, usize) {
        let World { api, queue, .. } = world();
        queue.json("GET /v4/account", 200, answer);
        for (path, count) in ["linode/instances", "nodebalancers", "volumes"]
            .iter()
            .zip(counts)
        {
            let body = json!({"data": [], "page": 1, "pages": 1, "results": count});
            queue.json(&format!("GET /v4/{path}?page=1&page_size=25"), 200, &body);
        }
        (account(&api).await.unwrap(), queue.seen().len())
    }

    #[tokio::test]
    async fn the_credit_is_what_promotions_pay_and_ends_with_the_first() {
        let promotions = json!([
            promotion("all", "90.50", "90.50", "2026-03-01T23:59:59"),
            promotion("linode", "40.00", "10.00", "2026-02-01T00:00:00"),
            promotion("all", "0.00", "0.00", "2026-01-06T00:00:00"),
            promotion("objectstorage", "500.00", "500.00", "2026-01-07T00:00:00"),
        ]);
        let (account, _) = read(&answer(&promotions), [2, 1, 4]).await;
        let credit = &account.credit;
        assert_eq!(credit.remaining, Some(Money::from_cents(9050 + 1000 + 250)));
        assert_eq!(credit.expires_at, "2026-02-01T00:00:00Z".parse().ok());
        assert_eq!(credit.month_to_date, Some(Money::from_cents(307)));
        assert_eq!(account.identity, "a@example.com");
        assert_eq!(account.status, "active since 2025-12-01");
        let limits: Vec<_> = account
            .limits
            .iter()
            .map(|l| (l.what, l.most, l.used))
            .collect();
        assert_eq!(limits, [("services", 10, 7)]);
    }

    #[tokio::test]
    async fn without_a_promotion_nothing_is_limited_to_what_it_pays() {
        let mut owing = answer(&json!([]));
        owing["balance"] = json!(12);
        let (account, requests) = read(&owing, [50, 0, 0]).await;
        assert_eq!((account.limits.len(), requests), (0, 1));
        assert_eq!(
            (account.credit.remaining, account.credit.expires_at),
            (Some(Money::ZERO), None)
        );
    }

    #[tokio::test]
    async fn an_answer_without_figures_is_no_zero() {
        let (account, _) = read(&json!({"email": "a@example.com"}), [0; 3]).await;
        assert_eq!(account.credit.remaining, None);
    }

    #[tokio::test]
    async fn a_restricted_user_costs_only_the_credit() {
        let words = "Your OAuth token is not authorized to use this endpoint.";
        for (status, words) in [(403, "Unauthorized"), (401, words)] {
            let World { api, queue, .. } = world();
            queue.json("GET /v4/account", status, &error(words));
            let profile = json!({"username": "ann", "email": "a@example.com", "restricted": true});
            queue.json("GET /v4/profile", 200, &profile);
            let account = account(&api).await.unwrap();
            assert_eq!(account.identity, "a@example.com (user ann)");
            assert_eq!(account.credit.remaining, None);
            let source = &account.credit.source;
            assert!(source.contains("account:read_only"), "{source}");
        }
        let World { api, queue, .. } = world();
        queue.json("*", 401, &error("Invalid Token"));
        let error = account(&api).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unauthenticated);
    }
}
