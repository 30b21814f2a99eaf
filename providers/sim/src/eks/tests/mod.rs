//! The module through its only door, [`Cloud::handle`], in virtual time and without a server.

#![expect(clippy::unwrap_used, reason = "a missing value is a failed test")]

mod leaks;
mod life;
mod money;
mod refusals;
mod stacks;

use chrono::TimeDelta;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::ME;
use crate::account::Account;
use crate::message::{Reply, Request};
use crate::world::World;

/// A template with everything that a cluster's network and roles need.
const TEMPLATE: &str = include_str!("stack.yaml");

/// A world with one client.
struct Story {
    world: World,
    key: &'static str,
    never_ready: bool,
}

/// An answer in XML or JSON.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The text of every element of a name, in order.
    fn all(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.text.split(&open).skip(1);
        parts
            .map(|p| p.split(&close).next().unwrap().to_owned())
            .collect()
    }

    fn one(&self, name: &str) -> String {
        self.all(name).into_iter().next().unwrap_or_default()
    }
}

fn signed(key: &str, region: &str, service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260105/{region}/{service}/aws4_request, SignedHeaders=host;x-amz-date, Signature={}",
        "0".repeat(64)
    )
}

impl Story {
    fn new() -> Self {
        Self {
            world: World::new(crate::clock::ClockMode::Manual, None),
            key: "AKIDEXAMPLE",
            never_ready: false,
        }
    }

