//! One simulated account and one ledger, driven in process: the real providers over loopback, the real
//! engine, guard and SQLite ledger. Many leases live in one world, which is what shares allowances.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease::config::{ConfigFile, Settings};
use kubelease::engine::run::{Forward, Patience};
use kubelease::engine::{CLAIM, Cloud, Engine, EngineError, Silent, Stop, Worker};
use kubelease::env::Env;
use kubelease::guard::Guard;
use kubelease::guard::report::Report;
use kubelease::ledger::{Grant, Lease, Ledger, NewLease, Place, PriceRow, SqlLedger, Status};
use kubelease::quote::{self, Inputs};
use kubelease::registry::{self, SimEndpoints};
use kubelease::simctl::Control;
use kubelease::{credit::Credit, pricing, profile};
use kubelease_core::{Account, Catalog, Clock, LeaseId, Money, Owned, ProviderId, Scope};
use kubelease_http::{Observer, Reqwest, Toolkit};
use kubelease_sim::{ClockMode, Handle, Options, spawn_thread};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::chaos::Fuse;
use super::dice::Dice;

/// The time of a world. Only this process moves it, so it knows it without asking.
#[derive(Debug)]
pub(crate) struct WorldClock {
    control: Control,
    now: Mutex<DateTime<Utc>>,
}

impl WorldClock {
    /// Everything that is due by then happens first.
    pub(crate) fn move_to(&self, until: DateTime<Utc>) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if until > *now {
            let body = json!({ "set": until.to_rfc3339() });
            let answer = self.control.send("POST", "/clock", &body).unwrap();
            *now = time(&answer["now"]);
        }
    }
}

#[async_trait::async_trait]
impl Clock for WorldClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep_until(&self, until: DateTime<Utc>) {
        // Others who sleep at the same time have their turn first.
        tokio::task::yield_now().await;
        self.move_to(until);
    }
}

/// A time in JSON.
pub(crate) fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

/// A world.
pub(crate) struct World {
    pub(crate) cloud: ProviderId,
    pub(crate) control: Control,
    pub(crate) clock: Arc<WorldClock>,
    pub(crate) guard: Guard,
    pub(crate) endpoint: String,
    /// Kills the process.
    pub(crate) fuse: Arc<Fuse>,
    /// What can be had, read once: it does not change, and reading it takes longer than a life.
    pub(crate) catalog: Catalog,
    account: Account,
    seed: u64,
    /// Every change of a price so far.
    repriced: Vec<Value>,
    processes: u32,
    ids: u8,
    ledgers: u32,
    home: TempDir,
    // Dropped last: it stops the simulator.
    _sim: Handle,
}

impl World {
    /// An account without limits and an empty ledger with that credit.
    pub(crate) async fn begin(
        cloud: ProviderId,
        seed: u64,
        start: DateTime<Utc>,
        credit: Money,
    ) -> Self {
        let sim = spawn_thread(Options {
            port: 0,
            clock: ClockMode::Manual,
            start: Some(start),
        })
        .unwrap();
        let control = Control::new(&sim.control);
        let clock = Arc::new(WorldClock {
            control: control.clone(),
            now: Mutex::new(start),
        });
        // A ledger in memory is the same file to SQLite, without waiting for a disk.
        let memory = Path::new("/dev/shm");
        let home = match memory.is_dir() {
            true => TempDir::new_in(memory),
            false => TempDir::new(),
        }
        .unwrap();
        let endpoint = control.get("/").unwrap()["endpoints"][cloud.as_str()]
            .as_str()
            .unwrap()
            .to_owned();
        let ledger = open(&home, 0).await;
        let fuse = Arc::new(Fuse::default());
        let seeds = (cloud, seed);
        let guard = guard(seeds, &control, &clock, ledger, home.path(), &fuse);
        // Limits of accounts are tested elsewhere.
        control
            .send("PUT", &format!("/accounts/{cloud}"), &unlimited())
            .unwrap();
        let provider = &guard.clouds[&cloud].provider;
        let catalog = provider.catalog().await.unwrap();
        let account = provider.account().await.unwrap();
        let world = Self {
            cloud,
            fuse,
            catalog,
            account,
            seed,
            repriced: Vec::new(),
            control,
            clock,
            guard,
            endpoint,
            processes: 0,
            ids: 0,
            ledgers: 0,
            home,
            _sim: sim,
        };
        world.grant(credit).await;
        world
    }

    /// Sets something about the account.
    pub(crate) fn account(&self, what: &Value) {
        let path = format!("/accounts/{}", self.cloud);
        self.control.send("PUT", &path, what).unwrap();
    }

