//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod life;
mod money;
mod refusals;
mod things;

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::clock::ClockMode;
use crate::message::{Reply, Request};
use crate::provider::Provider;
use crate::world::World;

const ME: Provider = Provider::Digitalocean;

/// A world with one client.
struct Story {
    world: World,
}

impl Story {
    fn new() -> Self {
        Self {
            world: World::new(ClockMode::Manual, None),
        }
    }

    fn send(&mut self, method: &str, target: &str, body: &Value) -> Reply {
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
        request
            .headers
            .insert("authorization", HeaderValue::from_static("Bearer t"));
        let (cloud, core) = self.world.cloud(ME);
        let reply = cloud.handle(core, &request);
        self.world.settle();
        reply
    }

    fn ask(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(method, target, body);
        (reply.status, reply.value().unwrap_or_default())
    }

    fn status(&mut self, method: &str, target: &str, body: &Value) -> u16 {
        self.send(method, target, body).status
    }

    fn get(&mut self, target: &str) -> Value {
        let (status, body) = self.ask("GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    fn pass(&mut self, seconds: i64) {
        let target = self.world.core.now() + TimeDelta::seconds(seconds);
        self.world.move_to(target);
    }

    /// A cluster of two nodes that belongs to lease `l1`.
    fn cluster(&mut self, more: &Value) -> String {
        let mut body = json!({"name": "c1", "region": "nyc1", "version": "1.34", "tags": ["kubelease-lease:l1"],
            "node_pools": [{"name": "w", "size": "s-2vcpu-4gb", "count": 2}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let (status, made) = self.ask("POST", "/v2/kubernetes/clusters", &body);
        assert_eq!(status, 201, "{made}");
        made["kubernetes_cluster"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn total(&self) -> String {
        let sum: crate::money::Nanos = self.world.bill(ME).into_iter().map(|l| l.amount).sum();
        sum.to_string()
    }

    /// Kinds of everything in the world, sorted.
    fn kinds(&self) -> Vec<&'static str> {
        let mut kinds: Vec<_> = self
            .world
            .resources(Some(ME))
            .into_iter()
            .map(|r| r.kind)
            .collect();
        kinds.sort_unstable();
        kinds
    }
}
