//! The ledger under load, with growth curves: bookings of a tick, reports over many accruals, bytes for each
//! cluster and day. `cargo bench --bench ledger`; `-- quick` leaves the largest sizes out.
//!
//! Targets: a report over 1 000 000 accruals in 300 ms; a tick that books 1 000 clusters in 100 ms of CPU;
//! 1 KB for each cluster and day. Must not measure what only a full disk cache makes fast: every booking is
//! a transaction of its own, on disk, as in the product.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its table"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use kubelease::engine::books::{self, Look};
use kubelease::ledger::{Batch, Cap, Lease, Ledger, NewLease, SqlLedger, Status};
use kubelease_core::{
    Billed, ItemKind, LeaseId, Money, Order, Owned, OwnerTag, Price, PriceBook, ProviderId,
    Purchase, Ref, Rule,
};

const CLOUD: ProviderId = ProviderId::Eks;

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 0, 7, 0).unwrap()
}

fn id(n: usize) -> LeaseId {
    // The letters of an id repeat after 26.
    let digit = |place: u32| u8::try_from(n / 26_usize.pow(place) % 26).unwrap();
    LeaseId::from_random([0, 0, 0, 0, 0, digit(3), digit(2), digit(1), digit(0)])
}

fn wish(n: usize) -> NewLease {
    let name = format!("lab{n}");
    let expires_at = start() + TimeDelta::days(90);
    let order = Order {
        lease: id(n),
        name: name.clone(),
        region: "us-east-1".to_owned(),
        size: "t3.medium".to_owned(),
        version: "1.35".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 20,
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
        status: Status::Ready,
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
        owner: None,
    };
    NewLease {
        lease,
        steps: Vec::new(),
        hold: Money::from_cents(2900),
    }
}

/// What a small cluster on EKS is billed for: the cloud with the most items.
fn things(n: usize) -> Vec<Owned> {
    let row = |kind: ItemKind, id: String, r#type: &str| Billed {
        id: id.clone(),
        kind,
        r#type: r#type.to_owned(),
        region: "us-east-1".to_owned(),
        purchase: Purchase::OnDemand,
        count: 1,
        size_gib: Some(20),
        group: id,
        since: start(),
    };
    let mut billed = vec![row(
        ItemKind::ControlPlane,
        format!("cluster-us-east-1-lab{n}"),
        "standard",
    )];
    for node in 0..2 {
        billed.push(row(
            ItemKind::Node,
            format!("i-0{node}{n:015x}"),
            "t3.medium",
        ));
        billed.push(row(
            ItemKind::BootDisk,
            format!("vol-0{node}{n:015x}"),
            "gp3",
        ));
        billed.push(row(
            ItemKind::Ipv4,
            format!("ipv4-i-0{node}{n:015x}"),
            "any",
        ));
    }
    vec![Owned {
        target: Ref::new("cluster", format!("lab{n}")),
        name: format!("lab{n}"),
        owner: Some(OwnerTag {
            lease: id(n),
            expires_at: None,
            protect_until: None,
        }),
        region: "us-east-1".to_owned(),
        created_at: Some(start()),
        state: "ACTIVE".to_owned(),
        blocked_by: Vec::new(),
        billed,
    }]
}

fn prices() -> PriceBook {
    let second = |hourly: &str| Rule::Second {
        hourly: hourly.parse().unwrap(),
        minimum: 0,
    };
    let mut book = PriceBook::default();
    let rows = [
        (ItemKind::ControlPlane, "standard", second("0.1")),
        (ItemKind::Node, "t3.medium", second("0.0416")),
        (
            ItemKind::BootDisk,
            "gp3",
            Rule::GibMonth {
                price: "0.08".parse().unwrap(),
            },
        ),
        (ItemKind::Ipv4, "any", second("0.005")),
    ];
    for (kind, r#type, rule) in rows {
        let price = Price {
            rule,
            source: "AWS price list".to_owned(),
            as_of: "2026-09-01".to_owned(),
        };
        book.insert(kind, r#type, "*", Purchase::OnDemand, price);
    }
    book
}

/// CPU time of this process, all threads: what the kernel counts, in hundredths of a second.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields: Vec<u64> = after_name
        .split_whitespace()
        .filter_map(|f| f.parse().ok())
        .collect();
    // utime and stime are the 14th and 15th field; the state after the name is no number.
    Duration::from_millis(10 * (fields.get(10).unwrap_or(&0) + fields.get(11).unwrap_or(&0)))
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).unwrap().len()
}

/// One tick as the guard books it: spans are read, compared with what exists, priced and booked.
async fn tick(
    ledger: &SqlLedger,
    owned: &[Owned],
    prices: &PriceBook,
    now: DateTime<Utc>,
) -> Money {
    let since = books::horizon(&[], now);
    let spans = ledger.spans(None, false, Some(since)).await.unwrap();
    let things: Vec<&Owned> = owned.iter().collect();
    let look = Look {
        provider: CLOUD,
        spans: &spans,
        beside: &[],
        things: &things,
        complete: true,
        prices,
        now,
    };
    let batch: Batch = books::reconcile(&look, &|_| now);
    let booked = ledger.commit(&batch, None, now).await.unwrap();
    booked.iter().map(|e| e.amount).sum()
}

