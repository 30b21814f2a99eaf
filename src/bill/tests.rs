//! Bills in the words of the price facts: the vendors' documented examples, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::TimeZone;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn bill_of(text: &str) -> Vec<Item> {
    let wanted = parse(text, "spans.toml").unwrap_or_else(|e| panic!("{e}"));
    items(&wanted, Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap())
}

fn sum(text: &str) -> Money {
    total(&bill_of(text)).unwrap()
}

/// One span, with the words that differ.
fn span(provider: &str, kind: &str, r#type: &str, region: &str, more: &str) -> String {
    format!(
        "[[span]]\nprovider = \"{provider}\"\nkind = \"{kind}\"\ntype = \"{type}\"\nregion = \"{region}\"\n{more}\n"
    )
}

/// A day of April, which has thirty.
const DAY: &str = "start = 2026-04-10\nend = 2026-04-11";

fn refused(text: &str) -> String {
    parse(text, "spans.toml").unwrap_err().render(false)
}

#[test]
fn digitalocean_documents_289_73() {
    // The vendor's example has a node of $100 a month, which no listed size costs: 27 d 1 h 20 s of the
    // same arithmetic with a listed one, and theirs with the price put in.
    let text = span(
        "digitalocean",
        "node",
        "s-2vcpu-4gb",
        "nyc1",
        "count = 3\ngroup = \"pool\"\nstart = 2026-01-01T00:00:00Z\nend = 2026-01-28T01:00:20Z",
    );
    let mut wanted = parse(&text, "spans.toml").unwrap();
    let listed = total(&items(&wanted, at("2026-03-01T00:00:00Z"))).unwrap();
    assert_eq!(
        listed,
        "24".parse::<Money>()
            .unwrap()
            .ratio(3 * 2_336_420, 2_419_200)
    );
    if let Rule::PoolSecond { monthly, .. } = &mut wanted[0].span.price.rule {
        *monthly = "100".parse().unwrap();
    }
    let documented = total(&items(&wanted, at("2026-03-01T00:00:00Z"))).unwrap();
    assert_eq!(documented.to_string(), "289.734623016");
    assert_eq!(documented.cents(), "$289.73");
}

