//! What it costs: the meter by the second, cost rows a day late, credit, prices.

use serde_json::{Value, json};

use super::{CLUSTER, ME, Story, len};

const QUERY: &str = "/providers/Microsoft.CostManagement/query";

#[test]
fn a_small_cluster_costs_its_machine_disk_balancer_and_address_by_the_second() {
    let mut story = Story::ready();
    story.create(&json!({}));
    story.pass(3_600);
    // B2s 0.048, load balancer 0.025, address 0.005, P4 5.28 a month of 744 hours.
    assert_eq!(story.total(), "0.085096774");
    assert_eq!(story.hourly(), "0.085096774");
    let lines = story.world.bill(ME);
    let mut kinds: Vec<_> = lines
        .iter()
        .map(|l| (l.kind.as_str(), l.kind_type.as_str(), l.owner.as_deref()))
        .collect();
    kinds.sort_unstable();
    let l1 = Some("l1");
    let expected = [
        ("boot_disk", "P4", l1),
        ("ipv4", "standard-static-regional", l1),
        ("load_balancer", "standard", l1),
        ("node", "Standard_B2s", l1),
    ];
    assert_eq!(kinds, expected);
    assert!(lines.iter().all(|l| l.item.starts_with(super::SUB)));
    story.must(202, "DELETE", "/resourcegroups/rg1", &Value::Null);
    story.pass(7_200);
    assert_eq!(story.total(), "0.085096774", "it ended with the request");
}

#[test]
fn paid_tiers_cost_from_the_change_on() {
    let mut story = Story::running(&json!({}));
    let free = story.hourly();
    let standard = super::cluster_body(&json!({"sku": {"name": "Base", "tier": "Standard"}}));
    story.must(200, "PUT", CLUSTER, &standard);
    let cost = |text: &str| crate::money::Nanos::parse(text).unwrap();
    assert_eq!((cost(&story.hourly()) - cost(&free)).to_string(), "0.1");
}

#[test]
fn changed_tags_change_the_owner_of_everything_the_cluster_made() {
    let mut story = Story::running(&json!({}));
    story.must(
        200,
        "PATCH",
        CLUSTER,
        &json!({"tags": {"Kubelease-Lease": "l2"}}),
    );
    let owners: Vec<_> = story.world.bill(ME).into_iter().map(|l| l.owner).collect();
    assert_eq!(owners, vec![Some("l2".to_owned()); 4]);
    let machines = story.get("/resourceGroups/MC_rg1_c1_westeurope");
    assert_eq!(
        (
            &machines["tags"]["Kubelease-Lease"],
            machines["tags"].get("kubelease-lease")
        ),
        (&json!("l2"), None)
    );
    assert_eq!(machines["tags"]["aks-managed-cluster-name"], "c1");
}

#[test]
fn cost_rows_are_a_day_late_and_grouped_by_group() {
    let mut story = Story::running(&json!({}));
    let query = json!({"type": "ActualCost", "timeframe": "MonthToDate", "dataset": {"granularity": "Daily",
        "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}}, "grouping": [{"type": "Dimension", "name": "ResourceGroupName"}]}});
    let rows =
        |story: &mut Story| story.must(200, "POST", QUERY, &query)["properties"]["rows"].clone();
    assert_eq!(rows(&mut story), json!([]));
    story.pass(86_400);
    let found = rows(&mut story);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let row = &found[0];
    assert_eq!(
        (&row[1], &row[2], &row[3]),
        (
            &json!(20_260_105),
            &json!("mc_rg1_c1_westeurope"),
            &json!("USD")
        )
    );
    // 16 hours less the 30 seconds of the registration.
    assert_eq!(row[0].to_string(), "1.360839247");
    let answer = story.must(200, "POST", &format!("/resourceGroups/rg1{QUERY}"), &query);
    assert_eq!(
        answer["properties"]["rows"],
        json!([]),
        "machines are in another group"
    );
    assert_eq!(answer["properties"]["columns"][1]["name"], "UsageDate");
    let wrong = json!({"type": "ActualCost", "timeframe": "Yesterday", "dataset": {}});
    assert_eq!(story.refused("POST", QUERY, &wrong).0, 400);
}

#[test]
fn only_newer_accounts_say_what_is_left_of_a_credit() {
    let mut story = Story::ready();
    let accounts = "http://127.0.0.1/providers/Microsoft.Billing/billingAccounts?api-version=2024-04-01&$expand=billingProfiles";
    story
        .account(json!({"credit": "200", "plan": "FreeTrial_2014-09-01"}))
        .unwrap();
    let trial = story.get(accounts)["value"][0].clone();
    assert_eq!(
        trial["properties"]["agreementType"],
        "MicrosoftOnlineServicesProgram"
    );
    assert_eq!(trial["properties"].get("billingProfiles"), None);
    story.account(json!({"credit": "200"})).unwrap();
    story.create(&json!({}));
    story.pass(3_600);
    let modern = story.get(accounts)["value"][0].clone();
    let profile = modern["properties"]["billingProfiles"]["value"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let of = |word: &str| {
        format!(
            "http://127.0.0.1{profile}/providers/Microsoft.Consumption/{word}?api-version=2024-08-01"
        )
    };
    let balance = story.get(&of("credits/balanceSummary"));
    assert_eq!(
        balance["properties"]["balanceSummary"]["estimatedBalance"]["value"].to_string(),
        "199.914903226"
    );
    assert_eq!(len(&story.get(&of("lots"))), 1);
}

#[test]
fn a_free_trial_without_credit_is_disabled_but_can_be_emptied() {
    let mut story = Story::running(&json!({}));
    story
        .account(json!({"credit": "0.10", "plan": "FreeTrial_2014-09-01"}))
        .unwrap();
    assert_eq!(story.get("")["state"], "Enabled");
    story.pass(7_200);
    let shown = story.get("");
    assert_eq!(
        (
            &shown["state"],
            &shown["subscriptionPolicies"]["spendingLimit"]
        ),
        (&json!("Disabled"), &json!("On"))
    );
    assert_eq!(
        story.refused("PATCH", CLUSTER, &json!({"tags": {}})),
        (409, "ReadOnlyDisabledSubscription".into())
    );
    assert_eq!(story.status("DELETE", "/resourcegroups/rg1"), 202);
}

#[test]
fn the_price_list_needs_no_token_and_is_filtered_with_case() {
    let mut story = Story::new();
    let ask = |story: &mut Story, filter: &str| {
        story.get(&format!(
            "http://127.0.0.1/api/retail/prices?$filter={filter}"
        ))
    };
    let found = ask(
        &mut story,
        "serviceName eq 'Virtual Machines' and armRegionName eq 'westeurope' and armSkuName eq 'Standard_B2s'",
    );
    let prices: Vec<_> = found["Items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["retailPrice"].clone())
        .collect();
    // Windows, spot, Linux, low priority, a year.
    assert_eq!(
        prices,
        [
            json!(0.0572),
            json!(0.0096),
            json!(0.048),
            json!(0.012),
            json!(240)
        ]
    );
    assert_eq!(ask(&mut story, "armRegionName eq 'WestEurope'")["Count"], 0);
    let first = story.get("http://127.0.0.1/api/retail/prices");
    assert_eq!(first["Count"], 100);
    let (mut page, mut pages, mut rows) = (first, 1, 100);
    while let Some(next) = page["NextPageLink"].as_str().map(str::to_owned) {
        page = story.get(&next);
        pages += 1;
        rows += page["Count"].as_u64().unwrap();
    }
    // Five meters for each of 77 machines, and 27 others.
    assert_eq!((pages, rows), (5, 412));
}
