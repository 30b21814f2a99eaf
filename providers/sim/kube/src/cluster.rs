//! The cluster as its host sees it: requests and time in, effects and watch events out, the cloud's answers back in.
//! The work is in `api` and `controllers`; this file only joins them and keeps time moving forward.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::api::{self, ApiRequest, Reply};
use crate::bootstrap;
use crate::controllers::{self, nodes, provision, services};
use crate::ids::Ids;
use crate::meta::K;
use crate::obj;
use crate::store::Store;
use crate::timers::{Timers, What};
use crate::types::{ClusterSpec, Effect, NodeSpec};
use crate::watch::{self, WatchBatch, WatchQuery};

/// The complete state of one cluster's API. Clone or serialise it to take a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cluster {
    pub(crate) spec: ClusterSpec,
    pub(crate) store: Store,
    pub(crate) ids: Ids,
    pub(crate) timers: Timers,
    pub(crate) effects: Vec<Effect>,
    /// What was asked of the cloud for each service, by uid.
    pub(crate) balancers: BTreeMap<String, services::Balancer>,
    /// Volumes being made, by PersistentVolume name.
    pub(crate) provisioning: BTreeMap<String, provision::Pending>,
    /// Volumes whose deletion was asked, by handle.
    pub(crate) deleting_volumes: BTreeSet<String>,
    /// Images each node has pulled, as `node image`.
    pub(crate) images: BTreeSet<String>,
    /// The time of the last call; never goes back.
    pub(crate) now: DateTime<Utc>,
    /// Resource version the controllers have seen.
    pub(crate) settled: u64,
}

impl Cluster {
    /// A new cluster with its system namespaces, classes and add-ons, and no nodes.
    #[must_use]
    pub fn new(spec: ClusterSpec) -> Self {
        let mut cluster = Self {
            store: Store::default(),
            ids: Ids::new(spec.seed),
            timers: Timers::default(),
            effects: Vec::new(),
            balancers: BTreeMap::new(),
            provisioning: BTreeMap::new(),
            deleting_volumes: BTreeSet::new(),
            images: BTreeSet::new(),
            now: spec.created_at,
            settled: 0,
            spec,
        };
        bootstrap::fill(&mut cluster);
        controllers::settle(&mut cluster);
        cluster
    }

    /// What the cluster was made from.
    #[must_use]
    pub fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// Sets the version of the control plane (an upgrade), e.g. `v1.34.0`.
    pub fn set_git_version(&mut self, version: &str) {
        version.clone_into(&mut self.spec.git_version);
    }

    /// Answers a request at `now`, after everything due by then has happened.
    pub fn handle(&mut self, req: &ApiRequest, now: DateTime<Utc>) -> Reply {
        self.advance(now);
        let reply = api::dispatch(self, req);
        controllers::settle(self);
        reply
    }

    /// Watch events after a resource version (`None` starts with what is there now).
    /// A version older than the log gives an `ERROR` event with code 410 and ends the watch.
    #[must_use]
    pub fn watch_since(&self, query: &WatchQuery, after: Option<u64>) -> WatchBatch {
        watch::poll(self, query, after)
    }

    /// The newest resource version: changes whenever anything does.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        self.store.rv()
    }

    /// When something happens next by itself.
    #[must_use]
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.timers.next()
    }

    /// Moves time forward: every transition due by `now` happens, in order, at its own time. Time never goes back.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        while let Some(timer) = self.timers.due(now) {
            self.now = self.now.max(timer.at);
            self.fire(&timer);
            controllers::settle(self);
        }
        self.now = self.now.max(now);
        controllers::settle(self);
    }

    fn fire(&mut self, t: &crate::timers::Timer) {
        use controllers::{jobs, pods};
        match t.what {
            What::PodStart => pods::start(self, &t.namespace, &t.name, &t.uid),
            What::PodRun | What::PodRestart => pods::run(self, &t.namespace, &t.name, &t.uid),
            What::PodExit => pods::exit(self, &t.namespace, &t.name, &t.uid),
            What::PodGone => pods::gone(self, &t.namespace, &t.name, &t.uid),
            What::JobDeadline => jobs::deadline(self, &t.namespace, &t.name, &t.uid),
            What::JobTtl => jobs::expire(self, &t.namespace, &t.name, &t.uid),
            What::VolumeRetry => provision::retry(self, &t.namespace, &t.name, &t.uid),
        }
    }

    /// What the cloud must do, in order; the list is empty afterwards.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The cloud's nodes now. New ones appear, missing ones go and their pods with them.
    pub fn set_nodes(&mut self, specs: &[NodeSpec], now: DateTime<Utc>) {
        self.advance(now);
        nodes::reconcile(self, specs);
        controllers::settle(self);
    }

    /// A load balancer works. Give its address, or its host name as AWS does.
    pub fn load_balancer_ready(
        &mut self,
        service_uid: &str,
        ip: Option<&str>,
        hostname: Option<&str>,
        now: DateTime<Utc>,
    ) {
        self.advance(now);
        services::ready(self, service_uid, ip, hostname);
        controllers::settle(self);
    }

    /// The cloud refused a load balancer; the service stays pending and says why in an event.
    pub fn load_balancer_failed(&mut self, service_uid: &str, message: &str, now: DateTime<Utc>) {
        self.advance(now);
        services::failed(self, service_uid, message);
        controllers::settle(self);
    }

    /// A load balancer is removed; the service may go.
    pub fn load_balancer_gone(&mut self, service_uid: &str, now: DateTime<Utc>) {
        self.advance(now);
        services::gone(self, service_uid);
        controllers::settle(self);
    }

    /// A volume exists under this handle (`spec.csi.volumeHandle`).
    pub fn volume_created(&mut self, pv_name: &str, volume_handle: &str, now: DateTime<Utc>) {
        self.advance(now);
        provision::created(self, pv_name, volume_handle);
        controllers::settle(self);
    }

    /// The cloud refused a volume (quota); it is asked for again, less and less often, while the claim exists.
    pub fn volume_failed(&mut self, pv_name: &str, message: &str, now: DateTime<Utc>) {
        self.advance(now);
        provision::failed(self, pv_name, message);
        controllers::settle(self);
    }

    /// A volume is gone; its PersistentVolume may go.
    pub fn volume_deleted(&mut self, volume_handle: &str, now: DateTime<Utc>) {
        self.advance(now);
        provision::deleted(self, volume_handle);
        controllers::settle(self);
    }

    /// Takes an object out at once, with its timers.
    pub(crate) fn remove(&mut self, k: K, ns: &str, name: &str) {
        if let Some(gone) = self.store.remove(k, ns, name) {
            self.timers.forget(obj::uid(&gone));
        }
    }
}