/// The typical days of the notes on money, §5: two nodes and a load balancer for 24 hours.
#[test]
fn typical_days() {
    let nodes = |provider, size, region, more: &str| {
        span(
            provider,
            "node",
            size,
            region,
            &format!("count = 2\n{DAY}\n{more}"),
        )
    };
    let one = |provider, kind, r#type, region, more: &str| {
        span(provider, kind, r#type, region, &format!("{DAY}\n{more}"))
    };
    let vultr = nodes("vultr", "vc2-2c-4gb", "ewr", "")
        + &one("vultr", "load_balancer", "load-balancer", "ewr", "");
    let linode = nodes("linode", "g6-standard-2", "us-east", "")
        + &one("linode", "load_balancer", "nodebalancer", "us-east", "");
    let digitalocean = nodes("digitalocean", "s-2vcpu-4gb", "nyc1", "group = \"p\"")
        + &one("digitalocean", "load_balancer", "http", "nyc1", "");
    let gke = |purchase: &str, scope: &str| {
        let spot = format!("purchase = \"{purchase}\"");
        let zone = "us-central1-a";
        one(
            "gke",
            "control_plane",
            "standard",
            zone,
            &format!("scope = \"{scope}\""),
        ) + &nodes("gke", "e2-medium", zone, &spot)
            + &one(
                "gke",
                "boot_disk",
                "pd-standard",
                zone,
                "count = 2\nsize_gib = 30",
            )
            + &one("gke", "ipv4", "in-use", zone, &format!("count = 2\n{spot}"))
            + &one("gke", "load_balancer", "forwarding-rule", "us-central1", "")
            + &one("gke", "ipv4", "in-use", "us-central1", "")
    };
    let aks = one("aks", "control_plane", "free", "eastus", "")
        + &nodes("aks", "Standard_B2als_v2", "eastus", "")
        + &one(
            "aks",
            "boot_disk",
            "P10",
            "eastus",
            "count = 2\nsize_gib = 128",
        )
        + &one("aks", "load_balancer", "standard", "eastus", "")
        + &one(
            "aks",
            "ipv4",
            "standard-static-regional",
            "eastus",
            "count = 2",
        );
    let eks = |nodes: String| {
        one("eks", "control_plane", "standard", "us-east-1", "")
            + &nodes
            + &one(
                "eks",
                "boot_disk",
                "gp3",
                "us-east-1",
                "count = 2\nsize_gib = 20",
            )
            + &one("eks", "ipv4", "any", "us-east-1", "count = 4")
            + &one("eks", "load_balancer", "network", "us-east-1", "")
    };
    let spot = nodes("eks", "t4g.medium", "us-east-1", "purchase = \"spot\"");
    let listed = nodes("eks", "t3.medium", "us-east-1", "");
    let defaults = one("eks", "control_plane", "standard", "us-east-1", "")
        + &nodes("eks", "m5.large", "us-east-1", "")
        + &one(
            "eks",
            "boot_disk",
            "gp3",
            "us-east-1",
            "count = 2\nsize_gib = 80",
        )
        + &one("eks", "nat_gateway", "", "us-east-1", "")
        + &one("eks", "ipv4", "any", "us-east-1", "");
    let days = [
        (vultr, "$1.80"),
        (linode, "$2.09"),
        (digitalocean, "$2.14"),
        (gke("spot", "zonal"), "$1.89"),
        (gke("on-demand", "zonal"), "$2.65"),
        (gke("on-demand", "autopilot"), "$2.65"),
        (gke("on-demand", "regional"), "$5.05"),
        (aks, "$3.96"),
        (eks(spot), "$4.21"),
        (eks(listed), "$5.52"),
    ];
    for (text, amount) in days {
        assert_eq!(sum(&text).cents(), amount, "{text}");
    }
    // The table of the notes has 9.65 here, of 2.40 + 4.61 + 0.43 + 1.08 + 0.12 = 8.64 and a load
    // balancer of 0.54 with its two and two node addresses of 0.48, rounded one by one.
    let rest = one("eks", "load_balancer", "network", "us-east-1", "")
        + &one("eks", "ipv4", "any", "us-east-1", "count = 4");
    assert_eq!(sum(&defaults).cents(), "$8.63");
    assert_eq!(sum(&(defaults + &rest)).cents(), "$9.65");
}

#[test]
fn the_fee_of_gke_is_free_once_for_an_account_and_month() {
    let fee = |scope: &str| {
        let more = format!("start = 2026-04-01\nend = 2026-05-01\nscope = \"{scope}\"");
        span("gke", "control_plane", "standard", "us-central1", &more)
    };
    // April has 720 hours: $72, all of it free for one cluster; two share $74.40.
    assert_eq!(sum(&fee("zonal")), Money::ZERO);
    assert_eq!(
        sum(&(fee("zonal") + &fee("autopilot"))),
        "69.6".parse().unwrap()
    );
    assert_eq!(sum(&fee("regional")), "72".parse().unwrap());
    assert_eq!(
        sum(&(fee("zonal") + &fee("regional"))),
        "72".parse().unwrap()
    );
}

#[test]
fn started_hours_and_monthly_prices() {
    let linode =
        |more: &str| sum(&span("linode", "node", "g6-standard-2", "us-east", more)).to_string();
    let from = |end: &str| format!("start = 2026-01-01\nend = {end}");
    assert_eq!(linode(&from("2026-01-01T00:00:01Z")), "0.036");
    assert_eq!(linode(&from("2026-01-01T01:00:01Z")), "0.072");
    // 744 hours would be 26.784; the month costs 24.
    assert_eq!(linode(&from("2026-02-01")), "24");
    // A new month has its own cap; February with 672 hours reaches it too: 24.192.
    assert_eq!(linode(&from("2026-03-01")), "48");
}

