//! What every ledger must do. The tests take `dyn Ledger`, so that PostgreSQL runs the same ones; only
//! `files` is about SQLite. Nothing here waits for time to pass.
#![expect(clippy::unwrap_used, reason = "tests")]

mod audit;
mod booking;
mod crowd;
mod damage;
mod files;
mod history;
mod memory;
mod prices;
mod running;
mod story;

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use kubelease_core::{
    Billed, ItemKind, LeaseId, Money, Order, Price, ProviderId, Purchase, Ref, Rule, Step,
};
use serde_json::json;
use tempfile::TempDir;

use super::{Accrual, Cap, Event, JournalEntry, Lease, NewLease, SqlLedger, Status};

const WORKER: &str = "host/1/a";
const CLOUD: ProviderId = ProviderId::DigitalOcean;

/// A ledger in a folder that goes away with it.
struct Home {
    dir: TempDir,
    ledger: SqlLedger,
}

impl Home {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let ledger = SqlLedger::open(&dir.path().join("ledger.db"))
            .await
            .unwrap();
        Self { dir, ledger }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }
}

/// Minutes after the start of the tests' time.
fn at(minutes: i64) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap() + TimeDelta::minutes(minutes)
}

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}

/// A different id for each number.
fn id(n: u8) -> LeaseId {
    LeaseId::from_random([n / 26, n % 26, 0, 0, 0, 0, 0, 0, 0])
}

/// A lease of two steps that asks for a hold.
fn wish(n: u8, name: &str, hold: &str) -> NewLease {
    let order = Order {
        lease: id(n),
        name: format!("kl-{name}"),
        region: "fra1".into(),
        size: "s-2vcpu-4gb".into(),
        version: "1.35.1-do.0".into(),
        count: 2,
        spot: false,
        disk_gib: 0,
        volumes: true,
        expires_at: at(240),
        options: json!({ "ha": false, "tags": ["a", "b"] }),
    };
    let lease = Lease {
        id: id(n),
        name: name.into(),
        provider: CLOUD,
        order,
        profile: "first-steps".into(),
        profile_toml: "description = \"zwei Knoten – für Übungen\"\n".into(),
        status: Status::Creating,
        created_at: at(i64::from(n)),
        ready_at: None,
        expires_at: at(240),
        protect_until: None,
        ended_at: None,
        reason: None,
        endpoint: None,
        budget: Some(usd("2.5")),
        worker: Some((WORKER.into(), at(30))),
        ci: n.is_multiple_of(2),
    };
    NewLease {
        lease,
        steps: steps(2),
        hold: usd(hold),
    }
}

fn steps(count: u16) -> Vec<Step> {
    let one = |n| Step {
        kind: "cluster".into(),
        name: format!("step-{n}"),
        params: json!({ "n": n, "text": "it's; DROP TABLE leases --" }),
    };
    (0..count).map(one).collect()
}

fn cap(limit: &str) -> Cap {
    Cap {
        provider: CLOUD,
        limit: usd(limit),
        since: at(-60),
    }
}

fn line(n: u8, seq: Option<u16>, event: Event) -> JournalEntry {
    let detail = String::new();
    JournalEntry {
        lease: id(n),
        seq,
        step: None,
        event,
        made: None,
        at: at(5),
        detail,
    }
}

fn amount(n: u8, item: &str, to_date: &str) -> Accrual {
    Accrual {
        lease: Some(id(n)),
        provider: CLOUD,
        item: item.into(),
        title: format!("node {item}"),
        to_date: usd(to_date),
    }
}

fn billed(thing: &str, gib: Option<u32>) -> Billed {
    Billed {
        id: thing.into(),
        kind: ItemKind::Volume,
        r#type: "volume".into(),
        region: "fra1".into(),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: gib,
        group: thing.into(),
        since: at(1),
    }
}

fn price() -> Price {
    let rule = Rule::Second {
        hourly: usd("0.035714286"),
        minimum: 60,
    };
    Price {
        rule,
        source: "price list".into(),
        as_of: "2026-01-01".into(),
    }
}

fn volume(name: &str) -> Ref {
    Ref::new("volume", name).in_region("fra1")
}
