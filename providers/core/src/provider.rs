//! The [`Provider`] trait and what goes in and out of it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::billing::Billed;
use crate::capability::Capability;
use crate::catalog::Catalog;
use crate::error::Error;
use crate::ids::{LeaseId, OwnerTag, ProviderId, Ref};
use crate::money::Money;
use crate::refresh::Refreshed;
use crate::secret::Secret;

/// A cloud. Builds requests and reads answers; it never sleeps, prints, reads the environment, a
/// file or a clock, and decides nothing about retries or order: the engine does.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Which cloud.
    fn id(&self) -> ProviderId;

    /// Facts about it.
    fn capability(&self) -> &'static Capability;

    /// What can be had, as this account sees it.
    async fn catalog(&self) -> Result<Catalog, Error>;

    /// Who we are there, what the account may do and what is left of its credit.
    async fn account(&self) -> Result<Account, Error>;

    /// What the vendor's price API asks now for the things of this cloud's price book. What that API does
    /// not list is left out, and its old price stays. A part that cannot be read is in `failed`.
    async fn fresh_prices(&self) -> Result<Refreshed, Error>;

    /// The steps that make this order, with all names fixed. Pure: the same order gives the same steps.
    fn plan(&self, order: &Order) -> Result<Vec<Step>, Error>;

    /// What this step made, if an earlier try already made it. Found by owner tag, so that nothing of
    /// somebody else is ever adopted.
    async fn find(&self, at: &StepAt<'_>) -> Result<Option<Ref>, Error>;

    /// Starts the step; at most one creating request. The engine has journalled the intent, and calls
    /// `find` before it calls this again.
    async fn create(&self, at: &StepAt<'_>) -> Result<Ref, Error>;

    /// How far it is; asked again until it is no longer pending.
    async fn poll(&self, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error>;

    /// The cluster as the cloud sees it now.
    async fn inspect(&self, lease: &LeaseView) -> Result<ClusterState, Error>;

    /// How to reach its Kubernetes API, with a credential made or fetched now.
    async fn access(&self, lease: &LeaseView) -> Result<Access, Error>;

    /// How a PersistentVolume's driver and handle name one of this cloud's volumes. Only for clouds whose
    /// own API does not tie a volume to the cluster whose claim made it: the engine then reads the claims
    /// of a cluster while it lives and records these, so that `owned` recognises them.
    fn claimed_volume(&self) -> Option<ClaimedVolume> {
        None
    }

    /// What exists, with owners. Absence proves something only when the listing is complete.
    async fn owned(&self, scope: &Scope<'_>) -> Result<Listing, Error>;

    /// Writes the owner tag (with a new expiry or protection) onto the lease's cluster.
    async fn retag(&self, lease: &LeaseView, tag: &OwnerTag) -> Result<(), Error>;

    /// Starts removing one thing; removing what is gone succeeds. At most one removing request.
    async fn destroy(&self, target: &Ref) -> Result<Removal, Error>;
}

/// From the driver and the handle of a PersistentVolume to the volume, if it is one of this cloud's.
pub type ClaimedVolume = fn(driver: &str, handle: &str) -> Option<Ref>;

/// What to build: the profile's wish after the quote has chosen region, size and version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who owns it.
    pub lease: LeaseId,
    /// The cluster's name in the cloud.
    pub name: String,
    /// The vendor's region or zone.
    pub region: String,
    /// The vendor's machine type.
    pub size: String,
    /// The vendor's version slug.
    pub version: String,
    /// Number of nodes.
    pub count: u32,
    /// Buy spare capacity.
    pub spot: bool,
    /// Boot disk in GiB where it can be chosen.
    pub disk_gib: u32,
    /// Whether volumes are expected (some clouds need an add-on for them).
    pub volumes: bool,
    /// When the lease ends.
    pub expires_at: DateTime<Utc>,
    /// The profile's `[provider.X]` keys other than region and size, in the vendor's words.
    pub options: Value,
}

/// One resumable unit of a plan. Stored in the journal as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Kind of the thing that it makes: the `kind` of its [`Ref`].
    pub kind: String,
    /// Its final name.
    pub name: String,
    /// Everything `create` needs, fixed at planning time.
    pub params: Value,
}

/// A step within its lease: what `find`, `create` and `poll` get.
#[derive(Clone, Copy, Debug)]
pub struct StepAt<'a> {
    /// The lease.
    pub lease: &'a LeaseView,
    /// The order that it fulfils.
    pub order: &'a Order,
    /// The step.
    pub step: &'a Step,
    /// Its place in the plan, from 0; with the lease id it makes the idempotency token.
    pub seq: u16,
    /// When the intent was committed: the same for every try of this step.
    pub tag: &'a OwnerTag,
}

