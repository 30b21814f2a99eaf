//! The guard: what one tick costs over many clusters, in wall time, requests and memory, and what a month
//! of ticks costs. `cargo bench --bench guard [-- 10000]`.
//!
//! The six clouds are stand-ins: each answers a request after 50 ms of real time, lists clusters, load
//! balancers and volumes at the same time, and each list by pages of 200 one after the other. So the
//! longest chain of requests that cannot be parallel is known, and what is above it is ours: reading the
//! ledger, deciding, booking. The ledger is a real one (or, with `KUBELEASE_TEST_POSTGRES`, also an empty
//! database of that server).
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its table"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use kubelease::cli::Format;
use kubelease::cli::app::App;
use kubelease::cli::output::{Output, Settings as Look};
use kubelease::config::Settings;
use kubelease::engine::{Cloud, Engine, Silent, Stop, Worker};
use kubelease::env::Env;
use kubelease::guard::Guard;
use kubelease::guard::profiles::Profiles;
use kubelease::guard::together::Together;
use kubelease::ledger::{Cap, Grant, Lease, Ledger, NewLease, Place, SqlLedger, Status};
use kubelease::notify::Channels;
use kubelease_core::{
    Access, Account, Billed, Capability, Catalog, ClusterState, Error, Health, ItemKind, Kind,
    LeaseId, LeaseView, Listing, ManualClock, Money, Order, Owned, OwnerTag, PriceBook, Progress,
    Provider, ProviderId, Purchase, Ref, Refreshed, Removal, Scope, Step, StepAt,
};
use tempfile::TempDir;

const PAGE: usize = 200;

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
}

/// An account of one cloud, with its things.
#[derive(Debug)]
struct StandIn {
    id: ProviderId,
    like: Arc<dyn Provider>,
    things: Mutex<BTreeMap<Ref, Owned>>,
    latency: Duration,
    requests: AtomicU64,
}

impl StandIn {
    async fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
    }

    /// All pages of one kind.
    async fn list(&self, kind: &str) -> Vec<Owned> {
        let all: Vec<Owned> = {
            let things = self.things.lock().unwrap();
            let of_kind = things.values().filter(|t| t.target.kind == kind);
            of_kind.cloned().collect()
        };
        for _ in 0..all.len().div_ceil(PAGE).max(1) {
            self.request().await;
        }
        all
    }

    /// Requests of a listing, and those of them that wait for each other.
    fn pages(&self) -> (usize, usize) {
        let things = self.things.lock().unwrap();
        let of = |kind: &str| things.keys().filter(|r| r.kind == kind).count();
        let pages = ["cluster", "load_balancer", "volume"].map(|k| of(k).div_ceil(PAGE).max(1));
        (pages.iter().sum(), pages.into_iter().max().unwrap())
    }
}

fn never<T>() -> Result<T, Error> {
    Err(Error::new(
        Kind::Unsupported,
        "bench",
        "a tick does not ask for this",
    ))
}

#[async_trait]
impl Provider for StandIn {
    fn id(&self) -> ProviderId {
        self.id
    }
    fn capability(&self) -> &'static Capability {
        self.like.capability()
    }
    async fn catalog(&self) -> Result<Catalog, Error> {
        never()
    }
    async fn account(&self) -> Result<Account, Error> {
        never()
    }
    fn plan(&self, _: &Order) -> Result<Vec<Step>, Error> {
        never()
    }
    async fn fresh_prices(&self) -> Result<Refreshed, Error> {
        never()
    }
    async fn find(&self, _: &StepAt<'_>) -> Result<Option<Ref>, Error> {
        never()
    }
    async fn create(&self, _: &StepAt<'_>) -> Result<Ref, Error> {
        never()
    }
    async fn poll(&self, _: &StepAt<'_>, _: &Ref) -> Result<Progress, Error> {
        never()
    }
    async fn inspect(&self, lease: &LeaseView) -> Result<ClusterState, Error> {
        self.request().await;
        let there = lease
            .find("cluster")
            .is_some_and(|r| self.things.lock().unwrap().contains_key(r));
        Ok(ClusterState {
            health: if there { Health::Running } else { Health::Gone },
            detail: String::new(),
            version: String::new(),
            endpoint: None,
            nodes: (2, 2),
        })
    }
    async fn access(&self, _: &LeaseView) -> Result<Access, Error> {
        never()
    }
    async fn retag(&self, _: &LeaseView, _: &OwnerTag) -> Result<(), Error> {
        never()
    }
    async fn owned(&self, _: &Scope<'_>) -> Result<Listing, Error> {
        let (clusters, balancers, volumes) = tokio::join!(
            self.list("cluster"),
            self.list("load_balancer"),
            self.list("volume")
        );
        Ok(Listing {
            things: [clusters, balancers, volumes].concat(),
            complete: true,
            ..Listing::default()
        })
    }
    async fn destroy(&self, target: &Ref) -> Result<Removal, Error> {
        self.request().await;
        match self.things.lock().unwrap().remove(target) {
            Some(_) => Ok(Removal::Accepted(None)),
            None => Ok(Removal::Gone),
        }
    }
}

