//! Money that many processes and many ticks touch.

use kubelease_core::Money;

use crate::support::{Bench, money, said};

/// However often the guard looks, the sum is the same, and it is the vendor's.
#[test]
fn the_sum_does_not_depend_on_when_ticks_ran() {
    let sums: Vec<Money> = ["2h", "37m", "5m"]
        .into_iter()
        .map(|every| {
            let bench = Bench::new();
            bench.create("digitalocean", "lab").ok();
            bench.use_it("lab");
            // Ends at the same moment in each world.
            let until = bench.now() + chrono::TimeDelta::hours(3);
            while bench.now() < until {
                bench.tick().ok();
                bench.advance(every);
                if bench.now() > until {
                    break;
                }
            }
            bench.set_clock(until + chrono::TimeDelta::hours(2));
            bench.tick().ok();
            bench.assert_clean();
            bench.spent()
        })
        .collect();
    assert!(sums.iter().all(|s| *s == sums[0]), "{sums:?}");
}

/// A life over the end of a month, where spans are split.
#[test]
fn a_life_across_months_is_the_vendors_bill() {
    let bench = Bench::new();
    bench.set_clock("2026-01-31T20:00:00Z".parse().unwrap());
    let args = [
        "create",
        "workloads",
        "--provider",
        "digitalocean",
        "--name",
        "lab",
        "--ttl",
        "8h",
    ];
    bench.run(&args).ok();
    bench.use_it("lab");
    bench.advance("5h");
    bench.tick().ok();
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
    assert!(bench.meter() > Money::ZERO);
}

/// Many processes create at once against a credit that fits some: exactly those are made.
#[test]
fn many_creates_at_once_never_outspend_the_credit() {
    let bench = Bench::new();
    let quote = bench
        .run(&["prices", "first-steps", "--ttl", "4h", "-o", "json"])
        .ok()
        .json();
    let rows = quote["quotes"].as_array().unwrap();
    let ours = rows.iter().find(|q| q["provider"] == "digitalocean");
    let each = money(&ours.unwrap()["total"]);
    // Room for four: the margin of 5 % is kept back.
    let credit = (each.ratio(4, 1) + Money::from_cents(1)).ratio(100, 95);
    bench
        .control
        .send(
            "PUT",
            "/accounts/digitalocean",
            &serde_json::json!({ "quotas": { "droplets": 100 } }),
        )
        .unwrap();
    bench
        .run(&["budget", "set", "digitalocean", &credit.to_string()])
        .ok();
    let names: Vec<String> = (0..12).map(|n| format!("lab{n}")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            bench.spawn(&[
                "create",
                "first-steps",
                "--provider",
                "digitalocean",
                "--name",
                name,
                "--ttl",
                "4h",
            ])
        })
        .collect();
    let codes: Vec<i32> = running
        .into_iter()
        .map(|c| said(c.wait_with_output().unwrap()).code)
        .collect();
    assert_eq!(codes.iter().filter(|c| **c == 0).count(), 4, "{codes:?}");
    assert_eq!(codes.iter().filter(|c| **c == 5).count(), 8, "{codes:?}");
    assert_eq!(bench.of_kind("cluster").len(), 4);
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    let row = &budget["credits"][0];
    assert!(
        money(&row["spent"]) + money(&row["held"]) <= money(&row["amount"]),
        "{row}"
    );
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

/// `bill`-like refusals: what is not plain dollars is refused before anything happens.
#[test]
fn odd_amounts_are_refused() {
    let bench = Bench::new();
    for amount in ["1,50", "$5", "5 EUR", "-3", &"9".repeat(200), "1e3", ""] {
        let said = bench.run(&["budget", "set", "digitalocean", "--", amount]);
        assert_eq!(said.code, 2, "{amount:?}: {}", said.stderr);
    }
}