#[test]
fn vultr_reaches_the_monthly_price_at_672_hours() {
    let node = |hours: u32| {
        let end = at("2026-01-01T00:00:00Z") + chrono::TimeDelta::hours(hours.into());
        let more = format!("start = 2026-01-01\nend = {}", end.to_rfc3339());
        sum(&span("vultr", "node", "vc2-2c-4gb", "fra", &more)).to_string()
    };
    assert_eq!(node(100), "3");
    assert_eq!(node(667), "20");
    assert_eq!(node(672), "20");
    assert_eq!(node(744), "20");
}

#[test]
fn five_rules_have_one_price_and_azures_are_those_of_one_balancer() {
    let rules = |provider, word, region, count: u32| {
        let more =
            format!("count = {count}\nstart = 2026-04-10T00:00:00Z\nend = 2026-04-10T01:00:00Z");
        span(provider, "load_balancer", word, region, &more)
    };
    let gke = |n| rules("gke", "forwarding-rule", "us-central1", n);
    let aks = |n| rules("aks", "standard", "eastus", n);
    for one in [&gke as &dyn Fn(u32) -> String, &aks] {
        assert_eq!(sum(&one(1)).to_string(), "0.025");
        assert_eq!(sum(&one(5)).to_string(), "0.025");
        assert_eq!(sum(&one(7)).to_string(), "0.045");
    }
    assert_eq!(sum(&(gke(3) + &gke(3))).to_string(), "0.035");
    assert_eq!(sum(&(aks(3) + &aks(3))).to_string(), "0.05");
    // The same words of two vendors share nothing.
    assert_eq!(sum(&(gke(5) + &aks(5))).to_string(), "0.05");
}

#[test]
fn gateways_disks_and_addresses() {
    let hour = "start = 2026-04-10T00:00:00Z\nend = 2026-04-10T00:30:00Z";
    let gateway = |provider: &str, region: &str, count: u32| {
        let text = format!(
            "[[span]]\nprovider = \"{provider}\"\nkind = \"nat_gateway\"\nregion = \"{region}\"\ncount = {count}\n{hour}\n"
        );
        sum(&text).to_string()
    };
    assert_eq!(gateway("eks", "us-east-1", 1), "0.045");
    assert_eq!(gateway("aks", "westeurope", 1), "0.0225");
    // For each machine that uses it, up to 32.
    assert_eq!(gateway("gke", "us-central1", 2), "0.0014");
    assert_eq!(
        gateway("gke", "us-central1", 32),
        gateway("gke", "us-central1", 90)
    );
    assert_eq!(gateway("digitalocean", "nyc1", 1), "0.05952381");
    // A disk of fixed sizes is billed whole, whatever of it was asked for.
    let month = |size: &str| {
        let more = format!("start = 2026-04-01\nend = 2026-05-01\n{size}");
        sum(&span(
            "aks",
            "volume",
            "P10 (premium SSD 128 GiB)",
            "eastus",
            &more,
        ))
        .to_string()
    };
    assert_eq!(month("size_gib = 100"), "19.71");
    assert_eq!(month(""), "19.71");
    // Two zones of a load balancer are two addresses.
    let zones = span(
        "eks",
        "ipv4",
        "any",
        "eu-west-1",
        &format!("count = 2\n{DAY}"),
    );
    assert_eq!(sum(&zones).to_string(), "0.24");
}

#[test]
fn a_pool_pays_its_highest_672_hours() {
    let pool = |count: u32, start: &str, end: &str| {
        let more = format!("count = {count}\ngroup = \"p\"\nstart = {start}\nend = {end}");
        span("digitalocean", "node", "s-2vcpu-4gb", "fra1", &more)
    };
    let text = pool(2, "2026-01-01", "2026-02-01") + &pool(1, "2026-01-05", "2026-01-08");
    assert_eq!(
        sum(&text),
        "24".parse::<Money>().unwrap().ratio(3 * 3 + 25 * 2, 28)
    );
    let items = bill_of(&text);
    assert_eq!(items.len(), 1, "one pool and month is one item");
}

