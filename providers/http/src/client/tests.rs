//! Every rule of the retry loop, and that no failure path shows the credential.

use std::sync::Mutex;

use async_trait::async_trait;
use kubelease_core::{ManualClock, Secret};
use serde_json::json;

use super::*;
use crate::auth::Bearer;
use crate::request::Method;
use crate::testing::{Queue, classify, start};
use crate::transport::Failure;

const CANARY: &str = "canary-5ecret";

#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Observer for Log {
    fn attempt(&self, event: &Event<'_>) {
        let mut log = self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        log.push(format!("{event:?}"));
    }
}

struct World {
    client: Client,
    clock: ManualClock,
    queue: Arc<Queue>,
    log: Arc<Log>,
}

impl World {
    fn seconds(&self) -> i64 {
        (self.clock.now() - start()).num_seconds()
    }

    fn log(&self) -> Vec<String> {
        let log = self.log.0.lock();
        log.unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}

fn world() -> World {
    let (clock, queue, log) = (
        ManualClock::at(start()),
        Queue::new(),
        Arc::new(Log::default()),
    );
    let vendor = Vendor {
        provider: ProviderId::DigitalOcean,
        base: "https://api.example/".to_owned(),
        auth: Arc::new(Bearer(Secret::new(CANARY))),
        limits: &[],
        policy: Policy::default(),
        classify,
    };
    let tools = Toolkit {
        clock: Arc::new(clock.clone()),
        transport: queue.clone(),
        observer: log.clone(),
        seed: 1,
    };
    World {
        client: Client::new(vendor, tools),
        clock,
        queue,
        log,
    }
}

fn lost() -> Failure {
    Failure::Lost("connection reset".into())
}

/// Sends one request; `(status or kind, transience, attempts)`.
async fn outcome(world: &World, method: Method) -> (Result<u16, Kind>, usize) {
    let answer = world.client.send(Request::new(method, "/x", "do x")).await;
    let attempts = world.queue.seen().len();
    (answer.map(|r| r.status).map_err(|e| e.kind), attempts)
}

#[tokio::test]
async fn reads_are_repeated_after_anything_passing() {
    let world = world();
    world.queue.fail("*", lost());
    world.queue.fail("*", Failure::Connect("refused".into()));
    world.queue.reply("*", 500, &[], r#"{"message":"oops"}"#);
    world.queue.reply("*", 200, &[], r#"{"cut":"#);
    world.queue.reply("*", 200, &[], "{}");
    assert_eq!(outcome(&world, Method::Get).await, (Ok(200), 5));
    assert_eq!(world.log().len(), 5);
}

#[tokio::test]
async fn attempts_are_bounded_and_the_error_counts_them() {
    let world = world();
    world.queue.always(502, "<html>bad gateway</html>");
    let error = world
        .client
        .send(Request::get("/x", "read x"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.transience),
        (Kind::Unavailable, Transience::Persistent)
    );
    assert_eq!(world.queue.seen().len(), 5);
    let expect = format!("(gave up after 5 attempts in {} s)", world.seconds());
    assert!(error.message.ends_with(&expect), "{}", error.message);
    assert_eq!(error.provider, Some(ProviderId::DigitalOcean));
}

#[tokio::test]
async fn what_may_have_happened_is_not_repeated() {
    for method in [Method::Post, Method::Delete, Method::Patch] {
        for (failure, kind) in [
            (lost(), Kind::Timeout),
            (Failure::TimedOut(TimeDelta::seconds(30)), Kind::Timeout),
        ] {
            let world = world();
            world.queue.fail("*", failure);
            assert_eq!(outcome(&world, method).await, (Err(kind), 1));
        }
        for status in [500, 502, 503, 504] {
            let world = world();
            world.queue.reply("*", status, &[], "{}");
            assert_eq!(outcome(&world, method).await, (Err(Kind::Unavailable), 1));
        }
    }
}

#[tokio::test]
async fn what_surely_did_not_happen_is_repeated() {
    for method in [Method::Post, Method::Delete] {
        let world = world();
        world.queue.fail("*", Failure::Connect("refused".into()));
        world.queue.reply("*", 429, &[], "{}");
        world
            .queue
            .reply("*", 503, &[("retry-after", "3")], "<html>busy</html>");
        world.queue.reply("*", 202, &[], "{}");
        assert_eq!(outcome(&world, method).await, (Ok(202), 4));
    }
    // After a safe retry an ambiguous answer still ends it.
    let world = world();
    world.queue.reply("*", 429, &[], "{}");
    world.queue.fail("*", lost());
    assert_eq!(outcome(&world, Method::Post).await, (Err(Kind::Timeout), 2));
}

#[tokio::test]
async fn refusals_are_final() {
    for (status, kind) in [
        (400, Kind::Invalid),
        (401, Kind::Unauthenticated),
        (403, Kind::PermissionDenied),
        (404, Kind::NotFound),
        (409, Kind::Conflict),
        (422, Kind::Invalid),
    ] {
        let world = world();
        world.queue.always(status, r#"{"message":"no"}"#);
        assert_eq!(outcome(&world, Method::Get).await, (Err(kind), 1));
        assert_eq!(world.seconds(), 0);
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms() {
    for (value, least) in [("40", 40), ("Mon, 05 Jan 2026 08:00:50 GMT", 50)] {
        let world = world();
        world.queue.reply("*", 429, &[("retry-after", value)], "{}");
        world.queue.reply("*", 200, &[], "{}");
        assert_eq!(outcome(&world, Method::Get).await, (Ok(200), 2));
        assert!(
            (least..=least + 1).contains(&world.seconds()),
            "{}",
            world.seconds()
        );
    }
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_ends_it_at_once() {
    let world = world();
    world.queue.always(429, "{}");
    world
        .queue
        .reply("*", 429, &[("retry-after", "3600")], "{}");
    let error = world
        .client
        .send(Request::get("/x", "read x"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind, error.transience),
        (Kind::RateLimited, Transience::Persistent)
    );
    assert!(
        error.message.contains("gave up after 1 attempt in 0 s"),
        "{}",
        error.message
    );
    assert_eq!(
        error.hint.as_deref(),
        Some("the cloud asks to wait for 3600 s; try again then")
    );
    assert_eq!((world.queue.seen().len(), world.seconds()), (1, 0));
}

/// Takes 50 s for every answer.
#[derive(Debug)]
struct Slow(ManualClock, Arc<Queue>);

#[async_trait]
impl Transport for Slow {
    async fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.0.advance(TimeDelta::seconds(50));
        self.1.send(request).await
    }
}

#[tokio::test]
async fn the_overall_deadline_holds() {
    let mut world = world();
    world.queue.always(500, "{}");
    let mut tools = world.client.tools.clone();
    tools.transport = Arc::new(Slow(world.clock.clone(), world.queue.clone()));
    world.client = Client::new(world.client.vendor.clone(), tools);
    let error = world
        .client
        .send(Request::get("/x", "read x"))
        .await
        .unwrap_err();
    assert_eq!(
        (error.transience, world.queue.seen().len()),
        (Transience::Persistent, 3)
    );
}

#[tokio::test]
async fn json_of_another_shape() {
    let world = world();
    world.queue.always(200, r#"{"id":7}"#);
    #[derive(Debug, serde::Deserialize)]
    struct Thing {
        #[expect(dead_code, reason = "only its type matters")]
        id: String,
    }
    let read = world
        .client
        .json::<Thing>(Request::get("/x", "read x"))
        .await;
    assert_eq!(read.unwrap_err().kind, Kind::Unexpected);
    let made = world
        .client
        .json::<Thing>(Request::post("/x", "make x"))
        .await;
    assert_eq!(made.unwrap_err().kind, Kind::Timeout);
    assert_eq!(world.queue.seen().len(), 2);
}

#[tokio::test]
async fn credentials_stay_on_the_base_host() {
    let world = world();
    world.queue.always(200, "{}");
    for url in ["https://evil.example/v2", "http://api.example/v2", "v2/x"] {
        let error = world
            .client
            .send(Request::get(url, "list x"))
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Unexpected, "{url}");
    }
    assert!(world.queue.seen().is_empty());
    let next = "https://api.example/v2?page=2";
    assert!(
        world
            .client
            .send(Request::get(next, "list x"))
            .await
            .is_ok()
    );
    assert_eq!(world.queue.routes(), ["GET /v2?page=2"]);
}

/// Makes a queue fail in one way.
type Fail<'a> = Box<dyn Fn(&Queue) + 'a>;

#[tokio::test]
async fn no_failure_path_shows_the_credential() {
    let echo = json!({"message": format!("bad token Bearer {CANARY}"), "id": CANARY}).to_string();
    let page = format!("<html>{CANARY}</html>");
    let fail: Vec<Fail<'_>> = vec![
        Box::new(|q| q.fail("*", lost())),
        Box::new(|q| q.fail("*", Failure::Connect("refused".into()))),
        Box::new(|q| q.fail("*", Failure::TimedOut(TimeDelta::seconds(30)))),
        Box::new(|q| q.fail("*", Failure::TooLarge(1 << 20))),
        Box::new(|q| q.always(200, &page)),
        Box::new(|q| q.always(200, &format!("{{\"token\":\"{CANARY}\","))),
        Box::new(|q| q.always(200, &format!("{{\"id\":\"{CANARY}\"}}"))),
        Box::new(|q| q.always(302, &page)),
        Box::new(|q| q.always(429, &echo)),
        Box::new(|q| q.always(401, &echo)),
        Box::new(|q| q.always(403, &echo)),
        Box::new(|q| q.always(404, &echo)),
        Box::new(|q| q.always(500, &echo)),
        Box::new(|q| q.always(503, &page)),
    ];
    for (n, fail) in fail.iter().enumerate() {
        for method in [Method::Get, Method::Post, Method::Delete] {
            let world = world();
            fail(&world.queue);
            let request = Request::new(method, "/x", "do x")
                .query("password", CANARY)
                .json(&json!({"secret": CANARY}));
            let debug = format!("{request:?} {:?}", world.client);
            let error = world.client.json::<u8>(request).await.unwrap_err();
            let mut shown = format!("{debug}\n{error}\n{error:?}\n{}", world.log().join("\n"));
            let mut cause = std::error::Error::source(&error);
            while let Some(below) = cause {
                shown.push_str(&below.to_string());
                cause = below.source();
            }
            assert!(!shown.contains("5ecret"), "path {n}: {shown}");
            assert!(!world.queue.seen().is_empty(), "path {n} sent nothing");
        }
    }
}

#[tokio::test]
async fn a_sensitive_answer_is_never_quoted() {
    let world = world();
    world.queue.always(200, r#"{"token":"kube-5ecret"}"#);
    let request = Request::get("/x", "get credentials").sensitive();
    let error = world
        .client
        .json::<std::collections::BTreeMap<String, u8>>(request)
        .await
        .unwrap_err();
    assert_eq!(error.message, "the answer makes no sense");
}