    fn send(
        &mut self,
        service: &str,
        method: &str,
        target: &str,
        body: String,
        headers: &[(&'static str, &str)],
    ) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut request = Request {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            body: body.into(),
            never_ready: self.never_ready,
            ..Request::default()
        };
        let own = [
            ("host", "127.0.0.1".to_owned()),
            ("x-amz-date", "20260105T080000Z".to_owned()),
            ("authorization", signed(self.key, "us-east-1", service)),
        ];
        for (name, value) in own
            .iter()
            .map(|(n, v)| (*n, v.as_str()))
            .chain(headers.iter().copied())
        {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers.insert(HeaderName::from_static(name), value);
        }
        let reply = self.carry_out(&request);
        Answer {
            status: reply.status,
            text: String::from_utf8_lossy(&reply.body).into_owned(),
        }
    }

    fn carry_out(&mut self, request: &Request) -> Reply {
        let (cloud, core) = self.world.cloud(ME);
        let reply = cloud.handle(core, request);
        self.world.settle();
        reply
    }

    /// An EKS request: status and body.
    fn eks(&mut self, method: &str, target: &str, body: &Value) -> (u16, Value) {
        let text = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = self.send("eks", method, target, text, &[]);
        (answer.status, answer.json())
    }

    fn get(&mut self, target: &str) -> Value {
        let (status, body) = self.eks("GET", target, &Value::Null);
        assert_eq!(status, 200, "{target}: {body}");
        body
    }

    fn must(&mut self, method: &str, target: &str, body: &Value) -> Value {
        let (status, answer) = self.eks(method, target, body);
        assert_eq!(status, 200, "{method} {target}: {answer}");
        answer
    }

    /// A form request of a service: `Action=…&…`, with values percent-encoded here.
    fn form(&mut self, service: &str, version: &str, pairs: &[(&str, &str)]) -> Answer {
        let encode = |text: &str| {
            text.bytes()
                .map(|b| {
                    if b.is_ascii_alphanumeric() {
                        char::from(b).to_string()
                    } else {
                        format!("%{b:02X}")
                    }
                })
                .collect::<String>()
        };
        let mut body = format!("Version={version}");
        for (name, value) in pairs {
            body = format!("{body}&{name}={}", encode(value));
        }
        self.send(service, "POST", "/", body, &[])
    }

    fn ec2(&mut self, pairs: &[(&str, &str)]) -> Answer {
        self.form("ec2", "2016-11-15", pairs)
    }

    fn cfn(&mut self, pairs: &[(&str, &str)]) -> Answer {
        self.form("cloudformation", "2010-05-15", pairs)
    }

    fn elb(&mut self, pairs: &[(&str, &str)]) -> Answer {
        self.form("elasticloadbalancing", "2012-06-01", pairs)
    }

    fn iam(&mut self, pairs: &[(&str, &str)]) -> Answer {
        self.form("iam", "2010-05-08", pairs)
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

    fn create_stack(&mut self, template: &str, more: &[(&str, &str)]) -> Answer {
        let mut pairs = vec![
            ("Action", "CreateStack"),
            ("StackName", "net"),
            ("TemplateBody", template),
            ("Capabilities.member.1", "CAPABILITY_IAM"),
            ("Tags.member.1.Key", "kubelease-lease"),
            ("Tags.member.1.Value", "l1"),
        ];
        pairs.extend_from_slice(more);
        self.cfn(&pairs)
    }

    fn stack_status(&mut self) -> String {
        self.cfn(&[("Action", "DescribeStacks"), ("StackName", "net")])
            .one("StackStatus")
    }

    /// The outputs of the stack.
    fn network(&mut self) -> Network {
        let made = self.create_stack(TEMPLATE, &[]);
        assert_eq!(made.status, 200, "{}", made.text);
        self.pass(120);
        assert_eq!(self.stack_status(), "CREATE_COMPLETE");
        let seen = self.cfn(&[("Action", "DescribeStacks"), ("StackName", "net")]);
        let out = |name: &str| {
            let at = seen
                .all("OutputKey")
                .iter()
                .position(|k| k == name)
                .unwrap();
            seen.all("OutputValue")[at].clone()
        };
        Network {
            vpc: out("Vpc"),
            subnets: out("Subnets").split(',').map(str::to_owned).collect(),
            cluster_role: out("ClusterRole"),
            node_role: out("NodeRole"),
            csi_role: out("CsiRole"),
            template: out("Template"),
        }
    }

    /// An active cluster of lease `l1` in a network of its own.
    fn cluster(&mut self) -> Network {
        let net = self.network();
        self.must("POST", "/clusters", &net.cluster_body());
        self.pass(600);
        assert_eq!(self.get("/clusters/c1")["cluster"]["status"], "ACTIVE");
        net
    }

    /// The same with two working nodes.
    fn with_nodes(&mut self) -> Network {
        let net = self.cluster();
        self.must("POST", "/clusters/c1/node-groups", &net.group_body());
        self.pass(200);
        assert_eq!(
            self.get("/clusters/c1/node-groups/g1")["nodegroup"]["status"],
            "ACTIVE"
        );
        net
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

    /// Under which id the first cluster's Kubernetes API is known.
    fn cluster_key(&mut self) -> String {
        let (cloud, _) = self.world.cloud(ME);
        cloud.save()["clusters"][0]["key"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// What one kind was billed so far, in dollars.
    fn billed(&self, kind: &str) -> String {
        let lines = self.world.bill(ME).into_iter().filter(|l| l.kind == kind);
        let sum: crate::money::Nanos = lines.map(|l| l.amount).sum();
        sum.to_string()
    }
}

/// What a stack made.
struct Network {
    vpc: String,
    subnets: Vec<String>,
    cluster_role: String,
    node_role: String,
    csi_role: String,
    template: String,
}

impl Network {
    fn cluster_body(&self) -> Value {
        json!({"name": "c1", "version": "1.35", "roleArn": self.cluster_role, "resourcesVpcConfig": {"subnetIds": self.subnets}, "accessConfig": {"authenticationMode": "API"},
            "upgradePolicy": {"supportType": "STANDARD"}, "tags": {"kubelease-lease": "l1"}, "clientRequestToken": "t1"})
    }

    fn group_body(&self) -> Value {
        json!({"nodegroupName": "g1", "subnets": self.subnets, "nodeRole": self.node_role, "instanceTypes": ["t3.medium"], "scalingConfig": {"minSize": 0, "maxSize": 3, "desiredSize": 2},
            "launchTemplate": {"id": self.template, "version": "1"}, "clientRequestToken": "t2"})
    }
}
