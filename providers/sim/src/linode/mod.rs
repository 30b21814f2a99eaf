//! Linode (Akamai): Kubernetes clusters (LKE) and what they leave behind.
//!
//! Written from the official OpenAPI description (API 4.208.1 with the marked fields of 4.229.1) and from public reports of the real
//! service, never from our client. What it plays is the list in `routes.rs`, under `/v4` and `/v4beta` alike; the enterprise tier needs
//! `/v4beta`. Times: a Linode exists 15 s after it was asked for, the Kubernetes API answers after 180 s, nodes are ready after 210 s and
//! 6 s more each, a `NodeBalancer` serves after 40 s, a deleted Linode is gone after 60 s, a volume is detached after 5 s.
//!
//! What lies: a cluster says `ready` in the very first answer. It works when its kubeconfig can be had and its nodes are ready.
//!
//! Leak physics: deleting a cluster answers 404 to the next read; its Linodes follow within a minute. Its volumes stay, without a tag and
//! without a word about the cluster; so do its `NodeBalancers` (the specification says they are deleted, linode-cloud-controller-manager
//! issue 140 and percona/pmm-qa issue 1296 found them a day later: the worse case is played), recognisable by their label `lke<id>-…`
//! only. An enterprise cluster also leaves its network and firewall.
//!
//! Assumptions where neither the specification nor a report says anything: two clusters may share a label, two volumes may not; the
//! last pool cannot be deleted; tags live as long as something carries them, or until deleted when made by `POST /tags`; a page after the
//! last is empty; an account may have 20 nodes, 20 volumes and 20 `NodeBalancers`; the promotional credit shrinks as use accrues, and
//! pays for months that ended before its own end.
//!
//! The judge is `linode-cli` itself: `cargo test -p kubelease-sim --test linode cli` (`NOT RUN` when there is none;
//! `KUBELEASE_REQUIRE_LINODE_CLI=1` insists).
//!
//! Must not share a type or a rule with `providers/linode`; the price table is common data.

mod account;
mod acl;
mod bill;
mod call;
mod catalog;
mod clusters;
mod controllers;
mod events;
mod filter;
mod firewalls;
mod foreign;
mod instances;
mod inventory;
mod invoices;
mod kubeconfig;
mod life;
mod machines;
mod nodebalancers;
mod offers;
mod paging;
mod pool_wish;
mod pools;
mod prices;
mod rate;
mod routes;
mod shapes;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod view;
mod volumes;
mod vpcs;

use kubelease_sim_kube::Effect;
use serde_json::Value;

use self::call::{Desk, refused, usual};
use self::state::State;
use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

const ME: Provider = Provider::Linode;

/// The account of one customer.
#[derive(Debug, Clone, Default)]
pub struct Linode {
    state: State,
}

impl Linode {
    /// An empty account.
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

impl Cloud for Linode {
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
        bill::bill(usages)
    }

    fn adopt(&mut self, core: &mut Core, foreign: &[Foreign]) -> Result<(), String> {
        foreign::adopt(&mut self.desk(core), foreign)
    }

    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        let refused = match refusal {
            Refusal::Status(status) => usual(status),
            Refusal::NotFound => usual(404),
            Refusal::InUse if request.path.contains("/volumes/") => volumes::attached(),
            Refusal::InUse if request.path.contains("/vpcs/") => vpcs::in_use(),
            Refusal::InUse => refused(400, None, "Linode busy."),
            Refusal::Stockout if request.path.contains("/pools") => {
                refused(400, Some("type"), pool_wish::NO_CAPACITY)
            }
            Refusal::Stockout => refused(400, Some("node_pools[0].type"), pool_wish::NO_CAPACITY),
        };
        rate::with_headers(&self.desk(core), request, refused.reply())
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
