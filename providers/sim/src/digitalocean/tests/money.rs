//! Who pays how much: meter, balance, owners.

use serde_json::{Value, json};

use super::{ME, Story};
use crate::account::Account;

#[test]
fn nodes_are_billed_from_ready_to_the_delete_request() {
    let mut story = Story::new();
    let id = story.cluster(&json!({}));
    story.pass(300);
    assert_eq!(story.total(), "0");
    story.pass(7 + 3_600);
    // One node 3607 s, the other 3600 s, at $24 for 2419200 s.
    let expected = crate::money::Nanos::ratio(24_000_000_000 * (3_607 + 3_600), 2_419_200);
    assert_eq!(story.total(), expected.to_string());
    story.send(
        "DELETE",
        &format!("/v2/kubernetes/clusters/{id}"),
        &Value::Null,
    );
    story.pass(86_400);
    assert_eq!(story.total(), expected.to_string());
    let lines = story.world.bill(ME);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (
            lines[0].kind.as_str(),
            lines[0].owner.as_deref(),
            lines[0].seconds
        ),
        ("node", Some("l1"), 7_207)
    );
}

#[test]
fn high_availability_costs_by_started_hour() {
    let mut story = Story::new();
    story.cluster(&json!({"ha": true}));
    story.pass(1);
    assert_eq!(story.total(), "0.05952381");
    story.pass(3_600);
    let control_plane = story
        .world
        .bill(ME)
        .into_iter()
        .find(|l| l.kind == "control_plane")
        .unwrap();
    assert_eq!(control_plane.amount.to_string(), "0.119047619");
}

#[test]
fn foreign_resources_are_exactly_those_named_and_nobodys() {
    let mut story = Story::new();
    let account =
        |foreign: Value| serde_json::from_value::<Account>(json!({"foreign": foreign})).unwrap();
    let all = json!([{"kind": "cluster", "name": "theirs", "tags": ["kubelease-lease:l1"], "nodes": 2}, {"kind": "volume", "name": "v"}, {"kind": "load_balancer", "name": "l"}]);
    story
        .world
        .set_account(ME, account(all.clone()), true)
        .unwrap();
    story.world.set_account(ME, account(all), true).unwrap();
    story.pass(400);
    assert_eq!(
        story.kinds(),
        ["cluster", "droplet", "droplet", "load_balancer", "volume"]
    );
    assert!(
        story
            .world
            .resources(None)
            .iter()
            .all(|r| r.owner.is_none())
    );
    assert!(story.world.bill(ME).iter().all(|l| l.owner.is_none()));
    assert_eq!(story.world.bill(ME).len(), 3);
    let unknown =
        story
            .world
            .set_account(ME, account(json!([{"kind": "pony", "name": "p"}])), true);
    assert!(unknown.unwrap_err().contains("pony"));
    assert_eq!(story.kinds().len(), 5);
    story
        .world
        .set_account(ME, account(json!([])), true)
        .unwrap();
    story.pass(400);
    assert!(story.kinds().is_empty());
}

#[test]
fn the_balance_is_the_meter_minus_the_credit_until_that_ends() {
    let mut story = Story::new();
    let account: Account =
        serde_json::from_value(json!({"credit": "200", "expires_at": "2026-02-03T00:00:00Z"}))
            .unwrap();
    story.world.set_account(ME, account, false).unwrap();
    assert_eq!(
        story.get("/v2/customers/my/balance")["month_to_date_balance"],
        "-200.00"
    );
    story.ask(
        "POST",
        "/v2/volumes",
        &json!({"name": "v", "size_gigabytes": 100, "region": "nyc1"}),
    );
    story.pass(10 * 3_600);
    let usage = story.get("/v2/customers/my/balance");
    assert_eq!(
        (
            &usage["month_to_date_usage"],
            &usage["account_balance"],
            &usage["month_to_date_balance"]
        ),
        (&json!("0.15"), &json!("-200.00"), &json!("-199.85"))
    );
    assert_eq!(
        story.get("/v2/customers/my/invoices/preview")["invoice_items"][0]["amount"],
        "0.15"
    );
    story.pass(30 * 86_400);
    let later = story.get("/v2/customers/my/balance");
    let january = story.get("/v2/customers/my/invoices")["invoices"][0].clone();
    assert_eq!(january["invoice_period"], "2026-01");
    let types: Vec<_> = story.get("/v2/customers/my/billing_history")["billing_history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["type"].clone())
        .collect();
    assert_eq!(types, ["CreditExpiration", "Invoice", "Credit"]);
    // What the credit did not cover before it ended is all that is owed.
    assert!(
        !later["month_to_date_balance"]
            .as_str()
            .unwrap()
            .starts_with('-'),
        "{later}"
    );
    let uuid = january["invoice_uuid"].as_str().unwrap();
    assert_eq!(
        story.get(&format!("/v2/customers/my/invoices/{uuid}/summary"))["amount"],
        january["amount"]
    );
}
