//! Quotes over a small made-up catalog.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::TimeZone;
use kubelease_core::{
    CreditEnd, CreditReading, Limit, NameRule, PriceBook, Region, Standing, Version,
};

use super::*;
use crate::credit::{Credit, default_grant};
use crate::ledger::Balance;
use crate::profile::parse;

static CAPABILITY: Capability = Capability {
    title: "A cloud",
    name: NameRule {
        max: 30,
        words: "letters",
    },
    min_nodes: 1,
    spot: false,
    unique_names: false,
    volumes_on_request: false,
    default_region: "here",
    usual_types: &[(ItemKind::LoadBalancer, "lb"), (ItemKind::Volume, "disk")],
    standing: Standing::NODES_ONLY,
    disk: None,
    usual_create_seconds: 300,
    usual_delete_seconds: 60,
    leaves_behind: &[],
    billing: "hours",
    at_credit_end: CreditEnd::Charged,
    console: "https://console.invalid/{id}",
    credential_env: &["TOKEN"],
};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
}

fn price(hourly: &str, per_gib: bool) -> Price {
    let price = hourly.parse().unwrap();
    let rule = Rule::StartedHour {
        price,
        hours: 1,
        cap: None,
        full_at: None,
        per_gib,
    };
    Price {
        rule,
        source: "test".into(),
        as_of: "2026".into(),
    }
}

fn catalog() -> Catalog {
    let size = |slug: &str, cpu, gib: u32| Size {
        slug: slug.into(),
        cpu,
        memory_mib: gib * 1024,
        disk_gib: 50,
        regions: vec![],
        available: true,
    };
    let mut prices = PriceBook::default();
    for (slug, hourly) in [
        ("small", "0.02"),
        ("medium", "0.05"),
        ("twin", "0.05"),
        ("large", "0.10"),
    ] {
        prices.insert(
            ItemKind::Node,
            slug,
            "*",
            Purchase::OnDemand,
            price(hourly, false),
        );
    }
    prices.insert(
        ItemKind::LoadBalancer,
        "lb",
        "*",
        Purchase::OnDemand,
        price("0.01", false),
    );
    prices.insert(
        ItemKind::Volume,
        "disk",
        "*",
        Purchase::OnDemand,
        price("0.001", true),
    );
    let region = |slug: &str, available| Region {
        slug: slug.into(),
        name: slug.into(),
        available,
    };
    let version = |minor: &str, standard| Version {
        slug: format!("{minor}.1-x"),
        minor: minor.into(),
        standard,
    };
    Catalog {
        provider: ProviderId::DigitalOcean,
        regions: vec![region("here", true), region("full", false)],
        sizes: vec![
            size("large", 4, 8),
            size("small", 1, 2),
            size("twin", 2, 4),
            size("medium", 2, 8),
        ],
        versions: vec![
            version("1.36", false),
            version("1.35", true),
            version("1.34", true),
        ],
        prices,
    }
}

/// A quote for two nodes of 2 CPUs and 4 GiB, a load balancer and a volume of 10 GiB, for four hours.
fn asked(
    change: impl Fn(&str) -> String,
    limits: Vec<Limit>,
    region: Option<&str>,
) -> Result<Quote, NoQuote> {
    let text = "[nodes]\ncount = 2\ncpu = 2\nmemory = \"4GiB\"\n[lease]\nttl = \"4h\"\n[expect]\nload_balancers = 1\nvolumes = [\"10GiB\"]\n";
    let profile = parse(&change(text), "test.toml").unwrap();
    let account = Account {
        identity: "me".into(),
        status: "active".into(),
        credential_expires_at: None,
        limits,
        credit: CreditReading::default(),
    };
    quote(&Inputs {
        profile: &profile,
        catalog: &catalog(),
        capability: &CAPABILITY,
        account: Some(&account),
        region,
        ttl: profile.lease.ttl,
        now: now(),
        beside: &[],
    })
}

fn plain() -> Quote {
    asked(str::to_owned, vec![], None).unwrap()
}

fn refused(change: impl Fn(&str) -> String, limits: Vec<Limit>, region: Option<&str>) -> NoQuote {
    asked(change, limits, region).unwrap_err()
}

#[test]
fn the_cheapest_size_that_fits_is_chosen_and_every_item_priced() {
    let quote = plain();
    // Of two at one price the one with more memory; the newest version in standard support.
    assert_eq!(
        (quote.size.slug.as_str(), quote.version.as_str()),
        ("medium", "1.35.1-x")
    );
    let amounts: Vec<_> = quote
        .items
        .iter()
        .map(|i| (i.kind, i.amount.to_string()))
        .collect();
    let expected = [
        (ItemKind::ControlPlane, "0"),
        (ItemKind::Node, "0.4"),
        (ItemKind::LoadBalancer, "0.04"),
        (ItemKind::Volume, "0.04"),
    ];
    assert_eq!(amounts, expected.map(|(k, a)| (k, a.to_owned())));
    assert_eq!(
        (quote.total.to_string(), quote.hourly.to_string()),
        ("0.48".into(), "0.12".into())
    );
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    let unknown = refused(str::to_owned, vec![], Some("mars"));
    assert!(
        unknown.message.contains("`mars`") && unknown.hint.contains("here"),
        "{unknown:?}"
    );
    let full = refused(str::to_owned, vec![], Some("full"));
    assert!(full.message.contains("no new clusters"), "{full:?}");
    let version = refused(|t| format!("kubernetes = \"1.20\"\n{t}"), vec![], None);
    assert!(version.hint.contains("1.36, 1.35, 1.34"), "{version:?}");
    let size = refused(
        |t| format!("{t}[provider.digitalocean]\nsize = \"huge\"\n"),
        vec![],
        None,
    );
    assert!(size.hint.contains("large"), "{size:?}");
    let shape = refused(|t| t.replace("cpu = 2", "cpu = 16"), vec![], None);
    assert!(shape.hint.contains("large with 4 CPUs"), "{shape:?}");
    let spot = refused(
        |t| t.replace("cpu = 2", "cpu = 2\nspot = \"require\""),
        vec![],
        None,
    );
    assert!(spot.message.contains("no spare capacity"), "{spot:?}");
    assert!(
        [unknown, full, version, size, shape, spot]
            .iter()
            .all(|r| !r.policy)
    );
}

