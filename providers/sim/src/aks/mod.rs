//! Azure: the resource manager, and below it Kubernetes clusters (AKS) with what they make of machines, disks and addresses.
//!
//! Written from the trimmed official description (container service 2025-10-01, resources 2025-04-01), recorded traffic and the
//! vendor's documentation, never from our client. What it plays is the list in `routes.rs`; times are in `life.rs`, prices' gaps in
//! `bill.rs`, limits in `catalog.rs`.
//!
//! Leak physics: a cluster's machines, disks of its claims, addresses, load balancer, network and identity are in a group of their own
//! (`MC_…`), which goes with the cluster or with the cluster's group. What outlives both: disks of claims whose storage class names
//! another group, the cluster's own group when only the cluster is deleted, and the vendor's free `NetworkWatcherRG`. A lock in `MC_…`
//! lets a delete begin and fail; a stopped cluster keeps everything but machines billed.
//!
//! Must not share a type or a rule with `providers/aks`; the price table is common data.

mod admit;
mod balance;
mod bill;
mod call;
mod catalog;
mod cluster_put;
mod cluster_view;
mod clusters;
mod controllers;
mod cost;
mod credentials;
mod filter;
mod foreign;
mod groups;
mod infra;
mod inventory;
mod kinds;
mod life;
mod locks;
mod login;
mod nodes;
mod offers;
mod operations;
mod paging;
mod pool_wish;
mod pools;
mod power;
mod prices;
mod rate;
mod resources;
mod retail;
mod routes;
mod shapes;
mod state;
mod subscriptions;
#[cfg(test)]
mod tests;
mod thing_view;
mod things;
mod usages;

use kubelease_sim_kube::Effect;
use serde_json::Value;

use self::call::{Desk, Refused, refused, usual};
use self::kinds::Kind;
use self::state::State;
use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

const ME: Provider = Provider::Aks;

/// The subscription of one customer.
#[derive(Debug, Clone, Default)]
pub struct Aks {
    state: State,
}

impl Aks {
    /// An empty subscription.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn desk<'a>(&'a mut self, core: &'a mut Core) -> Desk<'a> {
        Desk {
            state: &mut self.state,
            core,
        }
    }
}

/// The words of a delete that something else stands in the way of.
fn in_use(path: &str) -> Refused {
    let lower = path.to_ascii_lowercase();
    let kind = Kind::ALL
        .into_iter()
        .find(|k| lower.contains(&k.type_name().to_ascii_lowercase()));
    match kind {
        Some(kind) => things::used_network(kind, path, "another resource"),
        None if lower.contains("/managedclusters/") => usual(409),
        None => refused(
            409,
            "ResourceGroupDeletionBlocked",
            "Deletion of resource group was blocked because a resource in it is still in use.",
        ),
    }
}

/// The words of a request for machines of a size that cannot be had, by the size and place it names.
fn stockout(request: &Request) -> Refused {
    let body: Value = request.json().unwrap_or_default();
    let properties = &body["properties"];
    let named = properties["agentPoolProfiles"][0]["vmSize"].as_str();
    let size = named
        .or(properties["vmSize"].as_str())
        .unwrap_or(catalog::UNASKED_SIZE);
    pool_wish::not_allowed(size, body["location"].as_str().unwrap_or("westeurope"))
}

impl Cloud for Aks {
    fn provider(&self) -> Provider {
        ME
    }

    fn handle(&mut self, core: &mut Core, request: &Request) -> Reply {
        routes::answer(&mut self.desk(core), request)
    }

    fn due(&mut self, core: &mut Core, event: Value) {
        // An event that cannot be read comes from a snapshot of another version; the thing it was about then simply stays.
        if let Ok(event) = serde_json::from_value(event) {
            life::due(&mut self.desk(core), event);
        }
    }

    fn effect(&mut self, core: &mut Core, cluster: &str, effect: Effect) {
        controllers::act(&mut self.desk(core), cluster, effect);
    }

    fn resources(&self, core: &Core) -> Vec<Resource> {
        inventory::all(&self.state, core)
    }

    fn bill(&self, usages: &[Usage]) -> Vec<Line> {
        let mut lines = bill::bill(usages);
        for line in &mut lines {
            line.item = self.state.full(&line.item);
        }
        lines
    }

    fn adopt(&mut self, core: &mut Core, foreign: &[Foreign]) -> Result<(), String> {
        foreign::adopt(&mut self.desk(core), foreign)
    }

    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        let refused = match refusal {
            Refusal::Status(status) => usual(status),
            Refusal::NotFound => usual(404),
            Refusal::InUse => in_use(&request.path),
            Refusal::Stockout => stockout(request),
        };
        rate::with_headers(&mut self.desk(core), &request.method, refused.reply())
    }

    fn cluster_user(&self, core: &Core, cluster: &str, token: &str) -> Option<String> {
        credentials::user_of(&self.state, core, cluster, token)
    }

    fn is_list(&self, request: &Request) -> bool {
        routes::is_list(request)
    }

    fn partial(&self, reply: Reply) -> Reply {
        let Some(mut body) = reply.value() else {
            return reply;
        };
        paging::without_last(&mut body);
        Reply {
            headers: reply.headers,
            ..Reply::json(reply.status, &body)
        }
    }

    fn save(&self) -> Value {
        // Plain data with text keys always serialises.
        serde_json::to_value(&self.state).unwrap_or_default()
    }

    fn load(&mut self, state: Value) -> Result<(), String> {
        self.state = serde_json::from_value(state).map_err(|e| e.to_string())?;
        Ok(())
    }

    fn copy(&self) -> Box<dyn Cloud> {
        Box::new(self.clone())
    }
}
