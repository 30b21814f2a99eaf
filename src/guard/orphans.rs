//! Things of ours without a live lease in this ledger: what a delete left behind, or a lease of a
//! ledger that is lost or elsewhere. Marked when first seen, removed when seen again and due.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kubelease_core::{LeaseId, Money, Order, Owned, ProviderId, Ref};

use super::Guard;
use super::report::{Orphan, Report, Trouble};
use super::tick::{Seen, trouble};
use crate::engine::receipt::Receipt;
use crate::ledger::{Cap, Lease, LedgerError, NewLease, Reason, Status};

/// From the first sighting to the removal, at least: somebody may be making it at this moment.
pub const GRACE: TimeDelta = TimeDelta::minutes(10);

/// Everything in one cloud that names one lease, none of which is live here.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The lease that it names.
    pub lease: LeaseId,
    /// What it is.
    pub things: Vec<&'a Owned>,
    /// When it says its lease ends; none when nothing of it says so.
    pub expires_at: Option<DateTime<Utc>>,
    /// Protected until then.
    pub protect_until: Option<DateTime<Utc>>,
    /// When the oldest of it was made, as far as the cloud says.
    pub born: Option<DateTime<Utc>>,
}

impl Group<'_> {
    /// Whether a cancelled job marked it: its end is not after its birth, as no lease is ever given.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        matches!((self.expires_at, self.born), (Some(end), Some(born)) if end <= born)
    }
}

/// The orphans of a listing, by lease.
#[must_use]
pub fn groups<'a>(things: &'a [Owned], live: &[Lease]) -> Vec<Group<'a>> {
    let live: BTreeSet<&LeaseId> = live.iter().map(|l| &l.id).collect();
    let mut groups: BTreeMap<LeaseId, Group<'a>> = BTreeMap::new();
    for thing in things {
        let Some(owner) = &thing.owner else { continue };
        if live.contains(&owner.lease) {
            continue;
        }
        let group = groups.entry(owner.lease.clone()).or_insert_with(|| Group {
            lease: owner.lease.clone(),
            things: Vec::new(),
            expires_at: None,
            protect_until: None,
            born: None,
        });
        group.things.push(thing);
        group.born = match (group.born, thing.created_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        group.expires_at = group.expires_at.max(owner.expires_at);
        group.protect_until = group.protect_until.max(owner.protect_until);
    }
    groups.into_values().collect()
}

/// Why a group is not removed yet; none when it is due. `known` says that this ledger knows the lease
/// and has ended it, so that its own expiry no longer counts.
#[must_use]
pub fn waiting_for(
    group: &Group<'_>,
    known: bool,
    first_seen: DateTime<Utc>,
    times: u32,
    now: DateTime<Utc>,
) -> Option<String> {
    if !known {
        if let Some(at) = group.expires_at.filter(|at| now < *at) {
            return Some(format!(
                "its lease, of another ledger, runs until {}",
                at.format("%Y-%m-%d %H:%M UTC")
            ));
        }
        if group.protect_until.is_some_and(|until| now < until) {
            return Some("it is protected".to_owned());
        }
        // Nobody can be making it at this moment: its maker itself gave it up.
        if group.is_marked() {
            return None;
        }
    }
    if times < 2 {
        return Some("a second sighting".to_owned());
    }
    (now - first_seen < GRACE)
        .then(|| format!("{} minutes after the first sighting", GRACE.num_minutes()))
}

impl Guard {
    /// Notes orphans and removes those that are due.
    pub(super) async fn orphans(
        &self,
        seen: &[Seen],
        report: &mut Report,
    ) -> Result<(), LedgerError> {
        let looks = seen
            .iter()
            .map(|look| self.orphans_at(look, &report.ended, false));
        for found in join_all(looks).await {
            report.add(found?);
        }
        Ok(())
    }

    /// The same for one cloud, which `ended` has changed since it was listed; `now_anyway` leaves out grace
    /// and second sighting (`sweep --apply`, where a person has looked), never the expiry of another
    /// ledger's lease.
    pub(super) async fn orphans_at(
        &self,
        look: &Seen,
        ended: &[Receipt],
        now_anyway: bool,
    ) -> Result<Report, LedgerError> {
        let mut report = Report::default();
        let ledger = &self.engine.ledger;
        let (provider, now) = (look.provider, self.engine.clock.now());
        let live = ledger.leases(false).await?;
        // What ended in this very tick is in the listing still, but no longer in the cloud.
        let mut groups = groups(&look.listing.things, &live);
        let ended = ended.iter().filter(|r| r.leftovers.is_empty());
        let ended: BTreeSet<&LeaseId> = ended.map(|r| &r.lease).collect();
        groups.retain(|g| !ended.contains(&g.lease));
        let refs: Vec<Ref> = groups
            .iter()
            .flat_map(|g| g.things.iter().map(|t| t.target.clone()))
            .collect();
        let sightings = if look.listing.complete {
            ledger.sight(provider, &refs, now).await?
        } else {
            Vec::new()
        };
        let sightings: BTreeMap<&Ref, _> = sightings.iter().map(|s| (&s.target, s)).collect();
        let ids: Vec<LeaseId> = groups.iter().map(|g| g.lease.clone()).collect();
        let known = ledger.known(&ids).await?;
        let mut known: BTreeMap<_, _> = known.into_iter().map(|l| (l.id.clone(), l)).collect();
        let mut due = Vec::new();
        for group in groups {
            let seen = || group.things.iter().filter_map(|t| sightings.get(&t.target));
            let first = seen().map(|s| s.first_seen).min().unwrap_or(now);
            let times = seen().map(|s| s.times).max().unwrap_or(1);
            let known = known.remove(&group.lease);
            let (first_for_now, times_for_now) = if now_anyway {
                (now - GRACE, 2)
            } else {
                (first, times)
            };
            match waiting_for(&group, known.is_some(), first_for_now, times_for_now, now) {
                Some(why) => report
                    .orphans
                    .extend(self.describe(provider, &group, first, &why)),
                None => due.push((group, known)),
            }
        }
        let reaped = due
            .iter()
            .map(|(group, known)| self.reap_orphans(provider, group, known.as_ref()));
        for outcome in join_all(reaped).await {
            match outcome? {
                Ok(Some(receipt)) => report.ended.push(receipt),
                Ok(None) => {}
                Err(trouble) => report.errors.push(trouble),
            }
        }
        Ok(report)
    }