#[test]
fn a_quota_that_is_too_small_is_refused_with_the_largest_shape() {
    let limit = |what, most, used| {
        vec![Limit {
            what,
            vendor_name: "the_limit",
            most,
            used,
            region: None,
        }]
    };
    let nodes = refused(str::to_owned, limit("nodes", 3, 2), None);
    assert!(
        nodes.policy && nodes.hint.contains("count = 1"),
        "{nodes:?}"
    );
    assert!(asked(str::to_owned, limit("nodes", 4, 2), None).is_ok());
    let volumes = refused(str::to_owned, limit("volumes", 5, 5), None);
    assert!(volumes.hint.contains("0 more volumes"), "{volumes:?}");
    // Two nodes, a load balancer and a volume are four services; one node would be three.
    let services = refused(str::to_owned, limit("services", 10, 7), None);
    assert!(services.hint.contains("count = 1 "), "{services:?}");
    assert!(services.message.contains("needs 4 more"), "{services:?}");
    let full = refused(str::to_owned, limit("services", 10, 8), None);
    assert!(full.hint.contains("delete something"), "{full:?}");
    assert!(asked(str::to_owned, limit("services", 10, 6), None).is_ok());
}

/// Limits count in their region, and the one that allows the fewest nodes is what a person has to know.
#[test]
fn of_several_limits_the_tightest_here_is_told() {
    let limit = |what, most, region: Option<&str>| Limit {
        what,
        vendor_name: "the_limit",
        most,
        used: 0,
        region: region.map(str::to_owned),
    };
    let wish = |t: &str| t.replace("count = 2", "count = 4");
    let limits = vec![
        limit("vcpus", 1, Some("elsewhere")),
        limit("vcpus", 6, Some("here")),
        limit("addresses", 2, Some("here")),
        limit("instances", 3, None),
    ];
    let tightest = refused(wish, limits, None);
    assert!(tightest.hint.contains("count = 2 "), "{tightest:?}");
    assert_eq!(
        tightest.message,
        "the account's the_limit in here is 2 with 0 in use; this needs 4 more"
    );
    let vcpus = refused(wish, vec![limit("vcpus", 6, Some("here"))], None);
    assert!(
        vcpus.hint.contains("3 node(s) of this size: set count = 3"),
        "{vcpus:?}"
    );
    assert!(asked(wish, vec![limit("vcpus", 1, Some("her"))], None).is_ok());
}

fn credit(dollars: &str, days: i64) -> Credit {
    let mut grant = default_grant(ProviderId::DigitalOcean, now());
    grant.amount = dollars.parse().unwrap();
    grant.expires_at = Some(now() + TimeDelta::days(days));
    Credit::new(grant, Balance::default(), Some(0))
}

#[test]
fn a_refusal_says_what_would_fit() {
    let quote = plain();
    let says = |credit: &Credit, budget: Option<&str>| {
        let budget = budget.map(|b| b.parse().unwrap());
        affordable(&quote, credit, budget, now()).map_err(|e| (e.message, e.hint))
    };
    assert_eq!(says(&credit("200", 60), None), Ok(()));
    let (message, hint) = says(&credit("0.30", 60), None).unwrap_err();
    assert!(
        message.contains("$0.48") && message.contains("$0.30"),
        "{message}"
    );
    // Two started hours cost 0.24, three 0.36; one node for the whole time costs 0.28.
    assert_eq!(
        hint,
        "this would fit: --ttl 2h, or count = 1 in the profile"
    );
    let (_, hint) = says(&credit("200", 60), Some("0.37")).unwrap_err();
    assert_eq!(
        hint,
        "this would fit: --ttl 3h, or count = 1 in the profile"
    );
    let (_, hint) = says(&credit("0.01", 60), None).unwrap_err();
    assert!(hint.contains("smaller profile"), "{hint}");
}

#[test]
fn a_lease_may_not_outlive_the_credit() {
    let quote = plain();
    let mut ends_soon = credit("200", 1);
    ends_soon.grant.expires_at = Some(now() + TimeDelta::minutes(100));
    let refusal = affordable(&quote, &ends_soon, None, now()).unwrap_err();
    assert!(
        refusal.message.contains("2026-01-05 09:40 UTC"),
        "{refusal:?}"
    );
    assert_eq!(refusal.hint, "this would fit: --ttl 1h30m");
}
