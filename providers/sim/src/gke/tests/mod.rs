//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod computing;
mod leaks;
mod life;
mod money;
mod refusals;
mod signing;

use chrono::TimeDelta;
use hyper::header::HeaderValue;
use serde_json::{Value, json};

use super::ME;
use crate::account::Account;
use crate::message::{Reply, Request};
use crate::world::World;

const P: &str = "/v1/projects/practice-proj";
const C: &str = "/compute/v1/projects/practice-proj";
/// Where the clusters of these tests are made.
const ZONE: &str = "/v1/projects/practice-proj/locations/us-central1-a";

/// A world with one client.
struct Story {
    world: World,
    token: &'static str,
}

impl Story {
    fn new() -> Self {
        Self {
            world: World::new(crate::clock::ClockMode::Manual, None),
            token: "Bearer t",
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
        let token = HeaderValue::from_static(self.token);
        request.headers.insert("authorization", token);
        request
    }

    fn carry_out(&mut self, request: &Request) -> Reply {
        let (cloud, core) = self.world.cloud(ME);
        let reply = cloud.handle(core, request);
        self.world.settle();
        reply
    }

    fn ask(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let request = self.request(method, target, body);
        let reply = self.carry_out(&request);
        (reply.status, reply.value().unwrap_or_default())
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

    fn status(&mut self, method: &str, target: &str) -> u16 {
        self.ask(method, target, &Value::Null).0
    }

    /// Status, canonical word (or reason) and message of a refusal.
    fn refused(&mut self, method: &str, target: &str, body: &Value) -> (u16, String, String) {
        let (status, answer) = self.ask(method, target, body);
        let error = &answer["error"];
        assert_eq!(error["code"], status, "{method} {target}: {answer}");
        let word = error["status"]
            .as_str()
            .or_else(|| error["errors"][0]["reason"].as_str());
        let message = error["message"].as_str().unwrap();
        (status, word.unwrap().to_owned(), message.to_owned())
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

    /// A cluster of two spot nodes that belongs to lease `l1`, as asked for: its path and the path of its operation.
    fn create(&mut self, name: &str) -> (String, String) {
        let made = self.must("POST", &format!("{ZONE}/clusters"), &cluster_body(name));
        let operation = made["name"].as_str().unwrap();
        (
            format!("{ZONE}/clusters/{name}"),
            format!("{ZONE}/operations/{operation}"),
        )
    }

    /// The same, working.
    fn cluster(&mut self, name: &str) -> String {
        let (path, operation) = self.create(name);
        self.pass(300);
        assert_eq!(self.get(&operation)["status"], "DONE");
        assert_eq!(self.get(&path)["status"], "RUNNING");
        path
    }

    /// Deletes a cluster and waits until it is gone.
    fn delete(&mut self, path: &str) {
        self.must("DELETE", path, &Value::Null);
        self.pass(240);
        assert_eq!(self.status("GET", path), 404);
    }

    fn total(&self) -> String {
        let lines = self.world.bill(ME).into_iter();
        let sum: crate::money::Nanos = lines.map(|l| l.amount).sum();
        sum.to_string()
    }

    /// Kinds of everything in the world with how many there are, sorted.
    fn kinds(&self) -> Vec<(&'static str, usize)> {
        let mut found = std::collections::BTreeMap::new();
        for resource in self.world.resources(Some(ME)) {
            *found.entry(resource.kind).or_insert(0) += 1;
        }
        found.into_iter().collect()
    }

    /// Entries of an aggregated list.
    fn everywhere(&mut self, word: &str) -> Vec<Value> {
        let list = self.get(&format!("{C}/aggregated/{word}"));
        let scopes = list["items"].as_object().unwrap().values();
        let entries = scopes.filter_map(|s| s[word].as_array());
        entries.flatten().cloned().collect()
    }

    /// Has a client of the cluster's own API do something.
    fn kubectl(&mut self, name: &str, path: &str, body: &Value) {
        let now = self.world.core.now();
        let found = self.world.resources(Some(ME)).into_iter();
        let id = found
            .filter(|r| r.kind == "cluster" && r.name == name)
            .map(|r| r.id)
            .next()
            .unwrap();
        let request = kubelease_sim_kube::ApiRequest {
            method: "POST".to_owned(),
            path: path.to_owned(),
            content_type: "application/json".to_owned(),
            body: body.to_string().into(),
            ..kubelease_sim_kube::ApiRequest::default()
        };
        let reply = self.world.core.kube.api(&id).unwrap().handle(&request, now);
        assert!(
            matches!(&reply, kubelease_sim_kube::Reply::Done(r) if r.status < 300),
            "{path}: {reply:?}"
        );
        self.world.settle();
    }
}

fn cluster_body(name: &str) -> Value {
    json!({"cluster": {
        "name": name, "initialClusterVersion": "-", "releaseChannel": {"channel": "REGULAR"},
        "resourceLabels": {"managed-by": "kubelease", "kubelease-lease": "l1"},
        "nodePools": [{"name": "default-pool", "initialNodeCount": 2, "management": {"autoRepair": true, "autoUpgrade": true},
            "config": {"machineType": "e2-medium", "spot": true, "diskType": "pd-standard", "diskSizeGb": 20,
                "resourceLabels": {"kubelease-lease": "l1"}, "oauthScopes": ["https://www.googleapis.com/auth/cloud-platform"]}}],
    }})
}
