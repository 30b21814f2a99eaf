//! Google Kubernetes Engine: clusters, the compute resources behind and beside them, and what they leave behind.
//!
//! Written from Google's discovery documents (container v1 of 2026-10-27, compute v1 of 2026-11-06), recorded gcloud requests and public
//! reports, never from our client. One port plays container, compute, service usage, resource manager, billing info and the token
//! endpoints; `routes.rs` and `compute.rs` say what there is, anything else is a loud 501.
//!
//! Times: a zonal control plane answers after 180 s and the create operation is done after 300 s (regional and Autopilot 480 s),
//! machines exist 60 s after they were asked for, a cluster is gone 240 s after its deletion was accepted.
//!
//! What lies: nothing says in advance that a zone is out of machines; the create operation fails minutes later and the cluster stays, in
//! `ERROR`, with its fee running, until somebody deletes it.
//!
//! Leak physics: deleting a cluster takes its machines, boot disks, groups, and own firewalls and routes. Disks of claims stay, and so do
//! forwarding rules, target pools, health checks and firewalls of Services (the documentation calls their removal attempted, not
//! guaranteed: the worse case is played). A forwarding rule does not name its cluster; the target tags of its firewall do.
//!
//! Must not share a type or a rule with `providers/gke`; the price table is common data.

mod auth;
mod balancers;
mod batch;
mod bill;
mod call;
mod catalog;
mod cluster_wish;
mod clusters;
mod compute;
mod compute_view;
mod controllers;
mod disks;
mod enums;
mod filter;
mod foreign;
mod furniture;
mod inventory;
mod jobs;
mod kinds;
mod life;
mod lists;
mod machines;
mod operations;
mod pool_wish;
mod pools;
mod prices;
mod project;
mod quotas;
mod routes;
mod shapes;
mod skus;
mod state;
#[cfg(test)]
mod tests;
mod things;
mod tokens;
mod updates;
mod view;

use kubelease_sim_kube::Effect;
use serde_json::Value;

use self::call::{Api, Desk, api_of, compute, precondition, usual};
use self::state::State;
use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

const ME: Provider = Provider::Gke;

/// The project of one customer.
#[derive(Debug, Clone, Default)]
pub struct Gke {
    state: State,
}

impl Gke {
    /// An empty project.
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

impl Cloud for Gke {
    fn provider(&self) -> Provider {
        ME
    }

    fn handle(&mut self, core: &mut Core, request: &Request) -> Reply {
        routes::answer(&mut self.desk(core), request, false)
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
        bill::bill(usages)
    }

    fn adopt(&mut self, core: &mut Core, foreign: &[Foreign]) -> Result<(), String> {
        foreign::adopt(&mut self.desk(core), foreign)
    }

    /// A stockout is never a refusal here: the request is taken, and its operation fails later.
    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        let api = api_of(&request.path);
        let refused = match refusal {
            Refusal::Status(status) => usual(status, api),
            Refusal::NotFound => usual(404, api),
            Refusal::InUse if api == Api::Compute => {
                let path = request
                    .segments()
                    .into_iter()
                    .skip(2)
                    .collect::<Vec<_>>()
                    .join("/");
                compute(
                    400,
                    "resourceInUseByAnotherResource",
                    format!("The resource '{path}' is already being used by another resource"),
                )
            }
            Refusal::InUse => precondition(
                "Cluster is currently being created, deleted, updated or repaired and cannot be updated.",
            ),
            Refusal::Stockout => return routes::answer(&mut self.desk(core), request, true),
        };
        refused.reply()
    }

    fn cluster_user(&self, core: &Core, _cluster: &str, token: &str) -> Option<String> {
        tokens::cluster_user(&self.state, core, token)
    }

    fn is_list(&self, request: &Request) -> bool {
        routes::is_list(request)
    }

    fn partial(&self, reply: Reply) -> Reply {
        let Some(mut body) = reply.value() else {
            return reply;
        };
        lists::make_partial(&mut body);
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
