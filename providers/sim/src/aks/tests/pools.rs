//! Pools: made, scaled, deleted, spot, and the machines behind them.

use serde_json::{Value, json};

use super::{CLUSTER, Story, header, len, pool};

fn at(name: &str) -> String {
    format!("{CLUSTER}/agentPools/{name}")
}

fn body(more: &Value) -> Value {
    let mut properties =
        json!({"count": 1, "vmSize": "Standard_D2as_v5", "mode": "User", "osDiskSizeGB": 32});
    properties
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"properties": properties})
}

fn count(story: &Story, kind: &str) -> usize {
    story.kinds().into_iter().filter(|k| *k == kind).count()
}

#[test]
fn a_pool_is_made_scaled_and_deleted() {
    let mut story = Story::running(&json!({}));
    let reply = story.send("PUT", &at("work"), &body(&json!({"count": 2})));
    assert_eq!(reply.status, 201, "{:?}", reply.value());
    assert_eq!(
        reply.value().unwrap()["properties"]["provisioningState"],
        "Creating"
    );
    assert!(header(&reply, "azure-asyncoperation").is_some());
    assert_eq!(
        (
            count(&story, "node"),
            count(&story, "boot_disk"),
            count(&story, "scale_set")
        ),
        (3, 3, 2)
    );
    story.pass(150);
    let list = story.get(&format!("{CLUSTER}/agentPools"));
    assert_eq!(
        (
            len(&list),
            &list["value"][1]["properties"]["provisioningState"]
        ),
        (2, &json!("Succeeded"))
    );
    let scaled = story.must(200, "PUT", &at("work"), &body(&json!({"count": 1})));
    assert_eq!(scaled["properties"]["count"], 1);
    assert_eq!((count(&story, "node"), count(&story, "boot_disk")), (2, 2));
    story.pass(60);
    let before = story.hourly();
    assert_eq!(story.status("DELETE", &at("work")), 202);
    let cost = |text: &str| crate::money::Nanos::parse(text).unwrap();
    assert!(
        cost(&before) - cost(&story.hourly()) > cost("0.1"),
        "its bill ends with the request"
    );
    story.pass(120);
    assert_eq!(story.kinds(), super::WHOLE);
    assert_eq!(story.status("DELETE", &at("work")), 204);
    assert_eq!(
        story.refused("GET", &at("work"), &Value::Null),
        (404, "ResourceNotFound".into())
    );
}

#[test]
fn the_last_system_pool_stays() {
    let mut story = Story::running(&json!({}));
    assert_eq!(
        story.refused("DELETE", &at("sys"), &Value::Null),
        (400, "OperationNotAllowed".into())
    );
    let user = json!({"properties": {"mode": "User"}});
    assert_eq!(story.refused("PUT", &at("sys"), &user).0, 400);
    let none = json!({"properties": {"mode": "System", "count": 0}});
    assert_eq!(story.refused("PUT", &at("sys"), &none).0, 400);
}

#[test]
fn a_pool_has_its_own_tags_and_not_the_clusters() {
    let mut plain = pool("sys");
    plain.as_object_mut().unwrap().remove("tags");
    let mut story = Story::running(&json!({"properties": {"agentPoolProfiles": [plain]}}));
    let machines =
        "/resourceGroups/MC_rg1_c1_westeurope/resources?$filter=tagName%20eq%20'kubelease-lease'";
    let tagged = story.get(machines);
    let mut types: Vec<_> = tagged["value"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["type"].as_str().unwrap().to_owned())
        .collect();
    types.sort();
    let expected = [
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.Network/loadBalancers",
        "Microsoft.Network/networkSecurityGroups",
        "Microsoft.Network/publicIPAddresses",
        "Microsoft.Network/virtualNetworks",
    ];
    assert_eq!(types, expected);
    let owners: Vec<_> = story
        .world
        .resources(Some(super::ME))
        .into_iter()
        .map(|r| r.owner)
        .collect();
    assert!(
        owners.iter().all(|o| o.as_deref() == Some("l1")),
        "{owners:?}"
    );
    story.must(
        200,
        "PUT",
        &at("sys"),
        &json!({"properties": {"tags": {"kubelease-lease": "l1"}}}),
    );
    assert_eq!(len(&story.get(machines)), 7, "scale set and disk too");
}

#[test]
fn spot_machines_are_for_user_pools_of_offers_that_have_them() {
    let mut story = Story::running(&json!({}));
    let spot = |more: &Value| {
        let mut all = json!({"scaleSetPriority": "Spot"});
        all.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body(&all)
    };
    assert_eq!(
        story
            .refused(
                "PUT",
                &at("spot"),
                &spot(&json!({"vmSize": "Standard_B2s"}))
            )
            .0,
        400
    );
    assert_eq!(
        story
            .refused("PUT", &at("spot"), &spot(&json!({"mode": "System"})))
            .0,
        400
    );
    let made = story.must(201, "PUT", &at("spot"), &spot(&json!({})));
    let taint = "kubernetes.azure.com/scalesetpriority=spot:NoSchedule";
    assert_eq!(
        (
            &made["properties"]["nodeTaints"][0],
            &made["properties"]["scaleSetPriority"]
        ),
        (&json!(taint), &json!("Spot"))
    );
    story
        .account(json!({"plan": "FreeTrial_2014-09-01"}))
        .unwrap();
    story.pass(150);
    assert_eq!(
        story.refused("PUT", &at("spot2"), &spot(&json!({}))),
        (400, "SpotNotAllowed".into())
    );
}

#[test]
fn a_size_cannot_be_changed_and_an_empty_one_is_large() {
    let mut story = Story::running(&json!({}));
    let other = json!({"properties": {"vmSize": "Standard_B2ms"}});
    assert_eq!(
        story.refused("PUT", &at("sys"), &other),
        (400, "PropertyChangeNotAllowed".into())
    );
    let empty = json!({"properties": {"count": 1}});
    let made = story.must(201, "PUT", &at("big"), &empty);
    assert_eq!(
        (
            &made["properties"]["vmSize"],
            &made["properties"]["osDiskType"]
        ),
        (&json!("Standard_D8ds_v4"), &json!("Ephemeral"))
    );
    assert_eq!(
        count(&story, "boot_disk"),
        1,
        "an ephemeral disk is no resource"
    );
}

#[test]
fn a_scale_set_deleted_by_hand_takes_its_machines() {
    let mut story = Story::running(&json!({}));
    let sets =
        "/resourceGroups/MC_rg1_c1_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets";
    let name = story.get(sets)["value"][0]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(story.status("DELETE", &format!("{sets}/{name}")), 202);
    story.pass(10);
    assert_eq!(
        (
            count(&story, "node"),
            count(&story, "boot_disk"),
            count(&story, "scale_set")
        ),
        (0, 0, 0)
    );
    assert_eq!(
        story.cluster()["properties"]["agentPoolProfiles"][0]["count"],
        0
    );
}