/// Six clouds with leases, and a guard over them.
struct World {
    guard: Guard,
    clouds: Vec<Arc<StandIn>>,
    clock: ManualClock,
    ledger: Arc<dyn Ledger>,
}

/// A real cloud, never asked: for what it charges and what it is like.
fn model() -> Cloud {
    let env = Env::of([("HOME", "/nowhere"), ("DIGITALOCEAN_ACCESS_TOKEN", "none")]);
    let settings = Settings::load(env, None, None).unwrap();
    let look = Look {
        format: Format::Json,
        color: false,
        width: None,
        live: false,
    };
    let app = App::with(settings, Output::new(look), true, false).unwrap();
    app.cloud(ProviderId::DigitalOcean).unwrap()
}

impl World {
    async fn new(ledger: Arc<dyn Ledger>, leases: usize, latency: Duration, like: &Cloud) -> Self {
        let clock = ManualClock::at(start());
        let clouds: Vec<Arc<StandIn>> = ProviderId::ALL
            .into_iter()
            .map(|id| {
                Arc::new(StandIn {
                    id,
                    like: Arc::clone(&like.provider),
                    things: Mutex::default(),
                    latency,
                    requests: AtomicU64::new(0),
                })
            })
            .collect();
        for cloud in &clouds {
            ledger.grant(&grant(cloud.id)).await.unwrap();
        }
        for n in 0..leases {
            let cloud = &clouds[n % clouds.len()];
            let lease = lease(n, cloud.id);
            let (new, cap) = wish(&lease);
            ledger.reserve(&new, &cap).await.unwrap();
            ledger.ready(&lease.id, None, start()).await.unwrap();
            cloud.things.lock().unwrap().extend(things(&lease));
        }
        let guard = Guard {
            engine: Engine {
                ledger: Arc::clone(&ledger),
                clock: Arc::new(clock.clone()),
                worker: Worker::this_process(),
                watch: Arc::new(Silent),
                stop: Stop::default(),
            },
            clouds: clouds
                .iter()
                .map(|cloud| {
                    let provider = Arc::new(Together::new(Arc::clone(cloud) as Arc<dyn Provider>));
                    let prices: PriceBook = like.prices.clone();
                    (cloud.id, Cloud { provider, prices })
                })
                .collect(),
            unavailable: BTreeMap::new(),
            margin_percent: None,
            channels: Channels::default(),
            profiles: Profiles::default(),
        };
        Self {
            guard,
            clouds,
            clock,
            ledger,
        }
    }

    fn requests(&self) -> u64 {
        self.clouds
            .iter()
            .map(|c| c.requests.load(Ordering::Relaxed))
            .sum()
    }

    /// One tick: its wall time and requests.
    async fn tick(&self) -> (Duration, u64) {
        let (before, began) = (self.requests(), Instant::now());
        let report = self.guard.tick().await.unwrap();
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        (began.elapsed(), self.requests() - before)
    }
}

fn grant(provider: ProviderId) -> Grant {
    Grant {
        provider,
        amount: Money::from_cents(100_000_000),
        from: start(),
        expires_at: None,
        source: "bench".to_owned(),
        at: start(),
    }
}

fn id(n: usize) -> LeaseId {
    let digit = |place: u32| u8::try_from(n / 26_usize.pow(place) % 26).unwrap();
    LeaseId::from_random([0, 0, 0, 0, 0, digit(3), digit(2), digit(1), digit(0)])
}

/// One in a hundred ends after an hour, the others after a year.
fn lease(n: usize, provider: ProviderId) -> Lease {
    let name = format!("lab{n}");
    let lives = if n % 100 == 7 {
        TimeDelta::hours(1)
    } else {
        TimeDelta::days(365)
    };
    let order = Order {
        lease: id(n),
        name: name.clone(),
        region: "nyc1".to_owned(),
        size: "s-2vcpu-4gb".to_owned(),
        version: "1.35.1-do.0".to_owned(),
        count: 2,
        spot: false,
        disk_gib: 0,
        volumes: true,
        expires_at: start() + lives,
        options: serde_json::json!({}),
    };
    Lease {
        id: id(n),
        name,
        provider,
        order,
        profile: "first-steps".to_owned(),
        profile_toml: profile(),
        status: Status::Creating,
        created_at: start(),
        ready_at: None,
        expires_at: start() + lives,
        protect_until: None,
        ended_at: None,
        reason: None,
        endpoint: None,
        budget: None,
        worker: None,
        ci: false,
        owner: None,
    }
}

/// `first-steps`, but never idle: whether a cluster is in use is asked of itself, not of its cloud.
fn profile() -> String {
    let text = include_str!("../profiles/first-steps.toml");
    let kept = text.lines().filter(|line| !line.starts_with("idle_after"));
    kept.collect::<Vec<_>>().join("\n")
}

fn wish(lease: &Lease) -> (NewLease, Cap) {
    let new = NewLease {
        lease: lease.clone(),
        steps: Vec::new(),
        hold: Money::from_cents(10_000),
    };
    let cap = Cap {
        provider: lease.provider,
        limit: Money::MAX,
        since: start(),
    };
    (new, cap)
}

