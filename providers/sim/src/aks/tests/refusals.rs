//! What the real cloud refuses, and how.

use serde_json::{Value, json};

use super::{CLUSTER, CLUSTERS, ME, SUB, Story, VERSION, cluster_body, code, header, pool};
use crate::cloud::Refusal;

#[test]
fn the_front_door_wants_a_version_a_token_and_the_right_subscription() {
    let mut story = Story::ready();
    for (version, status, expected) in [
        ("", 400, "MissingApiVersionParameter"),
        ("?api-version=latest", 400, "NoRegisteredProviderFound"),
        ("?api-version=2025-13-01", 400, "NoRegisteredProviderFound"),
        (
            "?api-version=2022-11-02-preview",
            400,
            "NoRegisteredProviderFound",
        ),
        ("?api-version=2025-09-02-preview", 200, ""),
        ("?api-version=2026-08-01", 200, ""),
        ("?API-Version=2025-10-01", 200, ""),
    ] {
        let reply = story.send(
            "GET",
            &format!("http://127.0.0.1{SUB}{CLUSTERS}{version}"),
            &Value::Null,
        );
        assert_eq!(
            (reply.status, code(&reply).as_str()),
            (status, expected),
            "{version}"
        );
    }
    let groups = format!("http://127.0.0.1{SUB}/resourcegroups?api-version=new");
    assert_eq!(
        story.refused("GET", &groups, &Value::Null).1,
        "InvalidApiVersionParameter"
    );
    let mut bare = story.request("GET", CLUSTERS, &Value::Null, &[]);
    bare.headers.clear();
    assert_eq!(story.carry_out(&bare).status, 401);
    let other = format!(
        "http://127.0.0.1{}{CLUSTERS}?api-version={VERSION}",
        SUB.replace("0001", "0002")
    );
    assert_eq!(
        story.refused("GET", &other, &Value::Null),
        (404, "SubscriptionNotFound".into())
    );
    assert_eq!(
        story
            .send("GET", "/providers/Microsoft.Sql/servers", &Value::Null)
            .status,
        501
    );
}

#[test]
fn roles_and_secrets_are_checked_when_the_account_names_its_tokens() {
    let mut story = Story::ready();
    let tokens = json!({"tokens": [{"token": "reader", "scopes": ["Reader"]}, {"token": "owner", "scopes": ["Contributor"]}]});
    story.account(tokens).unwrap();
    let mut as_user = |token: &str, method: &str| {
        let group = if method == "PUT" {
            json!({"location": "westeurope"})
        } else {
            Value::Null
        };
        story
            .send_with(
                method,
                "/resourcegroups/rg1",
                &group,
                &[("authorization", &format!("Bearer {token}"))],
            )
            .status
    };
    let found = [
        as_user("reader", "GET"),
        as_user("reader", "PUT"),
        as_user("owner", "PUT"),
        as_user("t", "GET"),
    ];
    assert_eq!(found, [200, 403, 200, 401]);
    let mut login = story.request(
        "POST",
        "http://127.0.0.1/tenant/oauth2/v2.0/token",
        &Value::Null,
        &[],
    );
    for (form, status, error) in [
        (
            "grant_type=client_credentials&client_id=a&client_secret=wrong&scope=s",
            401,
            "invalid_client",
        ),
        (
            "grant_type=client_credentials&client_id=a&scope=s",
            401,
            "invalid_client",
        ),
        (
            "grant_type=password&client_id=a&client_secret=owner&scope=s",
            400,
            "unsupported_grant_type",
        ),
        ("client_id=a", 400, "invalid_request"),
    ] {
        login.body = form.into();
        let reply = story.carry_out(&login);
        assert_eq!(
            (reply.status, reply.value().unwrap()["error"].clone()),
            (status, json!(error)),
            "{form}"
        );
    }
    login.body = "grant_type=client_credentials&client_id=a&client_secret=owner&scope=s".into();
    assert_eq!(story.carry_out(&login).status, 200);
}

#[test]
fn a_new_subscription_has_to_register_the_service_first() {
    let mut story = Story::new();
    story.must(
        201,
        "PUT",
        "/resourcegroups/rg1",
        &json!({"location": "West Europe"}),
    );
    let body = cluster_body(&json!({}));
    assert_eq!(
        story.refused("PUT", CLUSTER, &body),
        (409, "MissingSubscriptionRegistration".into())
    );
    let path = "/providers/microsoft.containerservice";
    let states: Vec<Value> = [
        story.get(path),
        story.must(200, "POST", &format!("{path}/register"), &Value::Null),
        {
            story.pass(30);
            story.get(path)
        },
    ]
    .into_iter()
    .map(|p| p["registrationState"].clone())
    .collect();
    assert_eq!(states, ["NotRegistered", "Registering", "Registered"]);
    assert_eq!(story.send("PUT", CLUSTER, &body).status, 201);
}

