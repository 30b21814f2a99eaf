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

/// Fifty processes create at once against a credit that fits twenty: exactly those are made, and whenever
/// one looks in between, holds and spend are within the credit less its margin.
#[test]
fn many_creates_at_once_never_outspend_the_credit() {
    const ALL: usize = 50;
    const FIT: usize = 20;
    let bench = Bench::new();
    let quote = bench
        .run(&["prices", "first-steps", "--ttl", "4h", "-o", "json"])
        .ok()
        .json();
    let rows = quote["quotes"].as_array().unwrap();
    let ours = rows.iter().find(|q| q["provider"] == "digitalocean");
    let each = money(&ours.unwrap()["total"]);
    // The margin of 5 % is kept back.
    let credit = (each.ratio(20, 1) + Money::from_cents(1)).ratio(100, 95);
    let quotas = serde_json::json!({ "quotas": { "droplets": 200 } });
    let control = &bench.control;
    control
        .send("PUT", "/accounts/digitalocean", &quotas)
        .unwrap();
    bench
        .run(&["budget", "set", "digitalocean", &credit.to_string()])
        .ok();
    let create = |n: usize| {
        let name = format!("lab{n}");
        let words = ["create", "first-steps", "-p", "digitalocean", "-n", &name];
        bench.spawn(&[&words[..], &["--ttl", "4h", "--no-wait"]].concat())
    };
    let mut running: Vec<_> = (0..ALL).map(create).collect();
    // Without the margin: what the transaction that decides is to keep to.
    let limit = credit - credit.ratio(5, 100);
    let mut samples = 0;
    while running.iter_mut().any(|c| c.try_wait().unwrap().is_none()) {
        let (spent, held) = balance(&bench);
        assert!(spent + held <= limit, "{spent} + {held} of {limit}");
        samples += 1;
    }
    assert!(samples > 0, "nobody looked while they ran");
    let codes: Vec<i32> = running
        .into_iter()
        .map(|c| said(c.wait_with_output().unwrap()).code)
        .collect();
    let count = |code| codes.iter().filter(|c| **c == code).count();
    assert_eq!((count(0), count(5)), (FIT, ALL - FIT), "{codes:?}");
    assert_eq!(bench.of_kind("cluster").len(), FIT);
    let (spent, held) = balance(&bench);
    assert!(spent + held <= limit && spent + held > each.ratio(19, 1));
    // What became of them is one tick's work, and the wall still holds.
    bench.advance("1h");
    bench.tick().ok();
    let (spent, held) = balance(&bench);
    assert!(spent + held <= limit, "{spent} + {held} of {limit}");
    bench.advance("5h");
    bench.tick().ok();
    bench.assert_clean();
}

/// What is spent and held of DigitalOcean's credit.
fn balance(bench: &Bench) -> (Money, Money) {
    let budget = bench.run(&["budget", "-o", "json"]).ok().json();
    let rows = budget["credits"].as_array().unwrap();
    let row = rows.iter().find(|r| r["provider"] == "digitalocean");
    let row = row.unwrap();
    (money(&row["spent"]), money(&row["held"]))
}

/// February has 28 days: what is billed by a share of the month costs more in it, and a lease that is
/// extended over its end has both prices.
#[test]
fn a_lease_extended_over_the_end_of_february() {
    for cloud in ["gke", "digitalocean", "linode"] {
        let bench = Bench::new();
        bench.set_clock("2026-02-28T19:00:00Z".parse().unwrap());
        bench.create(cloud, "lab").ok();
        bench.use_it("lab");
        bench.advance("1h");
        bench.tick().ok();
        bench.run(&["extend", "lab", "5h"]).ok();
        bench.advance("7h");
        bench.tick().ok();
        let said = bench.run(&["delete", "lab", "-o", "json"]).ok().json();
        bench.assert_clean();
        // The receipt says by what it differs from the quote, to the nano-dollar.
        let receipt = &said["receipts"][0];
        let lines = receipt["difference"].as_array().unwrap();
        let sum: Money = lines.iter().map(|l| money(&l["amount"])).sum();
        let quoted = money(&receipt["quoted"]);
        assert_eq!(quoted + sum, money(&receipt["cost"]), "{receipt}");
        let words = |start: &str| {
            let mut all = lines.iter().map(|l| l["what"].as_str().unwrap());
            all.any(|w| w.starts_with(start))
        };
        assert!(words("ended 4h"), "{cloud}: {receipt}");
        assert!(
            words("load balancer: 1 not in the quote"),
            "{cloud}: {receipt}"
        );
        assert!(words("volume: 1 not in the quote"), "{cloud}: {receipt}");
    }
}

/// A ledger restored from an older copy: what it does not know of is drift, which is shown, booked once,
/// and never hidden.
#[test]
fn a_restored_ledger_shows_the_drift_and_books_nothing_twice() {
    let bench = Bench::new();
    bench.create("digitalocean", "one").ok();
    bench.advance("1h");
    bench.tick().ok();
    let files = ["ledger.db", "ledger.db-wal", "ledger.db-shm"];
    let copy = |from: &str, to: &str| {
        for file in files {
            let (from, to) = (format!("{from}{file}"), bench.path(&format!("{to}{file}")));
            match std::fs::read(bench.path(&from)) {
                Ok(bytes) => std::fs::write(to, bytes).unwrap(),
                Err(_) => drop(std::fs::remove_file(to)),
            }
        }
    };
    copy("", "last-week-");
    // Six days, another lease, and both end.
    bench.create("digitalocean", "two").ok();
    bench.advance("3h30m");
    bench.tick().ok();
    bench.advance("144h");
    bench.tick().ok();
    bench.assert_clean();
    let whole = bench.spent();
    let reconcile = |code| {
        bench
            .run(&["spend", "reconcile", "-o", "json"])
            .code(code)
            .json()
    };
    let row = |view: &serde_json::Value| {
        let rows = view["reconciled"].as_array().unwrap();
        let row = rows.iter().find(|r| r["provider"] == "digitalocean");
        row.unwrap().clone()
    };
    assert_eq!(row(&reconcile(0))["booked"], "0", "the whole ledger agrees");

    copy("last-week-", "");
    assert!(bench.spent() < whole);
    let first = row(&reconcile(9));
    assert!(money(&first["drift"]) > Money::from_cents(10), "{first}");
    assert_eq!(first["booked"], first["drift"]);
    // The vendor's figure is in cents.
    let cent = Money::from_cents(1);
    let apart = bench.spent() - whole;
    assert!(apart < cent && -apart < cent, "{apart}");
    let spent = bench.spent();
    for _ in 0..2 {
        let again = row(&reconcile(9));
        assert_eq!(again["booked"], "0", "{again}");
        assert_eq!(again["drift"], first["drift"], "booking does not hide it");
    }
    assert_eq!(bench.spent(), spent);
    // The next look books what it can still find out about the old lease; what was booked for it as the
    // vendor's figure is taken back by as much, and the sum stays that of the vendor.
    bench.tick();
    let after = row(&reconcile(9));
    assert!(money(&after["drift"]) < money(&first["drift"]), "{after}");
    let ours = money(&after["ledger"]) + money(&after["adjusted"]);
    let apart = ours - money(&after["vendor"]);
    assert!(apart > -cent, "{after}");
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
