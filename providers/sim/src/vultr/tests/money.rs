//! Who pays how much: meter, balance, owners.

use serde_json::{Value, json};

use super::{ME, Story};

#[test]
fn nodes_are_billed_one_by_one_from_the_create_to_the_delete_request() {
    let mut story = Story::new();
    let path = story.cluster(&json!({"ha_controlplanes": true}));
    assert_eq!(story.total(), "0");
    story.pass(1);
    assert_eq!(story.total(), "0.06");
    story.pass(3_600);
    assert_eq!(story.total(), "0.12");
    story.delete(&path);
    story.pass(86_400);
    assert_eq!(story.total(), "0.12");
    let ids: Vec<String> = story.world.bill(ME).into_iter().map(|l| l.item).collect();
    assert_eq!(ids.len(), 2);
    let line = story.world.bill(ME).remove(0);
    assert_eq!(
        (line.kind.as_str(), line.kind_type.as_str()),
        ("node", "vc2-2c-4gb")
    );
    assert_eq!((line.owner.as_deref(), line.seconds), (Some("l1"), 3_601));
    assert_eq!(line.region, "ewr");
}

#[test]
fn a_resource_recreated_is_a_new_one_and_months_are_apart() {
    let mut story = Story::new();
    for _ in 0..2 {
        let path = story.cluster(&json!({}));
        story.pass(60);
        story.delete(&path);
        story.pass(200);
    }
    assert_eq!(story.total(), "0.12", "four machines, an hour each");
    let mut story = Story::new();
    story.cluster(&json!({}));
    // 2026-01-05T08:00 to 2026-02-01T00:00:01: 640 hours, and one begun.
    story.pass(640 * 3_600 + 1);
    let amounts: Vec<String> = story
        .world
        .bill(ME)
        .iter()
        .map(|l| l.amount.to_string())
        .collect();
    assert_eq!(amounts, ["19.2", "0.03", "19.2", "0.03"]);
    story.pass(27 * 86_400 + 23 * 3_600);
    let february = story.world.bill(ME).remove(1);
    assert_eq!(february.amount.to_string(), "20", "672 started hours");
}

#[test]
fn owners_are_read_from_label_or_tag_and_outlive_the_cluster() {
    let mut story = Story::new();
    let pool = json!([{"label": "w", "plan": "vc2-2c-4gb", "node_quantity": 1, "tag": "x,kubelease-lease:l7,y"}]);
    let path =
        story.cluster(&json!({"label": "plain", "node_pools": pool, "enable_firewall": true}));
    assert!(story.all_owned_by(Some("l7")));
    story.pass(10);
    assert!(story.all_owned_by(Some("l7")), "the bill too");
    let (status, _) = story.ask("PUT", &path, &json!({"label": "kubelease-lease:l8"}));
    assert_eq!(status, 204);
    assert!(story.all_owned_by(Some("l8")), "the label comes first");
    story.ask("PUT", &path, &json!({"label": ""}));
    let id = story.pool(&path)["id"].as_str().unwrap().to_owned();
    let pool = format!("{path}/node-pools/{id}");
    assert_eq!(story.status("PATCH", &pool, &json!({"tag": ""})), 202);
    assert!(story.all_owned_by(None));
    story.ask("PATCH", &pool, &json!({"tag": "kubelease-lease:l9"}));
    story.delete(&path);
    story.pass(600);
    assert_eq!(story.kinds(), ["firewall", "vpc"]);
    assert!(story.all_owned_by(Some("l9")));
}

