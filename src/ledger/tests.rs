//! What every ledger must do. `on_both!` runs the same tests on SQLite and on PostgreSQL; only `files` and
//! `damage` are about SQLite's file, and `server` about a server. Nothing here waits for time to pass.
#![expect(clippy::unwrap_used, reason = "tests")]

/// The same tests on both databases: functions of a [`Base`], each on one of its own. After `sync` they are
/// no futures, and get a runtime.
macro_rules! on_both {
    (sync $($name:ident),+ $(,)?) => {
        mod sync {
            $(#[test]
            fn $name() {
                let runtime = crate::ledger::tests::runtime();
                let base = runtime.block_on(crate::ledger::tests::Base::file());
                super::$name(&runtime, &base);
            })+
        }
        #[cfg(feature = "postgres")]
        mod sync_postgres {
            $(#[test]
            fn $name() {
                let runtime = crate::ledger::tests::runtime();
                if let Some(base) = runtime.block_on(crate::ledger::tests::Base::server()) {
                    super::$name(&runtime, &base);
                }
            })+
        }
    };
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::ledger::tests::Base::file().await).await;
            })+
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(base) = crate::ledger::tests::Base::server().await {
                    super::$name(&base).await;
                }
            })+
        }
    };
}

mod audit;
mod booking;
mod crowd;
mod damage;
mod files;
mod history;
mod memory;
mod owners;
mod prices;
mod running;
#[cfg(feature = "postgres")]
mod server;
mod story;
mod work;

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

/// A new ledger on one of the databases.
enum Base {
    File(Home),
    #[cfg(feature = "postgres")]
    Server(server::Database, SqlLedger),
}

impl Base {
    async fn file() -> Self {
        Self::File(Home::new().await)
    }

    /// None, and said loudly, when no server is named.
    #[cfg(feature = "postgres")]
    async fn server() -> Option<Self> {
        let database = server::Database::new().await?;
        let ledger = database.open().await;
        Some(Self::Server(database, ledger))
    }

    fn ledger(&self) -> &SqlLedger {
        match self {
            Self::File(home) => &home.ledger,
            #[cfg(feature = "postgres")]
            Self::Server(_, ledger) => ledger,
        }
    }

    /// Once more, as another process would.
    async fn again(&self) -> SqlLedger {
        match self {
            Self::File(home) => SqlLedger::open(&home.file()).await.unwrap(),
            #[cfg(feature = "postgres")]
            Self::Server(database, _) => database.open().await,
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
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
        owner: None,
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
