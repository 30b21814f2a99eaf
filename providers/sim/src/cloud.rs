//! The contract between the kernel and a cloud module.
//! A module is a state machine: pure, synchronous, called under the world's lock. It must not wait, read a clock or touch a socket;
//! time comes from [`Core::now`], later things are scheduled with [`Core::schedule`].

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use kubelease_sim_kube::Effect;
use serde::Serialize;
use serde_json::Value;

use crate::account::Foreign;
use crate::core::Core;
use crate::message::{Reply, Request};
use crate::meter::{Line, Usage};
use crate::money::Nanos;
use crate::provider::Provider;

/// Something that exists in an account, as `GET /world` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct Resource {
    /// Whose account.
    pub provider: Provider,
    /// `cluster`, `droplet`, `load_balancer`, `volume`, `snapshot`, `firewall`, `vpc`, `tag`, `reserved_ip`…
    pub kind: &'static str,
    /// Id as the vendor's API knows it.
    pub id: String,
    /// Name, or the id again for what has none.
    pub name: String,
    /// Region slug, empty for what has none.
    pub region: String,
    /// Lease id, or none.
    pub owner: Option<String>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// What it costs an hour right now: 0 for what is not (or not yet, or no longer) billed.
    pub hourly: Nanos,
}

/// Why a fault makes a cloud refuse; each cloud says it in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// This status, with the error body the vendor sends with it.
    Status(u16),
    /// The thing is still used by another.
    InUse,
    /// No capacity for this size at the moment.
    Stockout,
    /// There is no such thing.
    NotFound,
}

/// A cloud module. The state of the account lives in the implementing type.
pub trait Cloud: Debug + Send {
    /// Which cloud it is.
    fn provider(&self) -> Provider;

    /// Answers a request, applying its effect. Unknown routes answer [`Reply::not_simulated`].
    fn handle(&mut self, core: &mut Core, request: &Request) -> Reply;

    /// The path under which faults and the log know a request whose own path says nothing: clouds that send every operation to `/`.
    fn route(&self, _: &Request) -> Option<String> {
        None
    }

    /// Something scheduled with [`Core::schedule`] is due. What it was about may be gone by now.
    fn due(&mut self, core: &mut Core, event: Value);

    /// A cluster of this cloud asks for a load balancer, a volume… Answer through [`Core::kube`].
    fn effect(&mut self, core: &mut Core, cluster: &str, effect: Effect);

    /// All that exists in the account, except the vendor's own free furniture.
    fn resources(&self, core: &Core) -> Vec<Resource>;

    /// The vendor's published billing rules: one line for each billed usage. All usages of the account are given at once, so that
    /// free amounts per month and account can be applied.
    fn bill(&self, usages: &[Usage]) -> Vec<Line>;

    /// Makes the resources that are not ours be exactly these.
    ///
    /// # Errors
    /// When one cannot be made, in words for the control API.
    fn adopt(&mut self, core: &mut Core, foreign: &[Foreign]) -> Result<(), String>;

    /// Refuses a request for a fault, without any effect.
    fn refuse(&mut self, core: &mut Core, refusal: Refusal, request: &Request) -> Reply;

    /// Who the bearer of this token is to a cluster of this cloud: clouds whose clusters take the account's own credentials, or
    /// something signed with them, instead of tokens that were granted with [`crate::kube::Clusters::grant`].
    fn cluster_user(&self, _: &Core, _cluster: &str, _token: &str) -> Option<String> {
        None
    }

    /// Whether the request reads a list (faults `stale`, `partial`, `ghost`).
    fn is_list(&self, request: &Request) -> bool;

    /// Makes a list incomplete the way this vendor's lists can be.
    fn partial(&self, reply: Reply) -> Reply;

    /// The whole state, for snapshots.
    fn save(&self) -> Value;

    /// Goes back to a saved state.
    ///
    /// # Errors
    /// When it is no state of this cloud.
    fn load(&mut self, state: Value) -> Result<(), String>;

    /// A copy, for lists that lag behind.
    fn copy(&self) -> Box<dyn Cloud>;
}