    pub(super) fn describe(
        &self,
        provider: ProviderId,
        group: &Group<'_>,
        first_seen: DateTime<Utc>,
        why: &str,
    ) -> Vec<Orphan> {
        let hourly = |t: &Owned| {
            let prices = self.clouds.get(&provider).map(|c| &c.prices);
            t.billed
                .iter()
                .filter_map(|b| Some(prices?.hourly(b)))
                .sum::<Money>()
        };
        let orphan = |t: &&Owned| Orphan {
            target: t.target.clone(),
            provider,
            name: t.name.clone(),
            lease: group.lease.to_string(),
            hourly: hourly(t),
            first_seen,
            waiting_for: why.to_owned(),
        };
        group.things.iter().map(orphan).collect()
    }

    /// Looks for orphans everywhere; with `apply` removes them without waiting for a second sighting, since
    /// a person has looked. Returns what was found.
    ///
    /// # Errors
    /// When the ledger cannot be used.
    pub async fn sweep(
        &self,
        apply: bool,
        report: &mut Report,
    ) -> Result<Vec<Orphan>, LedgerError> {
        let seen = self.observe(report).await?;
        let live = self.engine.ledger.leases(false).await?;
        let mut found = Vec::new();
        for look in &seen {
            for group in groups(&look.listing.things, &live) {
                let known = self
                    .engine
                    .ledger
                    .lease(group.lease.as_str())
                    .await?
                    .is_some();
                let now = report.at;
                let why = waiting_for(&group, known, now - GRACE, 2, now);
                let state = why.unwrap_or_else(|| "can be removed".to_owned());
                found.extend(self.describe(look.provider, &group, now, &state));
            }
            if apply {
                let done = self.orphans_at(look, &report.ended, true).await?;
                report.add(done);
            }
        }
        Ok(found)
    }

    async fn reap_orphans(
        &self,
        provider: ProviderId,
        group: &Group<'_>,
        known: Option<&Lease>,
    ) -> Result<Result<Option<Receipt>, Trouble>, LedgerError> {
        let Some(cloud) = self.clouds.get(&provider) else {
            return Ok(Ok(None));
        };
        let lease = match known {
            Some(lease) => lease.clone(),
            None => match self.adopt(provider, group).await {
                // Another guard has adopted it at this moment.
                Err(LedgerError::NameTaken(_)) => return Ok(Ok(None)),
                adopted => adopted?,
            },
        };
        let reason = lease.reason.unwrap_or(Reason::Ttl);
        let outcome = self.end(cloud, &lease, reason).await;
        Ok(outcome.map_err(|error| trouble(&lease.name, &error, true)))
    }

    /// Takes a lease of a lost ledger into this one, so that the one teardown path, with its journal and
    /// its books, ends it. It holds nothing: what it costs is booked, not reserved.
    async fn adopt(&self, provider: ProviderId, group: &Group<'_>) -> Result<Lease, LedgerError> {
        let now = self.engine.clock.now();
        let cluster = group
            .things
            .iter()
            .find(|t| t.target.kind == "cluster")
            .or(group.things.first());
        let born = group
            .things
            .iter()
            .filter_map(|t| t.created_at)
            .min()
            .unwrap_or(now);
        let name = format!("adopted-{}", group.lease);
        let region = cluster.map(|c| c.region.clone()).unwrap_or_default();
        let order = Order {
            lease: group.lease.clone(),
            name: cluster.map(|c| c.name.clone()).unwrap_or_default(),
            region,
            size: String::new(),
            version: String::new(),
            count: 0,
            spot: false,
            disk_gib: 0,
            volumes: false,
            expires_at: group.expires_at.unwrap_or(now),
            options: serde_json::json!({}),
        };
        let lease = Lease {
            id: group.lease.clone(),
            name,
            provider,
            order,
            profile: "adopted".to_owned(),
            profile_toml: String::new(),
            status: Status::Ending,
            created_at: born,
            ready_at: None,
            expires_at: group.expires_at.unwrap_or(now),
            protect_until: None,
            ended_at: None,
            reason: Some(match group.is_marked() {
                true => Reason::Dirty,
                false => Reason::Ttl,
            }),
            endpoint: None,
            budget: None,
            worker: None,
            ci: false,
            owner: None,
        };
        let cap = Cap {
            provider,
            limit: Money::MAX,
            since: now,
        };
        let new = NewLease {
            lease: lease.clone(),
            steps: Vec::new(),
            hold: Money::ZERO,
        };
        self.engine.ledger.reserve(&new, &cap).await?;
        Ok(lease)
    }
}
