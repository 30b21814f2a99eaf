//! Who pays how much: meter, promotional credit, invoices, owners.

use serde_json::{Value, json};

use super::{ME, Story};

#[test]
fn linodes_are_billed_by_started_hour_from_their_creation_to_the_delete_request() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(15);
    assert_eq!(story.total(), "0");
    story.pass(3_600);
    assert_eq!(story.total(), "0.072");
    story.pass(1);
    assert_eq!(story.total(), "0.144");
    story.status("DELETE", &path);
    story.pass(86_400);
    assert_eq!(story.total(), "0.144");
    let lines = story.world.bill(ME);
    let shown = lines.iter().map(|l| (l.kind.as_str(), l.seconds));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [("node", 3_601), ("node", 3_601)]
    );
    assert!(lines.iter().all(|l| l.owner.as_deref() == Some("l1")));
    assert_ne!(lines[0].item, lines[1].item);
}

#[test]
fn a_node_is_one_item_by_the_id_of_its_linode() {
    let mut story = Story::new();
    story.cluster(&json!({}));
    story.pass(60);
    let linodes = story.get("/v4/linode/instances")["data"].clone();
    let items: Vec<String> = story.world.bill(ME).into_iter().map(|l| l.item).collect();
    assert_eq!(
        items,
        [linodes[0]["id"].to_string(), linodes[1]["id"].to_string()]
    );
}

#[test]
fn months_begin_anew_and_are_capped() {
    let mut story = Story::new();
    story.cluster(&json!({"node_pools": [{"type": "g6-standard-2", "count": 1}]}));
    story.pass(58 * 86_400);
    // From 5 January (640 hours to the month's end) through all of February to 4 March.
    let amounts: Vec<String> = story
        .world
        .bill(ME)
        .iter()
        .map(|l| l.amount.to_string())
        .collect();
    assert_eq!(amounts, ["23.04", "24", "2.88"]);
}

#[test]
fn dear_regions_cost_more_and_high_availability_too() {
    let mut story = Story::new();
    story.cluster(&json!({"region": "id-cgk", "control_plane": {"high_availability": true}}));
    story.pass(60);
    let mut lines = story.world.bill(ME);
    lines.sort_by(|a, b| a.kind.cmp(&b.kind));
    let shown: Vec<_> = lines
        .iter()
        .map(|l| (l.kind.as_str(), l.kind_type.as_str(), l.amount.to_string()))
        .collect();
    let node = ("node", "g6-standard-2", "0.043".to_owned());
    assert_eq!(
        shown,
        [
            ("control_plane", "ha", "0.108".to_owned()),
            node.clone(),
            node
        ]
    );
    let hourly: Vec<String> = story
        .world
        .resources(Some(ME))
        .iter()
        .map(|r| r.hourly.to_string())
        .collect();
    assert_eq!(hourly, ["0.108", "0.043", "0.043"]);
}

#[test]
fn recycled_nodes_are_new_items() {
    let mut story = Story::new();
    let path = story.cluster(&json!({}));
    story.pass(300);
    story.must("POST", &format!("{path}/recycle"), &json!({}));
    story.pass(300);
    assert_eq!(
        (story.world.bill(ME).len(), story.total()),
        (4, "0.144".to_owned())
    );
}

#[test]
fn the_promotion_shrinks_with_use_and_ends() {
    let mut story = Story::new();
    let credit = json!({"credit": "100", "expires_at": "2026-02-10T00:00:00Z"});
    story.account(credit).unwrap();
    let volume = json!({"label": "data", "region": "us-east", "size": 1_000});
    story.must("POST", "/v4/volumes", &volume);
    story.pass(10 * 3_600);
    let account = story.get("/v4/account");
    assert_eq!(
        (&account["balance"], &account["balance_uninvoiced"]),
        (&json!(0.0), &json!(1.5))
    );
    let promotion = &account["active_promotions"][0];
    let shown = (
        &promotion["credit_remaining"],
        &promotion["expire_dt"],
        &promotion["service_type"],
    );
    assert_eq!(
        shown,
        (
            &json!("98.50"),
            &json!("2026-02-10T00:00:00"),
            &json!("all")
        )
    );
    story.pass(29 * 86_400);
    // 640 hours of January: paid by the credit. February is not over when the credit ends.
    let account = story.get("/v4/account");
    assert_eq!(account["balance"], json!(0.0));
    story.pass(30 * 86_400);
    let account = story.get("/v4/account");
    assert_eq!(account["active_promotions"], json!([]));
    assert_eq!(account["balance"], json!(100.0), "all of February is owed");
}

#[test]
fn finished_months_are_invoiced() {
    let mut story = Story::new();
    let volume = json!({"label": "data", "region": "us-east", "size": 1_000});
    story.must("POST", "/v4/volumes", &volume);
    assert_eq!(story.get("/v4/account/invoices")["results"], 0);
    story.pass(30 * 86_400);
    let invoice = story.get("/v4/account/invoices")["data"][0].clone();
    let shown = (&invoice["total"], &invoice["date"]);
    assert_eq!(shown, (&json!(96.0), &json!("2026-02-01T00:00:00")));
    let path = format!("/v4/account/invoices/{}", invoice["id"]);
    assert_eq!(story.get(&path), invoice);
    let item = story.get(&format!("{path}/items"))["data"][0].clone();
    let shown = (&item["quantity"], &item["unit_price"], &item["region"]);
    assert_eq!(shown, (&json!(640), &json!("0.00015"), &json!("us-east")));
    assert_eq!(story.get("/v4/account")["balance"], json!(96.0));
    assert_eq!(story.status("GET", "/v4/account/invoices/1"), 404);
}

#[test]
fn foreign_resources_are_exactly_those_named_and_nobodys() {
    let mut story = Story::new();
    let all = json!({"foreign": [
        {"kind": "cluster", "name": "theirs", "tags": ["kubelease-lease:l1"], "nodes": 2}, {"kind": "volume", "name": "vol"},
        {"kind": "load_balancer", "name": "balancer"}, {"kind": "node", "name": "single", "tags": ["kubelease-lease:l1"]},
    ]});
    story.account(all.clone()).unwrap();
    story.account(all).unwrap();
    story.pass(400);
    let kinds = [
        "cluster",
        "linode",
        "linode",
        "linode",
        "load_balancer",
        "volume",
    ];
    assert_eq!(story.kinds(), kinds);
    assert!(
        story
            .world
            .resources(None)
            .iter()
            .all(|r| r.owner.is_none())
    );
    assert!(story.world.bill(ME).iter().all(|l| l.owner.is_none()));
    assert_eq!(story.world.bill(ME).len(), 5);
    let wrong = story.account(json!({"foreign": [{"kind": "pony", "name": "p"}]}));
    assert!(wrong.unwrap_err().contains("pony"));
    assert_eq!(story.kinds().len(), 6);
    story.account(json!({"foreign": []})).unwrap();
    story.pass(400);
    assert!(story.kinds().is_empty());
    assert_eq!(
        story.ask("GET", "/v4/lke/clusters", &Value::Null).1["results"],
        0
    );
}