/// Every word of the price facts is a word of a spans file: each row, by its own type and region.
#[test]
fn every_row_of_the_price_data_can_be_billed() {
    let mut rows = 0;
    for entry in crate::registry::entries() {
        let (mut text, mut spans) = (String::new(), 0);
        for (kind, word, region, purchase, _) in (entry.catalog)().prices.rows() {
            let books_own = match kind {
                ItemKind::ControlPlane => word.ends_with("-regional"),
                ItemKind::LoadBalancer => word.ends_with("-rules") || word.contains("-after-"),
                _ => false,
            };
            if books_own {
                continue;
            }
            let scope = match (entry.id, kind) {
                (ProviderId::Gke, ItemKind::ControlPlane) => "scope = \"zonal\"\n",
                _ => "",
            };
            let sized = has_size(kind) && entry.id != ProviderId::Aks;
            let size = if sized { "size_gib = 10\n" } else { "" };
            let more = format!("purchase = \"{}\"\n{scope}{size}{DAY}", purchase.as_str());
            text += &self::span(entry.id.as_str(), kind.as_str(), word, region, &more);
            spans += 1;
        }
        assert_eq!(bill_of(&text).len(), spans, "{}", entry.id);
        rows += spans;
    }
    assert!(rows > 300, "{rows}");
}

#[test]
fn what_is_wrong_is_shown_with_line_and_caret() {
    let text = r#"
[[span]]
provider = "digitalozean"
kind = "node"
type = "s-2vcpu-4gb"
region = "nyc1"
count = -3
start = 2026-01-05T08:00:00Z
end = 2026-01-04T08:00:00Z
prize = "1,50"
"#;
    insta::assert_snapshot!(refused(text), @r#"
    error: invalid `provider`
     --> spans.toml:3:12
      |
    3 | provider = "digitalozean"
      |            ^^^^^^^^^^^^^^ `digitalozean` is none of gke, eks, aks, digitalocean, linode, vultr
      |
      = help: did you mean "digitalocean"?

    error: invalid `count`
     --> spans.toml:7:9
      |
    7 | count = -3
      |         ^^ must be 1 to 10000

    error: `end` is before `start`
     --> spans.toml:9:7
      |
    8 | start = 2026-01-05T08:00:00Z
      |         -------------------- and only starts here
    9 | end = 2026-01-04T08:00:00Z
      |       ^^^^^^^^^^^^^^^^^^^^ it ends here
      |
      = help: leave `end` out while it still runs

    error: unknown key `prize`
      --> spans.toml:10:1
       |
    10 | prize = "1,50"
       | ^^^^^ not a key in `[[span]]`
       |
       = help: known here: provider, kind, type, region, count, purchase, start, end, size_gib, group, scope
    "#);
}

#[test]
fn words_that_the_cloud_does_not_have() {
    let cases = [
        (
            span("digitalocean", "node", "s-2vcpu-4g", "nyc1", DAY),
            "did you mean \"s-2vcpu-4gb\"?",
        ),
        (
            span("digitalocean", "node", "huge", "nyc1", DAY),
            "s-4vcpu-8gb",
        ),
        (
            span("digitalocean", "nod", "s-2vcpu-4gb", "nyc1", DAY),
            "did you mean \"node\"?",
        ),
        (
            span("digitalocean", "node", "s-2vcpu-4gb", "mars", DAY),
            "no region that is known here",
        ),
        (
            span(
                "digitalocean",
                "node",
                "s-2vcpu-4gb",
                "nyc1",
                &format!("purchase = \"spot\"\n{DAY}"),
            ),
            "no spot price",
        ),
        (
            span("eks", "node", "t3.medium", "sa-east-1", DAY),
            "no price of eks for t3.medium in sa-east-1",
        ),
        (
            span(
                "gke",
                "control_plane",
                "extended-channel",
                "*",
                &format!("scope = \"zonal\"\n{DAY}"),
            ),
            "no type that is known",
        ),
        (
            span("gke", "control_plane", "standard", "us-central1", DAY),
            "has no `scope`",
        ),
        (
            span(
                "eks",
                "control_plane",
                "standard",
                "us-east-1",
                &format!("scope = \"zonal\"\n{DAY}"),
            ),
            "only the control plane of gke",
        ),
        (
            span("linode", "volume", "volume", "us-east", DAY),
            "has no `size_gib`",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                &format!("size_gib = 5\n{DAY}"),
            ),
            "a node has no size",
        ),
        (
            span(
                "aks",
                "volume",
                "P4 (premium SSD 32 GiB)",
                "eastus",
                &format!("size_gib = 64\n{DAY}"),
            ),
            "has 32 GiB",
        ),
        (
            span("linode", "node", "g6-standard-2", "us-east", ""),
            "has no `start`",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                "start = \"yesterday\"",
            ),
            "not a time",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                "start = 07:32:00",
            ),
            "not a time",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                "start = 1970-01-01",
            ),
            "between the years",
        ),
        (
            span("linode", "node", "g6-standard-2", "us-east", "start = 5"),
            "a date and time is wanted",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                &format!("group = \" \"\n{DAY}"),
            ),
            "needs a name",
        ),
        (
            span(
                "linode",
                "node",
                "g6-standard-2",
                "us-east",
                &format!("price = \"5\"\n{DAY}"),
            ),
            "unknown key `price`",
        ),
        (String::new(), "has no `span`"),
        ("span = 3".to_owned(), "a list of tables"),
        ("[[spam]]\n".to_owned(), "unknown key `spam`"),
        ("[[span]\n".to_owned(), "this is not TOML"),
    ];
    for (text, words) in cases {
        let said = refused(&text);
        assert!(said.contains(words), "{words}:\n{said}");
        assert!(said.contains("--> spans.toml:"), "{said}");
    }
}