#[test]
fn unknown_fields_are_refused_by_new_versions_and_ignored_by_old_ones() {
    let mut story = Story::ready();
    let spoiled = cluster_body(&json!({"properties": {"kubernetesVersions": "1.35"}}));
    let reply = story.send("PUT", CLUSTER, &spoiled);
    let body = reply.value().unwrap();
    assert_eq!(
        (reply.status, &body["code"], &body["subcode"]),
        (400, &json!("UnmarshalError"), &json!(""))
    );
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("unknown field \"kubernetesVersions\""),
        "{body}"
    );
    let mut deep = pool("sys");
    deep["vmsize"] = json!("x");
    let deep = cluster_body(&json!({"properties": {"agentPoolProfiles": [deep]}}));
    assert_eq!(story.refused("PUT", CLUSTER, &deep).1, "UnmarshalError");
    assert_eq!(
        story
            .send("PUT", &format!("{CLUSTER}?api-version=2023-10-01"), &deep)
            .status,
        201
    );
}

#[test]
fn wrong_clusters_are_refused_before_anything_is_made() {
    let mut story = Story::ready();
    let of = |change: Value| {
        let mut pool = pool("sys");
        pool.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        json!({"properties": {"agentPoolProfiles": [pool]}})
    };
    for (more, expected) in [
        (
            json!({"location": "mars"}),
            "LocationNotAvailableForResourceType",
        ),
        (json!({"location": 3}), "InvalidParameter"),
        (json!({"tags": {"a/b": "c"}}), "InvalidTagName"),
        (
            json!({"tags": {"a": "x".repeat(257)}}),
            "InvalidTagValueLength",
        ),
        (json!({"tags": {"a": "1", "A": "2"}}), "DuplicateTagNames"),
        (
            json!({"sku": {"name": "Automatic", "tier": "Free"}}),
            "InvalidParameter",
        ),
        (json!({"identity": null}), "InvalidParameter"),
        (
            json!({"properties": {"kubernetesVersion": "1.33"}}),
            "K8sVersionNotSupported",
        ),
        (
            json!({"properties": {"dnsPrefix": "-x"}}),
            "InvalidParameter",
        ),
        (
            json!({"properties": {"nodeResourceGroup": "x".repeat(81)}}),
            "InvalidParameter",
        ),
        (
            json!({"properties": {"nodeResourceGroup": "rg1"}}),
            "NodeResourceGroupAlreadyExists",
        ),
        (
            json!({"properties": {"agentPoolProfiles": []}}),
            "InvalidParameter",
        ),
        (of(json!({"name": "Sys"})), "InvalidParameter"),
        (of(json!({"vmSize": "Standard_Pony"})), "InvalidParameter"),
        (of(json!({"count": 0})), "InvalidParameter"),
        (of(json!({"count": "1"})), "InvalidParameter"),
        (of(json!({"mode": "User"})), "InvalidParameter"),
        (of(json!({"osDiskSizeGB": 20})), "InvalidParameter"),
        (of(json!({"osDiskType": "Ephemeral"})), "BadRequest"),
        (of(json!({"osType": "Windows"})), "InvalidParameter"),
        (of(json!({"count": 11})), "ErrCode_InsufficientVCPUQuota"),
    ] {
        assert_eq!(
            story.refused("PUT", CLUSTER, &cluster_body(&more)),
            (400, expected.into()),
            "{more}"
        );
    }
    let elsewhere = CLUSTER.replace("rg1", "rg2");
    assert_eq!(
        story.refused("PUT", &elsewhere, &cluster_body(&json!({}))),
        (404, "ResourceGroupNotFound".into())
    );
    assert_eq!(story.kinds(), ["resource_group"]);
}

#[test]
fn what_is_immutable_cannot_be_changed() {
    let mut story = Story::running(&json!({}));
    for more in [
        json!({"location": "eastus"}),
        json!({"properties": {"dnsPrefix": "other"}}),
        json!({"properties": {"nodeResourceGroup": "other"}}),
        json!({"properties": {"networkProfile": {"networkPlugin": "kubenet"}}}),
    ] {
        let refused = story.refused("PUT", CLUSTER, &cluster_body(&more));
        assert_eq!(refused, (400, "PropertyChangeNotAllowed".into()), "{more}");
    }
    let group = json!({"location": "eastus"});
    assert_eq!(
        story.refused("PUT", "/resourcegroups/rg1", &group),
        (409, "InvalidResourceGroupLocation".into())
    );
}

#[test]
fn what_was_read_can_be_written_back() {
    let mut story = Story::running(&json!({}));
    let read = story.cluster();
    let written = story.must(200, "PUT", CLUSTER, &read);
    assert_eq!(written["properties"]["agentPoolProfiles"][0]["count"], 1);
    story.pass(60);
    assert_eq!(story.kinds(), super::WHOLE);
    assert_eq!(
        story.cluster()["properties"]["provisioningState"],
        "Succeeded"
    );
}

