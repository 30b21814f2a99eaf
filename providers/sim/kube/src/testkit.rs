//! What the unit tests share: a cluster with a hand on its clock, and short ways to send requests.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::api::{ApiRequest, Reply};
use crate::cluster::Cluster;
use crate::obj;
use crate::types::{
    BindingMode, ClusterSpec, Effect, Flavour, NodeSpec, ReclaimPolicy, StorageClassSpec,
};
use crate::watch::WatchQuery;

pub(crate) const RETAIN: &str = "keep";
pub(crate) const WAIT: &str = "lazy";

/// A cluster and its time.
#[derive(Clone, Debug)]
pub(crate) struct Kit {
    pub(crate) cluster: Cluster,
    pub(crate) now: DateTime<Utc>,
    volumes: u32,
}

fn class(
    name: &str,
    reclaim: ReclaimPolicy,
    binding: BindingMode,
    default: bool,
) -> StorageClassSpec {
    StorageClassSpec {
        name: name.into(),
        provisioner: "csi.example".into(),
        reclaim,
        binding,
        default,
        parameters: [].into(),
    }
}

impl Kit {
    pub(crate) fn with_nodes(n: usize) -> Self {
        let now = DateTime::from_timestamp(1_750_000_000, 0).expect("a fixed time in range");
        let flavour = Flavour {
            storage_classes: vec![
                class("fast", ReclaimPolicy::Delete, BindingMode::Immediate, true),
                class(RETAIN, ReclaimPolicy::Retain, BindingMode::Immediate, false),
                class(
                    WAIT,
                    ReclaimPolicy::Delete,
                    BindingMode::WaitForFirstConsumer,
                    false,
                ),
            ],
            csi_driver: "csi.example".into(),
            ..Flavour::default()
        };
        let spec = ClusterSpec {
            name: "test".into(),
            seed: 42,
            git_version: "v1.33.1".into(),
            flavour,
            created_at: now,
            ca_pem: "CA".into(),
        };
        let mut kit = Self {
            cluster: Cluster::new(spec),
            now,
            volumes: 0,
        };
        kit.nodes(n);
        kit
    }

    pub(crate) fn node(i: usize) -> NodeSpec {
        NodeSpec {
            name: format!("node-{i}"),
            ready: true,
            cpu_millis: 2000,
            memory_mib: 4096,
            pods: 110,
            labels: [].into(),
            provider_id: String::new(),
            internal_ip: format!("10.0.0.{i}"),
            external_ip: None,
            created_at: DateTime::from_timestamp(1_750_000_000, 0).expect("a fixed time in range"),
            git_version: "v1.33.1".into(),
        }
    }

    pub(crate) fn nodes(&mut self, n: usize) {
        let specs: Vec<NodeSpec> = (1..=n).map(Self::node).collect();
        self.cluster.set_nodes(&specs, self.now);
    }

    pub(crate) fn with(&mut self, f: impl FnOnce(&mut Cluster, DateTime<Utc>)) {
        f(&mut self.cluster, self.now);
    }

    pub(crate) fn advance(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.cluster.advance(self.now);
    }

    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.cluster.next_due()
    }

    pub(crate) fn effects(&mut self) -> Vec<Effect> {
        self.cluster.take_effects()
    }

    /// Answers all volume requests; returns how many. Other effects are dropped.
    pub(crate) fn grant_volumes(&mut self) -> usize {
        let mut made = 0;
        for effect in self.effects() {
            if let Effect::CreateVolume { pv_name, .. } = effect {
                made += 1;
                self.volumes += 1;
                let handle = format!("vol-{}", self.volumes);
                self.cluster.volume_created(&pv_name, &handle, self.now);
            }
        }
        made
    }

    fn request(method: &str, path: &str, body: &Value) -> ApiRequest {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let content_type = if method == "PATCH" {
            "application/strategic-merge-patch+json"
        } else {
            "application/json"
        };
        ApiRequest {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            content_type: content_type.into(),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
            ..ApiRequest::default()
        }
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.send_as(method, path, body, "")
    }

    /// As `send`, with a content type of its own.
    pub(crate) fn send_as(
        &mut self,
        method: &str,
        path: &str,
        body: &Value,
        content_type: &str,
    ) -> (u16, Value) {
        let mut req = Self::request(method, path, body);
        if !content_type.is_empty() {
            req.content_type = content_type.into();
        }
        match self.cluster.handle(&req, self.now) {
            Reply::Done(r) => (
                r.status,
                serde_json::from_slice(&r.body)
                    .unwrap_or_else(|_| json!(String::from_utf8_lossy(&r.body))),
            ),
            Reply::Watch(_) => panic!("{path} is a watch"),
        }
    }

    pub(crate) fn table(&mut self, path: &str) -> Value {
        let mut req = Self::request("GET", path, &Value::Null);
        req.accept = "application/json;as=Table;v=v1;g=meta.k8s.io".into();
        match self.cluster.handle(&req, self.now) {
            Reply::Done(r) => serde_json::from_slice(&r.body).expect("a table"),
            Reply::Watch(_) => panic!("{path} is a watch"),
        }
    }

    pub(crate) fn watch(&mut self, path: &str) -> WatchQuery {
        match self
            .cluster
            .handle(&Self::request("GET", path, &Value::Null), self.now)
        {
            Reply::Watch(q) => q,
            Reply::Done(r) => panic!("{path}: {}", String::from_utf8_lossy(&r.body)),
        }
    }

    fn expect(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (code, reply) = self.send(method, path, body);
        assert!(code < 300, "{method} {path}: {code} {reply}");
        reply
    }

    pub(crate) fn get(&mut self, path: &str) -> Value {
        self.expect("GET", path, &Value::Null)
    }

    pub(crate) fn create(&mut self, path: &str, body: &Value) -> Value {
        self.expect("POST", path, body)
    }

    pub(crate) fn patch(&mut self, path: &str, body: &Value) -> Value {
        self.expect("PATCH", path, body)
    }

    pub(crate) fn delete(&mut self, path: &str) -> Value {
        self.expect("DELETE", path, &Value::Null)
    }

    pub(crate) fn names(&mut self, path: &str) -> Vec<String> {
        obj::list(&self.get(path), "/items")
            .iter()
            .map(|o| obj::name(o).to_owned())
            .collect()
    }

    pub(crate) fn first_pod(&mut self, ns: &str) -> String {
        self.names(&format!("/api/v1/namespaces/{ns}/pods"))
            .remove(0)
    }

    pub(crate) fn pod(name: &str) -> Value {
        json!({"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}})
    }

    pub(crate) fn pod_with_claim(name: &str, claim: &str) -> Value {
        let mut pod = Self::pod(name);
        pod["spec"]["volumes"] =
            json!([{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]);
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "data", "mountPath": "/data"}]);
        pod
    }

    pub(crate) fn claim(name: &str, size: &str, class: Option<&str>) -> Value {
        let mut claim = json!({"metadata": {"name": name}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}});
        if let Some(class) = class {
            claim["spec"]["storageClassName"] = json!(class);
        }
        claim
    }

    pub(crate) fn deployment(name: &str, replicas: u32) -> Value {
        json!({"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}}})
    }
}
