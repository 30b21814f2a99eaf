//! Going on with what an earlier process left unfinished.

use super::receipt::Receipt;
use super::run::{Forward, Patience};
use super::{Cloud, Engine, EngineError};
use crate::ledger::{Lease, LedgerError, Reason, Status};

/// What recovery came to.
#[derive(Clone, Debug)]
pub enum Recovered {
    /// Somebody else has it in hand.
    Busy,
    /// It is ready now.
    Ready,
    /// It takes more time; the next tick goes on.
    Pending,
    /// It was (or had to be) torn down.
    Ended(Box<Receipt>),
}

impl Engine {
    /// Goes on with an unfinished lease: a create forward (without waiting), a teardown to its end. A
    /// create that cannot succeed, whose time is up, or whose job is gone, is torn down.
    ///
    /// # Errors
    /// What the cloud or the ledger said; the lease stays unfinished for the next tick.
    pub async fn recover(&self, cloud: &Cloud, lease: &Lease) -> Result<Recovered, EngineError> {
        match self.claim(lease).await {
            Err(LedgerError::NotOurs { .. }) => Ok(Recovered::Busy),
            other => {
                other?;
                self.go_on(cloud, lease).await
            }
        }
    }

    /// The same with a lease that is in hand already.
    ///
    /// # Errors
    /// What the cloud or the ledger said; the lease stays unfinished for the next tick.
    pub async fn go_on(&self, cloud: &Cloud, lease: &Lease) -> Result<Recovered, EngineError> {
        match self.go_on_in_hand(cloud, lease).await {
            // Somebody else took it meanwhile, and does the same.
            Err(EngineError::Ledger(LedgerError::NotOurs { .. })) => Ok(Recovered::Busy),
            other => other,
        }
    }

    async fn go_on_in_hand(&self, cloud: &Cloud, lease: &Lease) -> Result<Recovered, EngineError> {
        if lease.status != Status::Creating {
            let reason = lease.reason.unwrap_or(Reason::Asked);
            return Ok(Recovered::Ended(Box::new(
                self.teardown(cloud, lease, reason).await?,
            )));
        }
        if lease.expires_at <= self.clock.now() {
            return Ok(Recovered::Ended(Box::new(
                self.teardown(cloud, lease, Reason::Ttl).await?,
            )));
        }
        // Its maker would have kept it in hand: it was killed, and nobody comes back for it.
        if lease.ci {
            return Ok(Recovered::Ended(Box::new(
                self.teardown(cloud, lease, Reason::Dirty).await?,
            )));
        }
        let went = self.forward(&*cloud.provider, lease, Patience::None).await;
        match went {
            Ok(Forward::Ready) => {
                self.ledger.unclaim(&lease.id, &self.worker.0).await?;
                Ok(Recovered::Ready)
            }
            Ok(Forward::Pending) => {
                self.ledger.unclaim(&lease.id, &self.worker.0).await?;
                Ok(Recovered::Pending)
            }
            Err(EngineError::Failed { .. }) => Ok(Recovered::Ended(Box::new(
                self.teardown(cloud, lease, Reason::Failed).await?,
            ))),
            Err(EngineError::Cloud(error)) if !error.is_temporary() => Ok(Recovered::Ended(
                Box::new(self.teardown(cloud, lease, Reason::Failed).await?),
            )),
            Err(other) => Err(other),
        }
    }
}
