//! Cluster states, versions and accounts as EKS tells them.

use super::*;
use crate::api::tests::{Cloud, api};
use chrono::DateTime;
use kubelease_core::{Credential, Money};
use kubelease_http::testing::start;
use serde_json::{Value, json};

fn lease() -> LeaseView {
    LeaseView {
        id: "lbcdfghjkm".parse().unwrap(),
        name: "demo".into(),
        region: "eu-west-1".into(),
        refs: Vec::new(),
    }
}

fn cluster(cloud: &Cloud, more: &Value) {
    let mut cluster = json!({
        "name": "demo", "arn": "arn:aws:eks:eu-west-1:1:cluster/demo", "status": "ACTIVE", "version": "1.35",
        "tags": { "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-protect": "5", "team": "a" },
    });
    for (key, value) in more.as_object().unwrap() {
        cluster[key] = value.clone();
    }
    cloud.json("GET /clusters/demo", &json!({ "cluster": cluster }));
    cloud.json(
        "GET /clusters/demo/node-groups",
        &json!({ "nodegroups": ["nodes"] }),
    );
}

#[tokio::test]
async fn the_state_in_our_words() {
    let (api, cloud) = api(None);
    assert_eq!(state(&api, &lease()).await.unwrap().health, Health::Gone);
    let pool = |status: &str| {
        let issue = json!({ "issues": [{ "resourceIds": ["i-1"] }] });
        let pool =
            json!({ "status": status, "scalingConfig": { "desiredSize": 2 }, "health": issue });
        cloud.json(
            "GET /clusters/demo/node-groups/nodes",
            &json!({ "nodegroup": pool }),
        );
    };
    cluster(&cloud, &json!({}));
    for (status, health, ready) in [
        ("CREATING", Health::Provisioning, 0),
        ("ACTIVE", Health::Running, 2),
        ("DEGRADED", Health::Degraded, 1),
        ("CREATE_FAILED", Health::Degraded, 0),
    ] {
        pool(status);
        let state = state(&api, &lease()).await.unwrap();
        assert_eq!(
            (state.health, state.nodes),
            (health, (ready, 2)),
            "{status}"
        );
    }
    cluster(&cloud, &json!({ "status": "DELETING" }));
    assert_eq!(
        state(&api, &lease()).await.unwrap().health,
        Health::Deleting
    );
    // The name came back as somebody else's.
    cluster(&cloud, &json!({ "tags": { "managed-by": "terraform" } }));
    assert_eq!(state(&api, &lease()).await.unwrap().health, Health::Gone);
}

#[tokio::test]
async fn access_is_signed_here() {
    let (api, cloud) = api(None);
    assert!(access(&api, &lease()).await.unwrap_err().is_not_found());
    cluster(&cloud, &json!({}));
    let early = access(&api, &lease()).await.unwrap_err();
    assert!(early.kind == Kind::Unavailable && early.is_temporary());
    cluster(
        &cloud,
        &json!({ "endpoint": "https://k.example", "certificateAuthority": { "data": "UEVN" } }),
    );
    let given = access(&api, &lease()).await.unwrap();
    assert_eq!(
        (given.server.as_str(), given.ca_pem.as_str()),
        ("https://k.example", "PEM")
    );
    let Credential::Token { token, expires_at } = given.credential else {
        panic!("a token")
    };
    assert!(token.reveal().starts_with("k8s-aws-v1."));
    assert_eq!(expires_at, Some(start() + chrono::TimeDelta::minutes(14)));
}

#[tokio::test]
async fn retag_writes_dates_and_ends_a_protection() {
    let (api, cloud) = api(None);
    cluster(&cloud, &json!({}));
    let path = "/tags/arn%3Aaws%3Aeks%3Aeu-west-1%3A1%3Acluster%2Fdemo";
    cloud.json(&format!("POST {path}"), &json!({}));
    cloud.json(
        &format!("DELETE {path}?tagKeys=kubelease-protect"),
        &json!({}),
    );
    let tag = OwnerTag {
        lease: lease().id,
        expires_at: DateTime::from_timestamp(1_767_614_400, 0),
        protect_until: None,
    };
    retag(&api, &lease(), &tag).await.unwrap();
    let sent: Value = serde_json::from_str(&cloud.body_of(&format!("POST {path}"))).unwrap();
    assert_eq!(sent["tags"]["kubelease-expires"], "1767614400");
    assert_eq!(cloud.changes().len(), 2, "{:?}", cloud.changes());
    let same = json!({ "tags": { "managed-by": "kubelease", "kubelease-lease": "lbcdfghjkm", "kubelease-expires": "1767614400" } });
    cluster(&cloud, &same);
    retag(&api, &lease(), &tag).await.unwrap();
    assert_eq!(cloud.changes().len(), 2, "nothing to write");
}