#[test]
fn foreign_resources_are_exactly_those_named_and_nobodys() {
    let mut story = Story::new();
    let all = json!({"foreign": [
        {"kind": "cluster", "name": "theirs", "tags": ["kubelease-lease:l1"], "nodes": 2}, {"kind": "volume", "name": "v"},
        {"kind": "load_balancer", "name": "kubelease-lease:l1"}, {"kind": "node", "name": "n", "tags": ["t"]}]});
    story.account(all.clone()).unwrap();
    story.account(all).unwrap();
    story.pass(400);
    let kinds = [
        "cluster",
        "instance",
        "instance",
        "instance",
        "load_balancer",
        "volume",
        "vpc",
    ];
    assert_eq!(story.kinds(), kinds);
    assert!(story.all_owned_by(None));
    assert_eq!(story.world.bill(ME).len(), 5);
    assert_eq!(
        story.get("/v2/instances?tag=t")["instances"][0]["label"],
        "n"
    );
    let unknown = story.account(json!({"foreign": [{"kind": "pony", "name": "p"}]}));
    assert!(unknown.unwrap_err().contains("pony"));
    assert_eq!(story.kinds().len(), 7);
    story.account(json!({"foreign": []})).unwrap();
    story.pass(400);
    assert!(story.kinds().is_empty());
}

#[test]
fn the_balance_is_finished_months_minus_the_credit_until_that_ends() {
    let mut story = Story::new();
    let settings = json!({"credit": "100", "expires_at": "2026-02-03T00:00:00Z"});
    story.account(settings).unwrap();
    story.block(&json!({"region": "ewr", "size_gb": 1000}));
    story.pass(10 * 3_600);
    let account = story.get("/v2/account")["account"].clone();
    assert_eq!(
        (&account["balance"], &account["pending_charges"]),
        (&json!(-100), &json!(1.49))
    );
    let pending = story.get("/v2/billing/pending-charges")["pending_charges"][0].clone();
    assert_eq!(
        (&pending["units"], &pending["total"]),
        (&json!(10), &json!(1.49))
    );
    assert_eq!(pending["start_date"], "2026-01-05T08:00:00+00:00");
    // On 1 February January's 640 hours are booked.
    story.pass(640 * 3_600 - 10 * 3_600);
    let account = story.get("/v2/account")["account"].clone();
    assert_eq!(
        (&account["balance"], &account["pending_charges"]),
        (&json!(-4.76), &json!(0))
    );
    story.pass(2 * 86_400);
    // The credit is gone by now: what it did not cover before its end is owed.
    let account = story.get("/v2/account")["account"].clone();
    assert_eq!(
        (&account["balance"], &account["pending_charges"]),
        (&json!(-4.76), &json!(7.14))
    );
}

#[test]
fn credit_that_ends_unused_leaves_the_balance() {
    let mut story = Story::new();
    let settings = json!({"credit": "250", "expires_at": "2026-02-03T00:00:00Z"});
    story.account(settings).unwrap();
    story.block(&json!({"region": "ewr", "size_gb": 100}));
    story.pass(40 * 86_400);
    let history = story.get("/v2/billing/history")["billing_history"].clone();
    let types: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["description"].clone())
        .collect();
    assert_eq!(types.len(), 3);
    assert_eq!(
        (&types[0], &types[2]),
        (&json!("Account Credit expired"), &json!("Account Credit"))
    );
    let balance = story.get("/v2/account")["account"]["balance"].clone();
    assert_eq!(history[0]["balance"], balance);
    assert_eq!(balance, json!(-0.71), "what February had used by its end");
    let invoice = story.get("/v2/billing/invoices")["billing_invoices"][0].clone();
    assert_eq!(
        (&invoice["amount"], invoice.get("type")),
        (&json!(9.52), None)
    );
    let one = format!("/v2/billing/invoices/{}", invoice["id"]);
    assert_eq!(story.get(&one)["billing_invoice"], invoice);
    let items = story.get(&format!("{one}/items"));
    assert_eq!(items["invoice_items"][0]["total"], json!(9.52));
    assert_eq!(items["invoice_items"][0]["product"], "Block Storage");
    assert_eq!(
        story.status("GET", "/v2/billing/invoices/1", &Value::Null),
        404
    );
}
