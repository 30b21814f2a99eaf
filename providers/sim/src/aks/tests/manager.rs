//! The resource manager: groups, lists with filters and pages, tags, versions, other people's things.

use serde_json::{Value, json};

use super::{CLUSTER, ME, SUB, Story, len};

#[test]
fn groups_are_made_changed_and_found_by_tag() {
    let mut story = Story::ready();
    let group = story.get("/resourcegroups/RG1");
    assert_eq!(
        (&group["id"], &group["name"]),
        (&json!(format!("{SUB}/resourceGroups/rg1")), &json!("rg1"))
    );
    let changed = story.must(
        200,
        "PATCH",
        "/resourcegroups/rg1",
        &json!({"tags": {"kubelease-lease": "l2"}}),
    );
    assert_eq!(changed["tags"]["kubelease-lease"], "l2");
    let found = |story: &mut Story, value: &str| {
        let filter =
            format!("$filter=tagName%20eq%20'Kubelease-Lease'%20and%20tagValue%20eq%20'{value}'");
        len(&story.get(&format!("/resourcegroups?{filter}")))
    };
    assert_eq!((found(&mut story, "l1"), found(&mut story, "l2")), (0, 1));
    assert_eq!(
        story.world.resources(Some(ME))[0].owner.as_deref(),
        Some("l2")
    );
    for (name, status) in [
        ("a".repeat(91), 400),
        ("a.".into(), 400),
        ("a%20b".into(), 400),
        ("a.b".into(), 201),
    ] {
        let reply = story.send(
            "PUT",
            &format!("/resourcegroups/{name}"),
            &json!({"location": "eastus"}),
        );
        assert_eq!(reply.status, status, "{name}");
    }
    assert_eq!(
        story
            .refused("PUT", "/resourcegroups/x", &json!({"location": "mars"}))
            .1,
        "LocationNotAvailableForResourceGroup"
    );
    assert_eq!(
        story.refused("PATCH", "/resourcegroups/x", &json!({})),
        (404, "ResourceGroupNotFound".into())
    );
    let head = story.send("HEAD", "/resourcegroups/x", &Value::Null);
    assert_eq!((head.status, head.body.len()), (404, 0));
}

#[test]
fn all_resources_are_listed_in_pages_with_what_is_expanded() {
    let mut story = Story::running(&json!({}));
    let (mut target, mut seen) = (
        "/resources?$top=3&$expand=createdTime,provisioningState".to_owned(),
        Vec::new(),
    );
    loop {
        let page = story.get(&target);
        let items = page["value"].as_array().unwrap().clone();
        assert!(items.len() <= 3);
        seen.extend(items);
        match page["nextLink"].as_str() {
            Some(link) => target = link.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(
        seen.iter()
            .all(|r| r["createdTime"].is_string() && r["provisioningState"] == "Succeeded")
    );
    assert!(seen.iter().all(|r| r.get("properties").is_none()));
    let ids: std::collections::BTreeSet<_> = seen.iter().map(|r| r["id"].to_string()).collect();
    assert_eq!(ids.len(), 9);
    let plain = story.get("/resources?$filter=resourceType%20eq%20'microsoft.compute/disks'");
    assert_eq!(
        (len(&plain), plain["value"][0].get("createdTime")),
        (1, None)
    );
    let spaced = story.get("/resources?%24filter=resourceType+eq+%27microsoft.compute%2Fdisks%27");
    assert_eq!(len(&spaced), 1, "a plus is a space");
    for query in ["$top=0", "$filter=size%20eq%20'1'", "$skiptoken=x"] {
        assert_eq!(
            story
                .send("GET", &format!("/resources?{query}"), &Value::Null)
                .status,
            400,
            "{query}"
        );
    }
}

#[test]
fn versions_are_listed_under_values() {
    let mut story = Story::new();
    let list =
        story.get("/providers/Microsoft.ContainerService/locations/westeurope/kubernetesVersions");
    let default: Vec<_> = list["values"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|v| v["isDefault"] == true)
        .collect();
    assert_eq!((default.len(), &default[0]["version"]), (1, &json!("1.35")));
    let old = list["values"]
        .as_array()
        .unwrap()
        .iter()
        .find(|v| v["version"] == "1.33")
        .unwrap();
    assert_eq!(
        old["capabilities"]["supportPlan"],
        json!(["AKSLongTermSupport"])
    );
}

#[test]
fn foreign_things_are_billed_owned_by_nobody_and_exactly_those_named() {
    let mut story = Story::ready();
    let foreign = |kind: &str, name: &str| json!({"kind": kind, "name": name, "tags": ["team=x", "kubelease-lease=l9"]});
    let all = [
        "cluster",
        "volume",
        "load_balancer",
        "node",
        "ipv4",
        "resource_group",
    ]
    .map(|kind| foreign(kind, "theirs"));
    story.account(json!({"foreign": all})).unwrap();
    let others: Vec<_> = story
        .world
        .resources(Some(ME))
        .into_iter()
        .filter(|r| r.name != "rg1")
        .collect();
    assert!(
        others.len() >= 16 && others.iter().all(|r| r.owner.is_none()),
        "{others:?}"
    );
    story.pass(222);
    let cluster = story.get("/resourceGroups/rg-cluster-theirs/providers/Microsoft.ContainerService/managedClusters/theirs");
    assert_eq!(
        (
            &cluster["properties"]["provisioningState"],
            &cluster["tags"]["team"]
        ),
        (&json!("Succeeded"), &json!("x"))
    );
    story
        .account(json!({"foreign": [foreign("volume", "theirs")]}))
        .unwrap();
    assert_eq!(
        story.kinds(),
        ["resource_group", "resource_group", "volume"]
    );
    let bad = story.account(json!({"foreign": [foreign("castle", "theirs")]}));
    assert!(bad.unwrap_err().contains("castle"));
    story.account(json!({"foreign": []})).unwrap();
    assert_eq!(story.kinds(), ["resource_group"]);
}

#[test]
fn a_group_named_for_the_machines_is_used_and_must_be_new() {
    let mut story = Story::running(&json!({"properties": {"nodeResourceGroup": "machines"}}));
    assert_eq!(
        story.cluster()["properties"]["nodeResourceGroup"],
        "machines"
    );
    let group = story.get("/resourceGroups/machines");
    assert_eq!(group["managedBy"], story.get(CLUSTER)["id"]);
}

#[test]
fn tags_of_a_thing_can_be_changed_alone() {
    let mut story = Story::ready();
    story
        .account(json!({"foreign": [{"kind": "ipv4", "name": "a"}]}))
        .unwrap();
    let path = "/resourceGroups/rg-ipv4-a/providers/Microsoft.Network/publicIPAddresses/a";
    let changed = story.must(200, "PATCH", path, &json!({"tags": {"x": "y"}}));
    assert_eq!(changed["tags"], json!({"x": "y"}));
    assert_eq!(story.status("DELETE", path), 202, "nothing uses it");
}