    /// Declares a credit.
    pub(crate) async fn grant(&self, amount: Money) {
        let now = self.clock.now();
        let grant = Grant {
            provider: self.cloud,
            amount,
            from: now - TimeDelta::days(1),
            expires_at: None,
            source: "declared".to_owned(),
            at: now,
        };
        self.ledger().grant(&grant).await.unwrap();
    }

    pub(crate) fn ledger(&self) -> &Arc<dyn Ledger> {
        &self.guard.engine.ledger
    }

    pub(crate) fn cloud(&self) -> &Cloud {
        &self.guard.clouds[&self.cloud]
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn advance(&self, span: TimeDelta) {
        self.clock.move_to(self.now() + span);
    }

    /// From this second on all nodes cost so many percent of the table's price. `prices refresh` reads it at
    /// once, the next process knows it, and everything that lives is looked at in that second.
    pub(crate) async fn reprice(&mut self, percent: u32) {
        // Both sides count whole seconds: the change is at the beginning of one.
        let next = self.now().timestamp() + 1;
        self.clock
            .move_to(DateTime::from_timestamp(next, 0).unwrap());
        self.repriced
            .push(json!({ "kind": "node", "type": "*", "percent": percent, "from": self.now() }));
        self.account(&json!({ "prices": self.repriced }));
        let fresh = self.cloud().provider.fresh_prices().await.unwrap();
        assert!(fresh.failed.is_empty(), "{:?}", fresh.failed);
        let stored = self.ledger().newest_prices().await.unwrap();
        let verdict = pricing::judge(
            self.cloud,
            &self.cloud().prices,
            &stored,
            &fresh,
            self.now(),
        );
        self.ledger().add_prices(&verdict.rows).await.unwrap();
        let stored = self.ledger().newest_prices().await.unwrap();
        let tools = Toolkit {
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            transport: Arc::new(Reqwest::default()),
            observer: Arc::clone(&self.fuse) as Arc<dyn Observer>,
            seed: self.seed,
        };
        let open = cloud_at(self.cloud, &self.control, self.home.path(), &stored, tools);
        self.catalog.prices = open.prices.clone();
        self.guard.clouds.insert(self.cloud, open);
        for lease in self.ledger().leases(false).await.unwrap() {
            let engine = &self.guard.engine;
            engine.look_and_book(self.cloud(), &lease).await.unwrap();
        }
    }

    /// When the cloud has something to do next.
    pub(crate) fn due(&self) -> Option<DateTime<Utc>> {
        let clock = self.control.get("/clock").unwrap();
        (!clock["due"].is_null()).then(|| time(&clock["due"]))
    }

    pub(crate) async fn tick(&self) -> Report {
        self.guard.tick().await.unwrap()
    }

    /// The ledger is lost: an empty one takes its place.
    pub(crate) async fn lose_ledger(&mut self, credit: Money) {
        self.ledgers += 1;
        self.guard.engine.ledger = open(&self.home, self.ledgers).await;
        self.grant(credit).await;
    }

    /// A lease id that depends on the seed alone.
    fn next_id(&mut self, dice: &mut Dice) -> LeaseId {
        self.ids += 1;
        let mut bytes = [0; 9];
        for byte in &mut bytes {
            *byte = u8::try_from(dice.roll(26)).unwrap();
        }
        bytes[0] = self.ids;
        LeaseId::from_random(bytes)
    }

    /// Quote, hold and intent, as `create` writes them down. None when there is no such thing to have.
    pub(crate) async fn reserve(&mut self, wish: &Wish, dice: &mut Dice) -> Option<Lease> {
        let id = self.next_id(dice);
        let cloud = self.cloud().clone();
        let profile = profile::parse(&wish.toml, "life").unwrap();
        let inputs = Inputs {
            profile: &profile,
            catalog: &self.catalog,
            capability: cloud.provider.capability(),
            account: Some(&self.account),
            region: None,
            ttl: wish.ttl,
            now: self.now(),
            beside: &[],
        };
        let quote = quote::quote(&inputs).ok()?;
        let name = format!("life{}", self.ids);
        let order = quote.order(id.clone(), &name, &profile);
        let steps = cloud.provider.plan(&order).unwrap();
        let now = self.now();
        let lease = Lease {
            id,
            name,
            provider: self.cloud,
            order,
            profile: "life".to_owned(),
            profile_toml: wish.toml.clone(),
            status: Status::Creating,
            created_at: now,
            ready_at: None,
            expires_at: now + wish.ttl,
            protect_until: None,
            ended_at: None,
            reason: None,
            endpoint: None,
            budget: None,
            worker: Some((self.guard.engine.worker.0.clone(), now + CLAIM)),
            ci: false,
            owner: None,
        };
        let hold = quote.total;
        let new = NewLease {
            lease: lease.clone(),
            steps,
            hold,
        };
        let credit: Credit = self.guard.credit(self.cloud, now).await.unwrap();
        self.ledger().reserve(&new, &credit.cap()).await.ok()?;
        Some(lease)
    }

    /// Creates and waits, as `create` does.
    pub(crate) async fn create(&self, lease: &Lease) -> Result<Forward, EngineError> {
        let engine = &self.guard.engine;
        engine.claim(lease).await?;
        let cloud = self.cloud();
        let patience = Patience::Until(self.now() + TimeDelta::hours(1));
        let went = engine.forward(&*cloud.provider, lease, patience).await?;
        engine.look_and_book(cloud, lease).await?;
        engine.ledger.unclaim(&lease.id, &engine.worker.0).await?;
        Ok(went)
    }

    /// What is there of a lease.
    pub(crate) async fn things(&self, lease: &LeaseId) -> Vec<Owned> {
        let since = self.now() - TimeDelta::days(90);
        let recorded = self.ledger().recorded(self.cloud, since).await.unwrap();
        let scope = Scope {
            recorded: &recorded,
            foreign: false,
        };
        let listing = self.cloud().provider.owned(&scope).await.unwrap();
        let ours = |t: &Owned| t.owner.as_ref().is_some_and(|o| o.lease == *lease);
        listing.things.into_iter().filter(ours).collect()
    }

    /// What exists in the account; `ours` only with an owner.
    pub(crate) fn resources(&self, ours: bool) -> Vec<Value> {
        let world = self
            .control
            .get(&format!("/world?provider={}", self.cloud))
            .unwrap();
        let all = world["resources"].as_array().unwrap().clone();
        all.into_iter()
            .filter(|r| r["owner"].is_null() != ours)
            .collect()
    }

    /// The next process: the one before no longer runs, and everybody on this machine can know that.
    pub(crate) fn restart(&mut self) {
        self.processes += 1;
        self.guard.engine.worker = process(self.processes);
    }
}

/// A process of this machine that no longer runs; of the same name whenever a seed is replayed.
fn process(number: u32) -> Worker {
    let here = Worker::this_process().0;
    let (machine, _) = here.split_once('/').unwrap();
    Worker(format!("{machine}/1/x{number}"))
}

/// What somebody orders.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) toml: String,
    pub(crate) ttl: TimeDelta,
}

