//! Volumes that only the cluster itself knows: on some clouds nothing in the vendor's API ties a
//! volume to the cluster whose claim made it, as long as no node uses it. Their ids are read from the
//! PersistentVolumes and recorded while the cluster lives, for no list can find them afterwards.

use chrono::TimeDelta;
use kubelease_core::{Error, Provider, Ref};

use super::{Cloud, Engine, EngineError, Happening};
use crate::kubeapi::KubeApi;
use crate::ledger::{Batch, Lease};

/// How often a teardown asks a cluster that does not answer before it goes on without.
const TRIES: i32 = 3;

impl Engine {
    /// Records the volumes of a lease's claims, where the cloud needs that. A cluster that does not
    /// answer is not an error: it is asked again by the next tick, and before the first removal.
    ///
    /// # Errors
    /// When the ledger cannot be written.
    pub async fn record_claimed(&self, cloud: &Cloud, lease: &Lease) -> Result<bool, EngineError> {
        let Some(named) = cloud.provider.claimed_volume() else {
            return Ok(true);
        };
        let view = self.view(lease).await?;
        if view.find("cluster").is_none() {
            return Ok(true);
        }
        let volumes = match read(cloud.provider.as_ref(), &view).await {
            Ok(volumes) => volumes,
            Err(error) => {
                self.watch.happened(lease, &Happening::Trouble(&error));
                return Ok(false);
            }
        };
        let fresh = volumes
            .iter()
            .filter_map(|v| named(&v.driver, &v.handle))
            .filter(|volume: &Ref| !view.refs.contains(volume));
        let records = fresh.map(|volume| (lease.id.clone(), volume)).collect();
        let batch = Batch {
            records,
            ..Batch::default()
        };
        if !batch.is_empty() {
            let now = self.clock.now();
            self.ledger.commit(&batch, None, now).await?;
        }
        Ok(true)
    }

    /// The same before the first removal: the last chance, so a silent cluster is asked again.
    pub(super) async fn record_claimed_at_last(
        &self,
        cloud: &Cloud,
        lease: &Lease,
    ) -> Result<(), EngineError> {
        for _ in 0..TRIES {
            if self.record_claimed(cloud, lease).await? {
                break;
            }
            self.pause(&lease.id, TimeDelta::seconds(5)).await?;
        }
        Ok(())
    }
}

async fn read(
    provider: &dyn Provider,
    view: &kubelease_core::LeaseView,
) -> Result<Vec<crate::kubeapi::Volume>, Error> {
    let access = provider.access(view).await?;
    KubeApi::new(&access)?.volumes().await
}