impl StepAt<'_> {
    /// The client token of this step: the same for every try.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-{}", self.lease.id, self.seq)
    }
}

/// A lease as a provider may see it: names and recorded ids, no money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseView {
    /// Its id.
    pub id: LeaseId,
    /// The cluster's name in the cloud.
    pub name: String,
    /// Where it is.
    pub region: String,
    /// Everything recorded as ours so far, the journal's refs first.
    pub refs: Vec<Ref>,
}

impl LeaseView {
    /// The recorded thing of that kind.
    #[must_use]
    pub fn find(&self, kind: &str) -> Option<&Ref> {
        self.refs.iter().find(|r| r.kind == kind)
    }
}

/// How far a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not there yet; the vendor's word for its state.
    Pending(String),
    /// Done.
    Ready,
    /// It will never be; the vendor's words.
    Failed(String),
}

/// What a removal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The cloud took the request; it is gone when the cloud no longer knows it. With the time at which
    /// the cloud did so, if its answer says (the `Date` header): billing ends then, and our own clock may
    /// differ.
    Accepted(Option<DateTime<Utc>>),
    /// The cloud does not know it (any more).
    Gone,
}

/// The state of a cluster in our words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Being made.
    Provisioning,
    /// Usable.
    Running,
    /// Usable in part, or failed: it still costs money.
    Degraded,
    /// Going away.
    Deleting,
    /// The cloud's own not-found.
    Gone,
}

/// A cluster as the cloud sees it.
#[derive(Clone, Debug)]
pub struct ClusterState {
    /// In our words.
    pub health: Health,
    /// In the vendor's words.
    pub detail: String,
    /// `1.33.1`.
    pub version: String,
    /// The Kubernetes API's URL, once there is one.
    pub endpoint: Option<String>,
    /// Nodes that are ready, and nodes that there should be.
    pub nodes: (u32, u32),
}

/// How to reach a Kubernetes API. The kubeconfig holds the server and the CA; the credential only
/// ever goes to kubectl through the exec plugin.
#[derive(Clone, Debug)]
pub struct Access {
    /// URL.
    pub server: String,
    /// PEM; empty when the server's certificate is publicly trusted.
    pub ca_pem: String,
    /// Who we are to it.
    pub credential: Credential,
}

/// A credential for a Kubernetes API.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A bearer token.
    Token {
        /// The token.
        token: Secret,
        /// When it stops working, if known.
        expires_at: Option<DateTime<Utc>>,
    },
    /// A client certificate, both PEM.
    Certificate {
        /// The certificate.
        certificate: String,
        /// Its key.
        key: Secret,
    },
}

/// What a listing should cover.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Our recorded ids, by lease, ended leases of the last months included: what cannot be tagged is
    /// recognised by them.
    pub recorded: &'a [(LeaseId, Ref)],
    /// Also what is not ours (for `list --all`): clusters, and what costs money beside them.
    pub foreign: bool,
}

impl Scope<'_> {
    /// The lease that recorded this thing.
    #[must_use]
    pub fn lease_of(&self, kind: &str, id: &str) -> Option<&LeaseId> {
        self.recorded
            .iter()
            .find(|(_, r)| r.kind == kind && r.id == id)
            .map(|(lease, _)| lease)
    }
}

