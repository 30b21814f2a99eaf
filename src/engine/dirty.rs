//! Marking a lease that a cancelled job leaves behind, in the ledger and on the cloud object, so that the
//! next guard tick of any machine ends it. Quick and bounded: whoever was cancelled is killed soon.
//!
//! The mark is an owner tag whose expiry is not after the thing's own birth: no lease is ever given so,
//! so a tick elsewhere need not look twice (`guard::orphans`).

use std::time::Duration;

use kubelease_core::{Error, Kind, LeaseView, OwnerTag, Ref};

use super::journal::steps;
use super::{Cloud, Engine};
use crate::clock::pause;
use crate::ledger::{Batch, Event, JournalEntry, Lease, LedgerError, Reason, Status};

/// Between two tries. Real time, like all of this: the kernel's clock is the one that kills.
const AGAIN: Duration = Duration::from_millis(400);
/// The ledger's share of the time; the rest is the cloud's.
const LEDGER: Duration = Duration::from_millis(2500);
/// So often a cloud may refuse the mark before it is believed.
const REFUSALS: u32 = 3;

/// What came of a mark.
#[derive(Debug)]
pub struct Mark {
    /// Whether the ledger has it; the error is for a person.
    pub ledger: Result<(), String>,
    /// What the cloud knows.
    pub cloud: CloudMark,
}

/// What the cloud knows of a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudMark {
    /// The cluster carries it.
    Cluster,
    /// There is no cluster to carry it; what there was is asked to go.
    Going(Vec<Ref>),
    /// Nothing of the lease exists.
    Nothing,
    /// It could not be written, and why. The tag that the cluster was made with holds.
    Untold(String),
}

impl Engine {
    /// Marks a lease: its reason is `dirty`, nobody has it in hand, and its cloud object says that it is
    /// due. Comes back after about `within` of real time, whatever the cloud and the disk do.
    pub async fn mark_dirty(&self, cloud: &Cloud, lease: &Lease, within: Duration) -> Mark {
        let ledger = match tokio::time::timeout(LEDGER, self.note_dirty(lease)).await {
            Ok(outcome) => outcome.map_err(|e| e.to_string()),
            Err(_) => Err("the ledger did not answer in time".to_owned()),
        };
        let mut last = String::new();
        let telling = self.tell_cloud(cloud, lease, ledger.is_ok(), &mut last);
        let rest = within.saturating_sub(LEDGER);
        let told = tokio::time::timeout(rest, telling).await.ok();
        let cloud = told.unwrap_or_else(|| {
            let why = match last.as_str() {
                "" => "it did not answer in time",
                last => last,
            };
            CloudMark::Untold(why.to_owned())
        });
        Mark { ledger, cloud }
    }

    /// What is ending already stays with whoever ends it. A lease that was never committed is no error.
    async fn note_dirty(&self, lease: &Lease) -> Result<(), LedgerError> {
        let known = self.ledger.lease(lease.id.as_str()).await?;
        let live = known.is_some_and(|l| matches!(l.status, Status::Creating | Status::Ready));
        if live {
            // The claim ends with the mark: whoever ticks next may take it at once.
            let (worker, now) = (&self.worker.0, self.clock.now());
            self.ledger
                .ending(&lease.id, Reason::Dirty, worker, now)
                .await?;
        }
        Ok(())
    }

    async fn tell_cloud(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        noted: bool,
        last: &mut String,
    ) -> CloudMark {
        let tag = OwnerTag {
            lease: lease.id.clone(),
            expires_at: Some(lease.created_at),
            protect_until: None,
        };
        let mut refusals = 0;
        loop {
            // A ledger that cannot be read is no reason not to look by the tag.
            let view = self.view(lease).await.unwrap_or_else(|_| LeaseView {
                id: lease.id.clone(),
                name: lease.order.name.clone(),
                region: lease.order.region.clone(),
                refs: Vec::new(),
            });
            match cloud.provider.retag(&view, &tag).await {
                Ok(()) => return CloudMark::Cluster,
                Err(error) if error.is_not_found() => {
                    if !self.may_yet_appear(lease).await {
                        return self.ask_to_go(cloud, lease, &view, noted).await;
                    }
                    "its cluster has not appeared yet".clone_into(last);
                }
                Err(error) if passes(&error) => *last = error.to_string(),
                Err(error) => {
                    refusals += 1;
                    if refusals >= REFUSALS {
                        return CloudMark::Untold(error.to_string());
                    }
                    *last = error.to_string();
                }
            }
            pause(AGAIN).await;
        }
    }

    /// Whether a creating request was sent whose answer never came.
    async fn may_yet_appear(&self, lease: &Lease) -> bool {
        let journal = self.ledger.journal(&lease.id).await.unwrap_or_default();
        steps(&journal)
            .iter()
            .any(|s| s.last == Event::Started && s.made.is_none())
    }

    /// What a create made before its cluster cannot carry the mark, costs little and is in nobody's way:
    /// it is asked to go at once, journalled like every removal.
    async fn ask_to_go(
        &self,
        cloud: &Cloud,
        lease: &Lease,
        view: &LeaseView,
        noted: bool,
    ) -> CloudMark {
        let early: Vec<Ref> = view.refs.iter().rev().cloned().collect();
        if early.is_empty() {
            return CloudMark::Nothing;
        }
        let lines = early.iter().map(|thing| JournalEntry {
            made: Some(thing.clone()),
            ..self.line(&lease.id, None, Event::Destroying)
        });
        let batch = Batch {
            journal: lines.collect(),
            ..Batch::default()
        };
        let now = self.clock.now();
        let hand = Some((self.worker.0.as_str(), now));
        if !noted || self.ledger.commit(&batch, hand, now).await.is_err() {
            return CloudMark::Untold("the ledger could not be written".to_owned());
        }
        let mut going = Vec::new();
        for thing in early {
            match cloud.provider.destroy(&thing).await {
                Ok(_) => going.push(thing),
                Err(error) => return CloudMark::Untold(error.to_string()),
            }
        }
        CloudMark::Going(going)
    }
}

/// Whether another try soon may be answered otherwise; a conflict lasts as long as the cluster is made.
fn passes(error: &Error) -> bool {
    error.is_temporary() && error.kind != Kind::Conflict
}
