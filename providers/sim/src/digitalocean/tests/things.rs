//! Volumes, networks, tags: what surrounds a cluster.

use serde_json::{Value, json};

use super::{ME, Story};

#[test]
fn attached_volumes_cannot_be_deleted_until_they_are_detached() {
    let mut story = Story::new();
    story.cluster(&json!({}));
    story.pass(30);
    let droplet = story.get("/v2/droplets")["droplets"][0]["id"].clone();
    let (_, made) = story.ask(
        "POST",
        "/v2/volumes",
        &json!({"name": "data", "size_gigabytes": 10, "region": "nyc1"}),
    );
    let path = format!("/v2/volumes/{}", made["volume"]["id"].as_str().unwrap());
    let actions = format!("{path}/actions");
    let (status, action) = story.ask(
        "POST",
        &actions,
        &json!({"type": "attach", "droplet_id": droplet}),
    );
    assert_eq!(
        (status, action["action"]["status"].as_str()),
        (202, Some("in-progress"))
    );
    assert_eq!(
        story
            .ask(
                "POST",
                &actions,
                &json!({"type": "resize", "size_gigabytes": 20})
            )
            .0,
        422,
        "one action at a time"
    );
    assert_eq!(story.get(&path)["volume"]["droplet_ids"], json!([]));
    story.pass(5);
    assert_eq!(story.get(&path)["volume"]["droplet_ids"], json!([droplet]));
    let (status, refused) = story.ask("DELETE", &path, &Value::Null);
    assert_eq!(
        (status, refused["message"].as_str()),
        (409, Some("attached volume cannot be deleted"))
    );
    assert_eq!(
        story
            .ask(
                "POST",
                &actions,
                &json!({"type": "detach", "droplet_id": 1})
            )
            .1["message"],
        "Attachment not found"
    );
    story.ask(
        "POST",
        &actions,
        &json!({"type": "detach", "droplet_id": droplet}),
    );
    assert_eq!(story.ask("DELETE", &path, &Value::Null).0, 409);
    story.pass(5);
    assert_eq!(story.ask("DELETE", &path, &Value::Null).0, 204);
    assert_eq!(story.ask("DELETE", &path, &Value::Null).0, 404);
}

#[test]
fn networks_wait_for_their_members() {
    let mut story = Story::new();
    let default = story.get("/v2/vpcs")["vpcs"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        story
            .ask("DELETE", &format!("/v2/vpcs/{default}"), &Value::Null)
            .0,
        403
    );
    let (status, made) = story.ask(
        "POST",
        "/v2/vpcs",
        &json!({"name": "mine", "region": "nyc1"}),
    );
    assert_eq!(status, 201);
    let vpc = made["vpc"]["id"].as_str().unwrap().to_owned();
    let id = story.cluster(&json!({"vpc_uuid": vpc}));
    let path = format!("/v2/vpcs/{vpc}");
    story.pass(400);
    assert_eq!(story.get(&format!("{path}/members"))["meta"]["total"], 3);
    story.ask(
        "DELETE",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    story.pass(100);
    let (status, refused) = story.ask("DELETE", &path, &Value::Null);
    assert_eq!(
        (status, refused["message"].as_str()),
        (409, Some("Can not delete VPC with members"))
    );
    story.pass(80);
    assert_eq!(story.ask("DELETE", &path, &Value::Null).0, 204);
}

#[test]
fn a_tag_taken_away_takes_the_owner_away() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    story.pass(400);
    let owners = |story: &Story| {
        story
            .world
            .resources(Some(ME))
            .into_iter()
            .filter(|r| r.owner.as_deref() == Some("l1"))
            .count()
    };
    assert_eq!(owners(&story), 4, "cluster, two droplets, tag");
    let tags = story.get("/v2/tags/kubelease-lease:l1");
    assert_eq!(tags["tag"]["resources"]["droplets"]["count"], 2);
    assert_eq!(
        story
            .ask("GET", "/v2/tags/KUBELEASE-lease:l1", &Value::Null)
            .0,
        404
    );
    assert_eq!(
        story
            .ask("DELETE", "/v2/tags/kubelease-lease:l1", &Value::Null)
            .0,
        204
    );
    assert_eq!(owners(&story), 0);
    assert_eq!(story.world.bill(ME)[0].owner, None);
    story.ask(
        "PUT",
        &format!("/v2/kubernetes/clusters/{id}"),
        &json!({"name": "c1", "tags": ["kubelease-lease:l2"]}),
    );
    assert_eq!(story.world.bill(ME)[0].owner.as_deref(), Some("l2"));
}

#[test]
fn an_address_costs_money_once_its_droplet_is_gone() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    story.pass(400);
    let droplet = story.get("/v2/droplets")["droplets"][0]["id"].clone();
    let (status, made) = story.ask("POST", "/v2/reserved_ips", &json!({"droplet_id": droplet}));
    assert_eq!(
        (status, &made["reserved_ip"]["droplet"]["id"]),
        (202, &droplet)
    );
    story.ask(
        "DELETE",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    let before = story.total();
    story.pass(180 + 100 * 3_600);
    let ip = made["reserved_ip"]["ip"].as_str().unwrap();
    assert_eq!(
        story.get(&format!("/v2/reserved_ips/{ip}"))["reserved_ip"]["droplet"],
        Value::Null
    );
    let more = crate::money::Nanos::parse(&story.total()).unwrap()
        - crate::money::Nanos::parse(&before).unwrap();
    assert_eq!(more.to_string(), "1");
}