#[test]
fn quotas_and_sold_out_sizes_are_told_before_and_held() {
    let mut story = Story::ready();
    let settings = json!({"plan": "FreeTrial_2014-09-01", "quotas": {"standardBSFamily": 2}, "sold_out": [{"region": "westeurope", "size": "Standard_D2s_v5"}]});
    story.account(settings).unwrap();
    assert_eq!(
        story.get("")["subscriptionPolicies"]["quotaId"],
        "FreeTrial_2014-09-01"
    );
    let usages = "/providers/Microsoft.Compute/locations/westeurope/usages";
    let row = |story: &mut Story, name: &str| {
        let all = story.get(usages)["value"].as_array().unwrap().clone();
        let found = all
            .into_iter()
            .find(|u| u["name"]["value"] == name)
            .unwrap();
        (
            found["currentValue"].as_u64().unwrap(),
            found["limit"].as_u64().unwrap(),
        )
    };
    assert_eq!(
        (
            row(&mut story, "cores"),
            row(&mut story, "standardBSFamily")
        ),
        ((0, 4), (0, 2))
    );
    let with = |size: &str, count: u32| {
        let mut pool = pool("sys");
        pool["vmSize"] = json!(size);
        pool["count"] = json!(count);
        cluster_body(&json!({"properties": {"agentPoolProfiles": [pool]}}))
    };
    for (size, count, expected) in [
        ("Standard_B2s", 2, "ErrCode_InsufficientVCPUQuota"),
        ("Standard_B2als_v2", 3, "ErrCode_InsufficientVCPUQuota"),
        ("Standard_D2s_v5", 1, "BadRequest"),
    ] {
        assert_eq!(
            story.refused("PUT", CLUSTER, &with(size, count)),
            (400, expected.into()),
            "{size} {count}"
        );
    }
    assert_eq!(
        story
            .send("PUT", CLUSTER, &with("Standard_B2als_v2", 2))
            .status,
        201
    );
    assert_eq!(row(&mut story, "cores"), (4, 4));
    let skus = story.get("/providers/Microsoft.Compute/skus?$filter=location%20eq%20'westeurope'");
    let all = skus["value"].as_array().unwrap();
    let restricted: Vec<_> = all
        .iter()
        .filter(|s| s["restrictions"] != json!([]))
        .map(|s| s["name"].clone())
        .collect();
    assert_eq!(restricted, ["Standard_D2s_v5"]);
    let mut story = Story::ready();
    story.account(json!({"quotas": {"clusters": 0}})).unwrap();
    assert_eq!(
        story.refused("PUT", CLUSTER, &with("Standard_B2s", 1)).1,
        "ManagedClusterCountExceedsQuotaLimit"
    );
    story.account(json!({"quotas": {"nodes": 1}})).unwrap();
    assert_eq!(
        story.refused("PUT", CLUSTER, &with("Standard_B2s", 2)).1,
        "QuotaExceeded"
    );
}

#[test]
fn throttling_has_buckets_that_fill_again() {
    let mut story = Story::running(&json!({}));
    let get = |story: &mut Story| story.send("GET", CLUSTER, &Value::Null);
    assert!(
        (0..300).all(|_| get(&mut story).status == 200),
        "not enforced unless asked for"
    );
    story.account(json!({"rate_limit": true})).unwrap();
    assert!((0..60).all(|_| get(&mut story).status == 200));
    let late = get(&mut story);
    assert_eq!(
        (
            late.status,
            code(&late).as_str(),
            header(&late, "retry-after").as_deref()
        ),
        (429, "Throttled", Some("1"))
    );
    story.pass(2);
    let found = [
        get(&mut story).status,
        get(&mut story).status,
        get(&mut story).status,
    ];
    assert_eq!(found, [200, 200, 429]);
    let query = json!({"type": "Usage", "timeframe": "MonthToDate", "dataset": {}});
    let mut last = 0;
    for _ in 0..5 {
        let reply = story.send("POST", "/providers/Microsoft.CostManagement/query", &query);
        last = reply.status;
        if last == 429 {
            assert!(
                header(
                    &reply,
                    "x-ms-ratelimit-microsoft.costmanagement-qpu-retry-after"
                )
                .is_some()
            );
        }
    }
    assert_eq!(last, 429);
}

#[test]
fn faults_speak_the_vendors_words() {
    let mut story = Story::running(&json!({}));
    let mut refuse = |refusal: Refusal, method: &str, target: &str| {
        let request = story.request(method, target, &cluster_body(&json!({})), &[]);
        let (cloud, core) = story.world.cloud(ME);
        let reply = cloud.refuse(core, refusal, &request);
        (reply.status, code(&reply))
    };
    let address = "/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/a";
    assert_eq!(
        refuse(Refusal::Status(429), "GET", CLUSTER),
        (429, "Throttled".into())
    );
    assert_eq!(
        refuse(Refusal::NotFound, "GET", CLUSTER),
        (404, "ResourceNotFound".into())
    );
    assert_eq!(
        refuse(Refusal::InUse, "DELETE", CLUSTER),
        (409, "OperationNotAllowed".into())
    );
    assert_eq!(
        refuse(Refusal::InUse, "DELETE", address),
        (400, "PublicIPAddressCannotBeDeleted".into())
    );
    assert_eq!(
        refuse(Refusal::InUse, "DELETE", "/resourcegroups/g").1,
        "ResourceGroupDeletionBlocked"
    );
    assert_eq!(
        refuse(Refusal::Stockout, "PUT", CLUSTER),
        (400, "BadRequest".into())
    );
}
