//! DigitalOcean: Kubernetes clusters (DOKS) and what they leave behind.
//!
//! Written from the official OpenAPI description (digitalocean/openapi, 2026-08-07) and from public reports of the real service, never
//! from our client. What it plays is the list in `routes.rs`. Times: a cluster runs after 240 s, its nodes after 300 s and 7 s more each,
//! a deleted cluster is gone after 60 s and its droplets 120 s later, a load balancer gets its address after 60 s.
//!
//! Leak physics: a plain delete leaves the load balancers, volumes and snapshots that the cluster's controllers made; they are found by
//! the tag `k8s:<cluster id>`. `destroy_with_associated_resources/dangerous` takes what is associated at that moment, nothing later.
//!
//! Assumptions where neither the specification nor a report says anything: names of clusters and pools are lower-case DNS labels;
//! two clusters may share a name, two pools of a cluster may not; the last pool cannot be deleted; deleting a cluster again while it is
//! being deleted answers 204; a locked account can look and delete only.
//!
//! Must not share a type or a rule with `providers/digitalocean`; the price table is common data.

mod account;
mod associated;
mod bill;
mod call;
mod catalog;
mod clusters;
mod controllers;
mod credentials;
mod droplets;
mod firewalls;
mod foreign;
mod inventory;
mod invoices;
mod life;
mod load_balancers;
mod networks;
mod offers;
mod paging;
mod pool_wish;
mod pools;
mod prices;
mod projects;
mod rate;
mod reserved_ips;
mod routes;
mod shapes;
mod snapshots;
mod state;
mod tags;
#[cfg(test)]
mod tests;
mod view;
mod volume_actions;
mod volumes;

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

const ME: Provider = Provider::Digitalocean;

/// The account of one customer.
#[derive(Debug, Clone)]
pub struct DigitalOcean {
    state: State,
}

impl DigitalOcean {
    /// An empty account, with the vendor's default network in each region.
    #[must_use]
    pub fn new(core: &Core) -> Self {
        // Identities of the account do not come from the world's counter: they exist before anything is made.
        let mut ids = crate::ids::Ids::salted(4);
        let mut state = State {
            account_uuid: ids.uuid(),
            team_uuid: ids.uuid(),
            project_id: ids.uuid(),
            ..State::default()
        };
        state.vpcs = networks::furniture(&mut ids, core.started_at());
        Self { state }
    }
}

impl Cloud for DigitalOcean {
    fn provider(&self) -> Provider {
        ME
    }

    fn handle(&mut self, core: &mut Core, request: &Request) -> Reply {
        routes::answer(
            &mut Desk {
                state: &mut self.state,
                core,
            },
            request,
        )
    }

    fn due(&mut self, core: &mut Core, event: Value) {
        // An event that cannot be read comes from a snapshot of another version; the thing it was about then simply stays.
        if let Ok(event) = serde_json::from_value(event) {
            life::due(
                &mut Desk {
                    state: &mut self.state,
                    core,
                },
                event,
            );
        }
    }

    fn effect(&mut self, core: &mut Core, cluster: &str, effect: Effect) {
        controllers::act(
            &mut Desk {
                state: &mut self.state,
                core,
            },
            cluster,
            effect,
        );
    }

    fn resources(&self, core: &Core) -> Vec<Resource> {
        inventory::all(&self.state, core)
    }

    fn bill(&self, usages: &[Usage]) -> Vec<Line> {
        bill::bill(usages)
    }

    fn adopt(&mut self, core: &mut Core, foreign: &[Foreign]) -> Result<(), String> {
        foreign::adopt(
            &mut Desk {
                state: &mut self.state,
                core,
            },
            foreign,
        )
    }

    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply {
        let desk = &mut Desk {
            state: &mut self.state,
            core,
        };
        let refused = match refusal {
            Refusal::Status(status) => usual(status),
            Refusal::NotFound => usual(404),
            Refusal::InUse if request.path.starts_with("/v2/volumes/") => {
                refused(409, "attached volume cannot be deleted")
            }
            Refusal::InUse if request.path.starts_with("/v2/vpcs/") => {
                refused(409, "Can not delete VPC with members")
            }
            Refusal::InUse => refused(
                409,
                "The resource is in use and cannot be changed right now.",
            ),
            Refusal::Stockout => refused(
                422,
                "validation error: the requested size is currently not available in this region",
            ),
        };
        let reply = desk.refuse(&refused);
        rate::with_headers(desk, reply)
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