/// A cluster with two nodes, a load balancer and a volume.
fn things(lease: &Lease) -> Vec<(Ref, Owned)> {
    let billed = |id: String, kind, r#type: &str, count, gib| Billed {
        group: id.clone(),
        id,
        kind,
        r#type: r#type.to_owned(),
        region: "nyc1".to_owned(),
        purchase: Purchase::OnDemand,
        count,
        size_gib: gib,
        since: start(),
    };
    let name = &lease.name;
    let rows = [
        (
            "cluster",
            billed(
                format!("{name}-pool"),
                ItemKind::Node,
                "s-2vcpu-4gb",
                2,
                None,
            ),
        ),
        (
            "load_balancer",
            billed(
                format!("{name}-lb"),
                ItemKind::LoadBalancer,
                "lb-small",
                1,
                None,
            ),
        ),
        (
            "volume",
            billed(
                format!("{name}-disk"),
                ItemKind::Volume,
                "volume",
                1,
                Some(10),
            ),
        ),
    ];
    let thing = |(kind, billed): (&str, Billed)| {
        let target = Ref::new(kind, format!("{name}-{kind}"));
        let owned = Owned {
            target: target.clone(),
            name: name.clone(),
            owner: Some(OwnerTag {
                lease: lease.id.clone(),
                expires_at: Some(lease.expires_at),
                protect_until: None,
            }),
            region: "nyc1".to_owned(),
            created_at: Some(start()),
            state: "running".to_owned(),
            blocked_by: Vec::new(),
            billed: vec![billed],
        };
        (target, owned)
    };
    rows.into_iter().map(thing).collect()
}

/// The peak of this process's memory so far, in MB.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let kib: Option<u64> = line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok());
    kib.map_or_else(|| "?".to_owned(), |k| format!("{} MB", k / 1024))
}

fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

async fn file() -> (TempDir, Arc<dyn Ledger>) {
    let home = TempDir::new().unwrap();
    let ledger = SqlLedger::open(&home.path().join("ledger.db"))
        .await
        .unwrap();
    (home, Arc::new(ledger))
}

async fn ticks(ledger: Arc<dyn Ledger>, name: &str, leases: usize, like: &Cloud) {
    let latency = Duration::from_millis(50);
    let world = World::new(ledger, leases, latency, like).await;
    let pages: Vec<(usize, usize)> = world.clouds.iter().map(|c| c.pages()).collect();
    let lists: usize = pages.iter().map(|(all, _)| all).sum();
    let chain = latency * u32::try_from(pages.iter().map(|(_, c)| *c).max().unwrap()).unwrap();
    // The first opens every span, the second is what a tick costs day after day.
    for (what, by) in [("first", 15), ("quiet", 15), ("quiet", 15)] {
        world.clock.advance(TimeDelta::minutes(by));
        let (wall, requests) = world.tick().await;
        println!(
            "{name:<9} {leases:>7} {what:<12} {:>10} {:>10} {requests:>9} {lists:>7} {:>8}",
            ms(wall),
            ms(chain),
            peak()
        );
    }
    world.clock.advance(TimeDelta::minutes(30));
    let (wall, requests) = world.tick().await;
    let live = world.ledger.leases(false).await.unwrap();
    let ended: BTreeSet<usize> = (0..leases).filter(|n| n % 100 == 7).collect();
    assert_eq!(live.len() + ended.len(), leases);
    let what = format!("{} end", ended.len());
    println!(
        "{name:<9} {leases:>7} {what:<12} {:>10} {:>10} {requests:>9} {lists:>7} {:>8}",
        ms(wall),
        ms(chain),
        peak()
    );
}

async fn month(like: &Cloud) {
    let (_home, ledger) = file().await;
    let world = World::new(ledger, 20, Duration::ZERO, like).await;
    let began = Instant::now();
    for _ in 0..30 * 24 * 4 {
        world.clock.advance(TimeDelta::minutes(15));
        world.tick().await;
    }
    println!(
        "a month of 15-minute ticks over 20 clusters: {}",
        ms(began.elapsed())
    );
}

fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let most: usize = std::env::args()
        .filter_map(|a| a.parse().ok())
        .next_back()
        .unwrap_or(1000);
    let like = model();
    println!(
        "{:<9} {:>7} {:<12} {:>10} {:>10} {:>9} {:>7} {:>8}",
        "ledger", "leases", "tick", "wall", "chain", "requests", "lists", "peak"
    );
    for leases in [100, 1000, 10_000].into_iter().filter(|n| *n <= most) {
        runtime.block_on(async {
            let (_home, ledger) = file().await;
            ticks(ledger, "sqlite", leases, &like).await;
        });
    }
    if let Ok(url) = std::env::var("KUBELEASE_TEST_POSTGRES") {
        runtime.block_on(async {
            let place: Place = url.parse().unwrap();
            ticks(
                Arc::new(place.open().await.unwrap()),
                "postgres",
                1000,
                &like,
            )
            .await;
        });
    }
    runtime.block_on(month(&like));
}
