//! The ledger: a thousand leases reserved and booked, then opening it and listing what lives.
//! `cargo bench --bench ledger`. Must not measure what only a full disk cache makes fast: each reservation
//! is a transaction of its own, as in the product.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its table"
)]

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use kubelease::ledger::{Accrual, Cap, Lease, Ledger, NewLease, SqlLedger, Status};
use kubelease_core::{LeaseId, Money, Order, ProviderId};

const LEASES: u16 = 1000;
const CLOUD: ProviderId = ProviderId::DigitalOcean;

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
}

fn id(n: u16) -> LeaseId {
    let [high, low] = n.to_be_bytes();
    // The letters of an id repeat after 26.
    let digits = [high, low / 26, low % 26];
    LeaseId::from_random([0, 0, 0, 0, 0, 0, digits[0], digits[1], digits[2]])
}

fn wish(n: u16) -> NewLease {
    let name = format!("lab{n}");
    let expires_at = start() + TimeDelta::hours(4);
    let order = Order {
        lease: id(n),
        name: name.clone(),
        region: "nyc1".to_owned(),
        size: "s-2vcpu-4gb".to_owned(),
        version: "1.35.1-do.0".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 0,
        volumes: false,
        expires_at,
        options: serde_json::json!({}),
    };
    let lease = Lease {
        id: id(n),
        name,
        provider: CLOUD,
        order,
        profile: "first-steps".to_owned(),
        profile_toml: String::new(),
        status: Status::Creating,
        created_at: start(),
        ready_at: None,
        expires_at,
        protect_until: None,
        ended_at: None,
        reason: None,
        endpoint: None,
        budget: None,
        ci: false,
        worker: None,
    };
    NewLease {
        lease,
        steps: Vec::new(),
        hold: Money::from_cents(29),
    }
}

fn report(what: &str, began: Instant, of: u16) {
    let each = began.elapsed().as_micros() / u128::from(of);
    println!(
        "{what:<34} {:>7} ms {each:>8} µs each",
        began.elapsed().as_millis()
    );
}

async fn measure(file: &Path) {
    let ledger = SqlLedger::open(file).await.unwrap();
    let cap = Cap {
        provider: CLOUD,
        limit: Money::MAX,
        since: start(),
    };
    let began = Instant::now();
    for n in 0..LEASES {
        ledger.reserve(&wish(n), &cap).await.unwrap();
    }
    report("reserve 1000 leases", began, LEASES);
    let began = Instant::now();
    for n in 0..LEASES {
        let accrual = Accrual {
            lease: Some(id(n)),
            provider: CLOUD,
            item: "node".to_owned(),
            title: "node".to_owned(),
            to_date: Money::from_cents(7),
        };
        ledger.book(&[accrual], start()).await.unwrap();
    }
    report("book 1000 amounts", began, LEASES);
    for n in 20..LEASES {
        ledger.ended(&id(n), start()).await.unwrap();
    }
    drop(ledger);
    let began = Instant::now();
    let ledger = SqlLedger::open(file).await.unwrap();
    let live = ledger.leases(false).await.unwrap();
    assert_eq!(live.len(), 20);
    for lease in &live {
        ledger.lease_balance(&lease.id).await.unwrap();
    }
    report("open, list 20 of 1000 with money", began, 1);
    println!(
        "size of the file                   {:>7} kB",
        std::fs::metadata(file).unwrap().len() / 1000
    );
}

fn main() {
    let home = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(&home.path().join("ledger.db")));
}