/// Limits so high that nothing meets them, in every vendor's words.
fn unlimited() -> Value {
    let words = "nodes droplets volumes load_balancers clusters vcpus vpcs CPUS CPUS_ALL_REGIONS INSTANCES \
        IN_USE_ADDRESSES SSD_TOTAL_GB DISKS_TOTAL_GB FORWARDING_RULES TARGET_POOLS HEALTH_CHECKS FIREWALLS \
        cores lowPriorityCores PublicIPAddresses services nodebalancers linodes";
    let quotas: serde_json::Map<String, Value> = words
        .split_whitespace()
        .map(|word| (word.to_owned(), json!(100_000)))
        .collect();
    json!({ "quotas": quotas })
}

async fn open(home: &TempDir, n: u32) -> Arc<dyn Ledger> {
    let file = home.path().join(format!("ledger-{n}.db"));
    Arc::new(SqlLedger::open(&file).await.unwrap())
}

fn guard(
    (cloud, seed): (ProviderId, u64),
    control: &Control,
    clock: &Arc<WorldClock>,
    ledger: Arc<dyn Ledger>,
    home: &Path,
    fuse: &Arc<Fuse>,
) -> Guard {
    let tools = Toolkit {
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        transport: Arc::new(Reqwest::default()),
        observer: Arc::clone(fuse) as Arc<dyn Observer>,
        seed,
    };
    let open = cloud_at(cloud, control, home, &[], tools);
    let engine = Engine {
        ledger,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        worker: process(0),
        watch: Arc::new(Silent),
        stop: Stop::default(),
    };
    Guard {
        engine,
        clouds: [(cloud, open)].into(),
        unavailable: [].into(),
        margin_percent: Some(0),
        channels: kubelease::notify::Channels::default(),
        profiles: Default::default(),
    }
}

/// The cloud as a process opens it that begins now.
fn cloud_at(
    cloud: ProviderId,
    control: &Control,
    home: &Path,
    stored: &[PriceRow],
    tools: Toolkit,
) -> Cloud {
    let settings = Settings {
        home: home.to_owned(),
        ledger: Place::File(home.join("ledger-0.db")),
        sim: None,
        env: Env::of([]),
        file: ConfigFile::default(),
        home_named: true,
    };
    let endpoints = SimEndpoints::read(control).unwrap();
    registry::open(cloud, &settings, Some(&endpoints), stored, tools).unwrap()
}
