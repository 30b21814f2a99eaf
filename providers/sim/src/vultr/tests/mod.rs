//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod life;
mod money;
mod refusals;
mod things;

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use crate::account::Account;
use crate::clock::ClockMode;
use crate::message::{Reply, Request};
use crate::provider::Provider;
use crate::world::World;

const ME: Provider = Provider::Vultr;
const CLUSTERS: &str = "/v2/kubernetes/clusters";

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

    fn delete(&mut self, target: &str) -> u16 {
        self.status("DELETE", target, &Value::Null)
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

    /// Changes the account's settings.
    fn account(&mut self, settings: Value) -> Result<(), String> {
        let adopt = settings.get("foreign").is_some();
        let account: Account = serde_json::from_value(settings).unwrap();
        self.world.set_account(ME, account, adopt)
    }

    /// Path of a new cluster of two nodes that belongs to lease `l1`.
    fn cluster(&mut self, more: &Value) -> String {
        let mut body = json!({"label": "c1 kubelease-lease:l1", "region": "ewr", "version": "v1.34.2+1",
            "node_pools": [{"label": "w", "plan": "vc2-2c-4gb", "node_quantity": 2, "tag": "practice"}]});
        let fields = body.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let (status, made) = self.ask("POST", CLUSTERS, &body);
        assert_eq!(status, 201, "{made}");
        let id = made["vke_cluster"]["id"].as_str().unwrap();
        format!("{CLUSTERS}/{id}")
    }

    /// Path of a new volume.
    fn block(&mut self, body: &Value) -> String {
        let (status, made) = self.ask("POST", "/v2/blocks", body);
        assert_eq!(status, 202, "{made}");
        format!("/v2/blocks/{}", made["block"]["id"].as_str().unwrap())
    }

    /// The body of the first pool of a cluster.
    fn pool(&mut self, cluster: &str) -> Value {
        self.get(&format!("{cluster}/node-pools"))["node_pools"][0].clone()
    }

    fn total(&self) -> String {
        let sum: crate::money::Nanos = self.world.bill(ME).into_iter().map(|l| l.amount).sum();
        sum.to_string()
    }

    /// Kinds of everything in the world, sorted.
    fn kinds(&self) -> Vec<&'static str> {
        let all = self.world.resources(Some(ME));
        let mut kinds: Vec<_> = all.into_iter().map(|r| r.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    /// Whether everything in the world and on the bill has this owner.
    fn all_owned_by(&self, owner: Option<&str>) -> bool {
        let world = self.world.resources(Some(ME));
        let bill = self.world.bill(ME);
        world.iter().all(|r| r.owner.as_deref() == owner)
            && bill.iter().all(|l| l.owner.as_deref() == owner)
    }
}