const PLAN: &str = "AWSFreeTierService.GetAccountPlanState";

fn caller(cloud: &Cloud) {
    cloud.xml("GetCallerIdentity", "<GetCallerIdentityResult><Arn>arn:aws:iam::1:user/me</Arn><Account>1</Account></GetCallerIdentityResult>");
}

#[tokio::test]
async fn the_account_and_its_plan() {
    let (api, cloud) = api(None);
    caller(&cloud);
    let unknown = account(&api).await.unwrap();
    assert_eq!(
        (unknown.status.as_str(), unknown.credit.remaining),
        ("no plan (older account)", None)
    );
    let plan = json!({
        "accountId": "1", "accountPlanType": "FREE", "accountPlanStatus": "ACTIVE",
        "accountPlanRemainingCredits": { "amount": 87.25, "unit": "USD" },
        "accountPlanExpirationDate": "2026-06-01T00:00:00Z",
    });
    cloud.json(PLAN, &plan);
    let known = account(&api).await.unwrap();
    assert_eq!(known.identity, "arn:aws:iam::1:user/me (account 1)");
    assert_eq!(known.status, "FREE plan, ACTIVE");
    assert_eq!(
        known.credit.remaining,
        Some("87.25".parse::<Money>().unwrap())
    );
    assert_eq!(known.credit.expires_at, "2026-06-01T00:00:00Z".parse().ok());
    cloud.answer("GetCallerIdentity", 403, "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>bad</Message></Error></ErrorResponse>");
    assert_eq!(account(&api).await.unwrap_err().kind, Kind::Unauthenticated);
}

#[tokio::test]
async fn a_free_plan_gets_what_it_may_start() {
    let (api, cloud) = api(None);
    let types = "<instanceTypeSet><item><instanceType>c7i-flex.large</instanceType><vCpuInfo><defaultVCpus>2</defaultVCpus></vCpuInfo><memoryInfo><sizeInMiB>4096</sizeInMiB></memoryInfo></item></instanceTypeSet>";
    cloud.xml("DescribeInstanceTypes", types);
    let version = |v: &str, status: &str, end: i64| json!({ "clusterVersion": v, "versionStatus": status, "endOfStandardSupportDate": end });
    let now = start().timestamp();
    let versions = [
        version("1.9", "UNSUPPORTED", now),
        version("1.34", "STANDARD_SUPPORT", now + 3600),
        version("1.33", "EXTENDED_SUPPORT", now - 1),
        version("1.36", "STANDARD_SUPPORT", now + 30_000_000),
    ];
    cloud.json(
        "GET /cluster-versions",
        &json!({ "clusterVersions": versions }),
    );
    let eligible = |body: String| body.contains("free-tier-eligible");
    catalog(&api).await.unwrap();
    assert!(!eligible(cloud.body_of("DescribeInstanceTypes")));
    cloud.json(PLAN, &json!({ "accountPlanType": "FREE" }));
    let catalog = catalog(&api).await.unwrap();
    assert!(eligible(cloud.body_of("DescribeInstanceTypes")));
    let size = &catalog.sizes[0];
    assert_eq!(
        (size.slug.as_str(), size.cpu, size.memory_mib),
        ("c7i-flex.large", 2, 4096)
    );
    assert_eq!(size.regions, ["us-east-1"]);
    let versions: Vec<_> = catalog
        .versions
        .iter()
        .map(|v| (v.minor.as_str(), v.standard))
        .collect();
    assert_eq!(
        versions,
        [("1.36", true), ("1.34", false), ("1.33", false)],
        "1.34 ends within the margin"
    );
}