#[test]
fn amounts_that_are_no_numbers() {
    let many = "9".repeat(200);
    let huge = format!("-{many}");
    for count in [
        "-1",
        "0",
        "1.5",
        "\"1,5\"",
        "\"$5\"",
        "\"5 EUR\"",
        "1e3",
        &many,
        &huge,
        "true",
        "[]",
        "10001",
    ] {
        let more = format!("count = {count}\n{DAY}");
        let said = refused(&span("linode", "node", "g6-standard-2", "us-east", &more));
        assert!(
            said.contains("`count`") || said.contains("not TOML"),
            "{count}: {said}"
        );
    }
    for size in ["0", "-5", "\"10GiB\"", "10.5", &many] {
        let more = format!("size_gib = {size}\n{DAY}");
        let said = refused(&span("linode", "volume", "volume", "us-east", &more));
        assert!(said.contains("size_gib"), "{size}: {said}");
    }
}

#[test]
fn a_sum_that_cannot_be_counted_is_none() {
    let century = "count = 10000\nstart = 2000-01-01\nend = 2099-12-31";
    let one = span("eks", "node", "m5.large", "us-east-1", century);
    let wanted = parse(&one.repeat(20), "spans.toml").unwrap();
    assert_eq!(total(&items(&wanted, at("2099-12-31T00:00:00Z"))), None);
}

mod never {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a file holds, it is billed or refused with a place; nothing panics.
        #[test]
        fn panics(text in "(\\[\\[span\\]\\]\n|provider = \"(gke|eks|aks|linode|x)\"\n|kind = \"(node|volume|ipv4|nat_gateway)\"\n|type = \"[a-z0-9.-]{0,9}\"\n|region = \"(us-east|\\*|é)\"\n|count = -?[0-9]{1,3}\n|start = (2026-01-0[0-9]|\"[^\"]{0,3}\")\n|[a-zé=\"\n\\[\\]]{0,5}){0,12}") {
            match parse(&text, "f.toml") {
                Ok(wanted) => prop_assert!(total(&items(&wanted, at("2026-03-01T00:00:00Z"))).is_some()),
                Err(problems) => prop_assert!(!problems.render(false).is_empty()),
            }
        }
    }
}
