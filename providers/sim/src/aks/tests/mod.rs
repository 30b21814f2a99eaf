//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod leaks;
mod life;
mod manager;
mod money;
mod pools;
mod refusals;

use chrono::TimeDelta;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::ME;
use crate::account::Account;
use crate::message::{Reply, Request};
use crate::world::World;

const SUB: &str = "/subscriptions/0a0a0a0a-0000-4000-8000-000000000001";
const CLUSTER: &str = "/resourceGroups/rg1/providers/Microsoft.ContainerService/managedClusters/c1";
const CLUSTERS: &str = "/providers/Microsoft.ContainerService/managedClusters";
const VERSION: &str = "2025-10-01";

/// A world with one client.
struct Story {
    world: World,
}

impl Story {
    fn new() -> Self {
        Self {
            world: World::new(crate::clock::ClockMode::Manual, None),
        }
    }

    /// With the provider registered and the group `rg1`, which belongs to lease `l1`.
    fn ready() -> Self {
        let mut story = Self::new();
        story.must(
            200,
            "POST",
            "/providers/Microsoft.ContainerService/register",
            &Value::Null,
        );
        story.pass(30);
        let group = json!({"location": "westeurope", "tags": {"kubelease-lease": "l1"}});
        story.must(201, "PUT", "/resourcegroups/rg1", &group);
        story
    }

    /// With a working cluster of one node.
    fn running(more: &Value) -> Self {
        let mut story = Self::ready();
        story.create(more);
        story.pass(222);
        assert_eq!(
            story.cluster()["properties"]["provisioningState"],
            "Succeeded"
        );
        story
    }

    /// Sends a request below the subscription, or to a whole address.
    fn request(
        &self,
        method: &str,
        target: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Request {
        let whole = target.strip_prefix("http://127.0.0.1").map(str::to_owned);
        let target = whole.unwrap_or_else(|| {
            let joint = if target.contains('?') { '&' } else { '?' };
            let version = if target.contains("api-version") {
                String::new()
            } else {
                format!("{joint}api-version={VERSION}")
            };
            format!("{SUB}{target}{version}")
        });
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            ..Request::default()
        };
        if !body.is_null() {
            request.body = body.to_string().into();
        }
        for (name, value) in headers.iter().chain(&[("authorization", "Bearer t")]) {
            let name: HeaderName = name.parse().unwrap();
            request
                .headers
                .entry(name)
                .or_insert(HeaderValue::from_str(value).unwrap());
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
        let request = self.request(method, target, body, &[]);
        self.carry_out(&request)
    }

    fn send_with(
        &mut self,
        method: &str,
        target: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let request = self.request(method, target, body, headers);
        self.carry_out(&request)
    }

    fn status(&mut self, method: &str, target: &str) -> u16 {
        self.send(method, target, &Value::Null).status
    }

    /// A request that must be answered so.
    fn must(&mut self, status: u16, method: &str, target: &str, body: &Value) -> Value {
        let reply = self.send(method, target, body);
        let value = reply.value().unwrap_or_default();
        assert_eq!(reply.status, status, "{method} {target}: {value}");
        value
    }

    fn get(&mut self, target: &str) -> Value {
        self.must(200, "GET", target, &Value::Null)
    }

    /// Status and code of a refusal, in either of the vendor's forms.
    fn refused(&mut self, method: &str, target: &str, body: &Value) -> (u16, String) {
        let reply = self.send(method, target, body);
        (reply.status, code(&reply))
    }

    fn create(&mut self, more: &Value) -> Reply {
        let reply = self.send("PUT", CLUSTER, &cluster_body(more));
        assert_eq!(reply.status, 201, "{:?}", reply.value());
        reply
    }

    fn cluster(&mut self) -> Value {
        self.get(CLUSTER)
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

    fn total(&self) -> String {
        let lines = self.world.bill(ME).into_iter();
        let sum: crate::money::Nanos = lines.map(|l| l.amount).sum();
        sum.to_string()
    }

    /// What all of the world costs an hour.
    fn hourly(&self) -> String {
        let all = self.world.resources(Some(ME)).into_iter();
        let sum: crate::money::Nanos = all.map(|r| r.hourly).sum();
        sum.to_string()
    }

    /// Kinds of everything in the world, sorted.
    fn kinds(&self) -> Vec<&'static str> {
        let resources = self.world.resources(Some(ME)).into_iter();
        let mut kinds: Vec<_> = resources.map(|r| r.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    /// The kernel's name of the only cluster.
    fn uid(&mut self) -> String {
        let plain = self.cluster()["properties"]["resourceUID"]
            .as_str()
            .unwrap()
            .to_owned();
        [
            &plain[..8],
            &plain[8..12],
            &plain[12..16],
            &plain[16..20],
            &plain[20..],
        ]
        .join("-")
    }
}

fn header(reply: &Reply, name: &str) -> Option<String> {
    let found = reply
        .headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.clone())
}

/// The code of a refusal.
fn code(reply: &Reply) -> String {
    let body = reply.value().unwrap_or_default();
    let found = body["error"]["code"].as_str().or(body["code"].as_str());
    found.unwrap_or_default().to_owned()
}

/// The minimal create body of the notes, with other fields in `properties` or on top.
fn cluster_body(more: &Value) -> Value {
    let mut body = json!({"location": "westeurope", "tags": {"kubelease-lease": "l1"}, "identity": {"type": "SystemAssigned"},
        "sku": {"name": "Base", "tier": "Free"}, "properties": {"dnsPrefix": "c1", "kubernetesVersion": "1.35",
        "agentPoolProfiles": [pool("sys")],
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay", "loadBalancerSku": "standard"}}});
    for (key, value) in more.as_object().unwrap() {
        if key == "properties" {
            let properties = body["properties"].as_object_mut().unwrap();
            properties.extend(value.as_object().unwrap().clone());
        } else {
            body[key] = value.clone();
        }
    }
    body
}

fn pool(name: &str) -> Value {
    json!({"name": name, "mode": "System", "type": "VirtualMachineScaleSets", "osType": "Linux", "count": 1, "vmSize": "Standard_B2s",
        "osDiskType": "Managed", "osDiskSizeGB": 32, "tags": {"kubelease-lease": "l1"}})
}

/// How many a list has.
fn len(list: &Value) -> usize {
    list["value"].as_array().unwrap().len()
}

/// What a working cluster of one node consists of, sorted.
const WHOLE: [&str; 11] = [
    "boot_disk",
    "cluster",
    "identity",
    "ipv4",
    "load_balancer",
    "network",
    "node",
    "resource_group",
    "resource_group",
    "scale_set",
    "security_group",
];
