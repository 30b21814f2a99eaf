//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod enterprise;
mod leaks;
mod life;
mod money;
mod refusals;
mod things;

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::ME;
use crate::account::Account;
use crate::message::{Reply, Request};
use crate::world::World;

/// A world with one client.
struct Story {
    world: World,
    /// The `X-Filter` of the next requests, if any.
    filter: Option<&'static str>,
}

impl Story {
    fn new() -> Self {
        Self {
            world: World::new(crate::clock::ClockMode::Manual, None),
            filter: None,
        }
    }

    fn request(&self, method: &str, target: &str, body: &Value) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            body: body.into(),
            ..Request::default()
        };
        let headers = &mut request.headers;
        headers.insert("authorization", HeaderValue::from_static("Bearer t"));
        if let Some(filter) = self.filter {
            headers.insert("x-filter", HeaderValue::from_static(filter));
        }
        request
    }

    fn carry_out(&mut self, request: &Request) -> Reply {
        let (cloud, core) = self.world.cloud(ME);
        let reply = cloud.handle(core, request);
        self.world.settle();
        reply
    }

    fn send(&mut self, method: &str, target: &str, body: &Value) -> Reply {
        let request = self.request(method, target, body);
        self.carry_out(&request)
    }

    fn ask(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(method, target, body);
        (reply.status, reply.value().unwrap_or_default())
    }

    fn status(&mut self, method: &str, target: &str) -> u16 {
        self.send(method, target, &Value::Null).status
    }

    /// A request that must succeed.
    fn must(&mut self, method: &str, target: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, target, body);
        assert_eq!(status, 200, "{method} {target}: {answer}");
        answer
    }

    fn get(&mut self, target: &str) -> Value {
        self.must("GET", target, &Value::Null)
    }

    /// The reason of a refusal, and the field it is about.
    fn refused(&mut self, method: &str, target: &str, body: &Value) -> (u16, String, String) {
        let (status, answer) = self.ask(method, target, body);
        let error = &answer["errors"][0];
        let word = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (status, word("field"), word("reason"))
    }

    fn pass(&mut self, seconds: i64) {
        let target = self.world.core.now() + TimeDelta::seconds(seconds);
        self.world.move_to(target);
    }

    fn account(&mut self, settings: Value) -> Result<(), String> {
        let adopt = settings.get("foreign").is_some();
        let account: Account = serde_json::from_value(settings).unwrap();
        self.world.set_account(ME, account, adopt)
    }

    /// A cluster of two nodes that belongs to lease `l1`: its path.
    fn cluster(&mut self, more: &Value) -> String {
        let mut body = cluster_body();
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let made = self.must("POST", "/v4/lke/clusters", &body);
        format!("/v4/lke/clusters/{}", made["id"])
    }

    fn total(&self) -> String {
        let lines = self.world.bill(ME).into_iter();
        let sum: crate::money::Nanos = lines.map(|l| l.amount).sum();
        sum.to_string()
    }

    /// Kinds of everything in the world, sorted.
    fn kinds(&self) -> Vec<&'static str> {
        let resources = self.world.resources(Some(ME)).into_iter();
        let mut kinds: Vec<_> = resources.map(|r| r.kind).collect();
        kinds.sort_unstable();
        kinds
    }
}

fn cluster_body() -> Value {
    json!({"label": "c1", "region": "us-east", "k8s_version": "1.34", "tags": ["kubelease-lease:l1"],
        "node_pools": [{"type": "g6-standard-2", "count": 2}]})
}

/// How many a list has.
fn len(list: &Value) -> usize {
    list["data"].as_array().unwrap().len()
}