fn ms(time: Duration) -> String {
    format!(
        "{}.{:02} ms",
        time.as_millis(),
        time.as_micros() % 1000 / 10
    )
}

/// `clusters` that live for some days of `ticks` ticks each.
async fn ticks(clusters: usize, days: u32, ticks: u32) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let ledger = SqlLedger::open(&file).await.unwrap();
    let cap = Cap {
        provider: CLOUD,
        limit: Money::MAX,
        since: start(),
    };
    let began = Instant::now();
    for n in 0..clusters {
        ledger.reserve(&wish(n), &cap).await.unwrap();
    }
    let reserve = began.elapsed();
    let owned: Vec<Owned> = (0..clusters).flat_map(things).collect();
    let prices = prices();
    let every = TimeDelta::days(1) / i32::try_from(ticks).unwrap();
    let mut now = start() + every;
    let began = Instant::now();
    tick(&ledger, &owned, &prices, now).await;
    let first = began.elapsed();
    // What waits in the write-ahead log is counted once it is in the file.
    ledger.close().await;
    let before = size(&file);
    let ledger = SqlLedger::open(&file).await.unwrap();
    let (began, cpu_before, mut booked) = (Instant::now(), cpu(), Money::ZERO);
    for _ in 0..days * ticks {
        now += every;
        booked += tick(&ledger, &owned, &prices, now).await;
    }
    let (all, cpu) = (began.elapsed(), cpu() - cpu_before);
    assert!(booked > Money::ZERO);
    let many = days * ticks;
    ledger.close().await;
    let grown = size(&file).saturating_sub(before);
    let cluster_days = u64::try_from(clusters).unwrap() * u64::from(days);
    println!(
        "{clusters:>8} {days:>5} {ticks:>6}   {:>11}  {:>11}  {:>11}  {:>11}  {:>6} B",
        ms(reserve / u32::try_from(clusters).unwrap()),
        ms(first),
        ms(all / many),
        ms(cpu / many),
        grown / cluster_days,
    );
}

/// Reports over so many accruals: leases that lived for a hundred days, a tick a day.
async fn reports(accruals: usize) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ledger.db");
    let ledger = SqlLedger::open(&file).await.unwrap();
    let cap = Cap {
        provider: CLOUD,
        limit: Money::MAX,
        since: start(),
    };
    // Seven items each.
    let (days, items) = (20_u32, 7);
    let clusters = accruals.div_ceil(usize::try_from(days).unwrap() * items);
    for n in 0..clusters {
        ledger.reserve(&wish(n), &cap).await.unwrap();
    }
    let owned: Vec<Owned> = (0..clusters).flat_map(things).collect();
    let prices = prices();
    let mut booked = Money::ZERO;
    for day in 1..=days {
        let now = start() + TimeDelta::days(i64::from(day));
        booked += tick(&ledger, &owned, &prices, now).await;
    }
    let time = async |what: &str| {
        let began = Instant::now();
        let total: Money = match what {
            "spend" => {
                let spending = ledger.spending().await.unwrap();
                ledger.leases(true).await.unwrap();
                spending.by_lease.iter().map(|(_, _, m)| *m).sum()
            }
            "balance" => ledger.balance(CLOUD, start()).await.unwrap().spent,
            _ => {
                let entries = ledger.entries(None).await.unwrap();
                let accrual = |e: &&kubelease::ledger::Entry| e.kind.as_str() == "accrual";
                entries.iter().filter(accrual).map(|e| e.amount).sum()
            }
        };
        assert_eq!(total, booked, "{what}");
        began.elapsed()
    };
    let (spend, balance) = (time("spend").await, time("balance").await);
    let entries = time("entries").await;
    println!(
        "{:>10} {clusters:>8}   {:>11}  {:>11}  {:>11}",
        clusters * items * usize::try_from(days).unwrap(),
        ms(balance),
        ms(spend),
        ms(entries),
    );
}

async fn measure(quick: bool) {
    println!("ticks: clusters of 7 billed items, booked for some days");
    println!(
        "clusters  days  a day       reserve   first tick         tick  CPU of tick  cluster-day"
    );
    ticks(100, 3, 96).await;
    ticks(1_000, 3, 96).await;
    ticks(10_000, 2, 4).await;
    if !quick {
        ticks(100_000, 1, 2).await;
    }
    println!("\nreports: balance of a cloud, `spend` by lease, every entry one by one");
    println!("  accruals   leases       balance        spend      entries");
    for accruals in [1_000, 10_000, 100_000] {
        reports(accruals).await;
    }
    if !quick {
        reports(1_000_000).await;
    }
}

fn main() {
    let quick = std::env::args().any(|a| a == "quick");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(quick));
}