/// Things that exist.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// In delete order.
    pub things: Vec<Owned>,
    /// Whether everything was read. If not, `missing` says what was not and why; nothing may be
    /// concluded from absence.
    pub complete: bool,
    /// What could not be read.
    pub missing: Vec<String>,
    /// Billed rows (by id, or by their group's) that have ended, and when, where the cloud itself says so:
    /// better than the time of a removing request, and all there is when somebody else removed the thing.
    /// Read with [`told_end`].
    pub ended: BTreeMap<String, DateTime<Utc>>,
}

/// When a billed row ended, as a cloud told: by its own id, or by the id of what it goes with, its group.
#[must_use]
pub fn told_end(ended: &BTreeMap<String, DateTime<Utc>>, row: &Billed) -> Option<DateTime<Utc>> {
    let own = ended.get(&row.id).or_else(|| ended.get(&row.group));
    own.copied()
}

/// A thing that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// What it is.
    pub target: Ref,
    /// For a person.
    pub name: String,
    /// Whose it is: by its own tag, by its cluster, or by our record. None: not ours, never touched.
    pub owner: Option<OwnerTag>,
    /// Where it is.
    pub region: String,
    /// When it was made, if the API says.
    pub created_at: Option<DateTime<Utc>>,
    /// The vendor's word for its state.
    pub state: String,
    /// What must be gone before this can be removed (or takes this along).
    pub blocked_by: Vec<Ref>,
    /// What is billed for it; may be nothing yet.
    pub billed: Vec<Billed>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Who we are there: an e-mail, an ARN, a team.
    pub identity: String,
    /// `active`, `locked`, a plan's name.
    pub status: String,
    /// When the credential itself stops working, if that can be known.
    pub credential_expires_at: Option<DateTime<Utc>>,
    /// Limits that can stop a create.
    pub limits: Vec<Limit>,
    /// What is left of the credit, as far as the vendor says.
    pub credit: CreditReading,
}

/// An account limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited: `nodes`, `vcpus`, `spot_vcpus`, `addresses`, `instances`, `disk_gib`,
    /// `load_balancers`, `volumes`, or `services` for a sum over nodes, load balancers and volumes.
    pub what: &'static str,
    /// The vendor's name for it.
    pub vendor_name: &'static str,
    /// How many at most.
    pub most: u32,
    /// How many are in use, if known.
    pub used: u32,
    /// The region where it counts (a zone counts for its region); none when it counts everywhere.
    pub region: Option<String>,
}

impl Limit {
    /// Whether it counts for something in that region or zone.
    #[must_use]
    pub fn counts_in(&self, place: &str) -> bool {
        self.region.as_ref().is_none_or(|region| {
            let rest = place.strip_prefix(region.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

/// What a vendor says of the credit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreditReading {
    /// What is left now; none when no API says.
    pub remaining: Option<Money>,
    /// What this month's usage costs so far by the vendor's own figure.
    pub month_to_date: Option<Money>,
    /// When the credit ends; none when no API says.
    pub expires_at: Option<DateTime<Utc>>,
    /// Which call said so.
    pub source: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ItemKind, Purchase};

    #[test]
    fn an_end_is_told_of_a_row_or_of_its_group() {
        let row = Billed {
            id: "vol-1".into(),
            group: "i-1/disks".into(),
            kind: ItemKind::BootDisk,
            r#type: "gp3".into(),
            region: "r".into(),
            purchase: Purchase::OnDemand,
            count: 1,
            size_gib: Some(20),
            since: DateTime::UNIX_EPOCH,
        };
        let at = |seconds| DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(seconds);
        let mut ended = BTreeMap::from([("i-1".to_owned(), at(1))]);
        assert_eq!(
            told_end(&ended, &row),
            None,
            "a stopped machine keeps its disk"
        );
        ended.insert("i-1/disks".to_owned(), at(2));
        assert_eq!(told_end(&ended, &row), Some(at(2)));
        ended.insert("vol-1".to_owned(), at(3));
        assert_eq!(told_end(&ended, &row), Some(at(3)), "its own end is nearer");
    }
}
