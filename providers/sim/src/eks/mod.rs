//! AWS: clusters of EKS with the services around them (CloudFormation, EC2, load balancers, IAM, STS, auto scaling, logs, tagging, free tier,
//! prices), all on one port and told apart by the credential scope of the signature.
//!
//! Written from the official service models and from public reports of the real service, never from our client. What it plays are the
//! tables in `routes.rs`; every other operation is answered 501.
//!
//! Leak physics: load balancers of Services, their security groups, volumes of claims and the last node's plugin interface outlive a
//! careless delete; while that interface is there, the cluster's own security group stays as well, and the network's stack ends in
//! `DELETE_FAILED`. Log groups come back while something writes to them. What is free is listed too.
//!
//! Assumptions are listed in the README. Must not share a type or a rule with `providers/eks`; the price table is common data.

mod access;
mod addons;
mod bill;
mod call;
mod catalog;
mod cfn;
mod cfn_life;
mod cfn_make;
mod cfn_template;
mod cfn_yaml;
mod clusters;
mod controllers;
mod ec2;
mod ec2_delete;
mod ec2_make;
mod ec2_offers;
mod elb;
mod foreign;
mod iam;
mod inventory;
mod life;
mod logs;
mod machines;
mod nodegroups;
mod other;
mod prices;
mod pricing;
mod quotas;
mod rate;
mod routes;
mod shapes;
mod sign;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod updates;
mod wire;

use kubelease_sim_kube::Effect;
use serde_json::Value;

use self::call::{Desk, usual};
use self::state::State;
use self::wire::{Protocol, Refused, refused};
use crate::account::Foreign;
use crate::cloud::{Cloud, Refusal, Resource};
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::provider::Provider;

const ME: Provider = Provider::Eks;

/// The account of one customer.
#[derive(Debug, Clone, Default)]
pub struct Eks {
    state: State,
}

impl Eks {
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

/// The words for a refusal that a fault asks for.
fn spoiled(protocol: Protocol, refusal: Refusal, action: &str) -> Refused {
    let ec2 = matches!(protocol, Protocol::Ec2(_));
    match refusal {
        Refusal::Status(status) => usual(protocol, status),
        Refusal::NotFound => usual(protocol, 404),
        Refusal::InUse if ec2 && action == "DeleteVolume" => {
            refused(400, "VolumeInUse", "Volume is currently attached")
        }
        Refusal::InUse if ec2 => refused(
            400,
            "DependencyViolation",
            "resource has a dependent object",
        ),
        Refusal::InUse if protocol == Protocol::Rest => usual(protocol, 409),
        Refusal::InUse => refused(400, "ResourceInUse", "The resource is in use"),
        Refusal::Stockout if action == "CreateCluster" => clusters::no_room(
            "cluster",
            "us-east-1a",
            &["us-east-1b".to_owned(), "us-east-1c".to_owned()],
        ),
        Refusal::Stockout => refused(
            400,
            "ResourceLimitExceededException",
            "InsufficientInstanceCapacity: We currently do not have sufficient capacity in the Availability Zone you requested.",
        ),
    }
}

impl Cloud for Eks {
    fn provider(&self) -> Provider {
        ME
    }

    fn handle(&mut self, core: &mut Core, request: &Request) -> Reply {
        routes::answer(&mut self.desk(core), request)
    }

    fn route(&self, request: &Request) -> Option<String> {
        routes::route(request)
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
        let asked = routes::asked(request);
        let protocol = asked
            .as_ref()
            .map_or(Protocol::Rest, |a| a.service.protocol);
        let action = asked.map(|a| a.action).unwrap_or_default();
        let id = core.ids.uuid();
        spoiled(protocol, refusal, &action).reply(protocol, &id)
    }

    fn cluster_user(&self, core: &Core, cluster: &str, token: &str) -> Option<String> {
        token::user(core, self.state.by_key(cluster)?, token)
    }

    fn is_list(&self, request: &Request) -> bool {
        routes::is_list(request)
    }

    fn partial(&self, reply: Reply) -> Reply {
        wire::without_last(reply)
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
