//! Vultr: Kubernetes clusters (VKE) and what they leave behind.
//!
//! Written from the official OpenAPI description of API v2 and from public reports of the real service, never from our client. What it
//! plays is the table in `routes.rs`. Times: a cluster is active after 180 s, its nodes after 240 s and 7 s more each; a deleted cluster
//! leaves the list after 60 s and its instances are gone 60 s later; a load balancer gets its address after 60 s; a block storage
//! volume is active, attached or detached after 5 s.
//!
//! Leak physics: a plain delete leaves load balancers and block storage; neither has a tag or a cluster id, so their ids must be read from
//! `/resources` before the delete. `delete-with-linked-resources` takes those, but never the network or the firewall group that
//! came with the cluster. A worker deleted as an instance is rebuilt. Deleting a deleted cluster answers 500, not 404.
//!
//! Assumptions where neither the specification nor a report says anything:
//! - labels, tags and descriptions hold at most 255 characters, and two clusters may share a label;
//! - a cluster made without `vpc_id` gets a network of its own, described `VKE Network <cluster id>`; the firewall group is
//!   described `VKE Firewall <cluster id>`; both refuse to be deleted (400) while instances use them;
//! - a deleted cluster keeps its word `active` until it is gone; its kubeconfig before it is active is a 400;
//! - a pool cannot be read or changed alone in its first 5 s ("Invalid NodePool ID", terraform-provider-vultr 597);
//! - the last pool stays; quotas answer 400; a highly available control plane has no public price and costs nothing here;
//! - the region `tlv` has no Kubernetes and a few others no HDD storage: a client has to read `options`.
//!
//! The specification contradicts itself on load balancers: its schema says `forward_rules`, its examples `forwarding_rules`, as every
//! client reads; the examples are played.
//!
//! Must not share a type or a rule with `providers/vultr`; the price table is common data.

mod account;
mod bill;
mod billing;
mod block_actions;
mod blocks;
mod call;
mod catalog;
mod clusters;
mod controllers;
mod credentials;
mod firewalls;
mod foreign;
mod instances;
mod inventory;
mod life;
mod linked;
mod load_balancers;
mod networks;
mod nodes;
mod offers;
mod owners;
mod paging;
mod pool_wish;
mod pools;
mod prices;
mod rate;
mod reserved_ips;
mod routes;
mod shapes;
mod snapshots;
mod state;
#[cfg(test)]
mod tests;
mod view;

use kubelease_sim_kube::Effect;
use serde_json::Value;

use self::call::{Desk, invalid, usual};
use self::state::State;
use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

const ME: Provider = Provider::Vultr;

/// The account of one customer.
#[derive(Debug, Clone, Default)]
pub struct Vultr {
    state: State,
}

impl Vultr {
    /// An empty account: this vendor puts nothing in it.
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

impl Cloud for Vultr {
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

    fn refuse(&mut self, _: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        let refused = match refusal {
            Refusal::Status(status) => usual(status),
            Refusal::NotFound => usual(404),
            Refusal::InUse if request.path.starts_with("/v2/blocks/") => {
                invalid(blocks::STILL_ATTACHED)
            }
            Refusal::InUse if request.path.starts_with("/v2/vpcs/") => invalid(networks::IN_USE),
            Refusal::InUse => invalid("The resource is in use."),
            Refusal::Stockout => invalid(pool_wish::SOLD_OUT),
        };
        refused.reply()
    }

    fn is_list(&self, request: &Request) -> bool {
        routes::is_list(request)
    }

    fn partial(&self, reply: Reply) -> Reply {
        let Some(mut body) = reply.value() else {
            return reply;
        };
        paging::without_last(&mut body);
        let cut = Reply::json(reply.status, &body);
        Reply {
            headers: reply.headers,
            ..cut
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
