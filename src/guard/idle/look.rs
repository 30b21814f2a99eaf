//! Asking a cluster whether it is in use. No retries: the next tick asks again.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use kubelease_core::{Error, Kind, LeaseView, Provider};

use super::{Verdict, cpu, judge, kubeconfig, remember, unknown, workloads};
use crate::engine::{Cloud, Engine};
use crate::kubeapi::KubeApi;
use crate::ledger::{Lease, LedgerError, Sign, SignState, Signal};

const PODS: &str = "/api/v1/pods";
const JOBS: &str = "/apis/batch/v1/jobs";
const NODES: &str = "/api/v1/nodes";
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1/nodes";

/// What is known without asking.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// When a new client process last used the kubeconfig.
    pub last_use: Option<DateTime<Utc>>,
    /// What earlier looks saw.
    pub signs: Vec<Sign>,
}

/// The verdict from what is known, nobody asked.
#[must_use]
pub fn from_memory(
    now: DateTime<Utc>,
    lease: &Lease,
    after: Option<TimeDelta>,
    known: &Known,
) -> Verdict {
    let fresh = vec![kubeconfig(now, known.last_use, after)];
    let ready_at = lease.ready_at.unwrap_or(lease.created_at);
    judge(now, ready_at, remember(&known.signs, fresh))
}

/// The verdict with the cluster asked. What was seen is written down.
///
/// # Errors
/// When the ledger cannot be used; a cluster that does not answer is unknown, which is active.
pub async fn ask(
    engine: &Engine,
    cloud: &Cloud,
    lease: &Lease,
    after: Option<TimeDelta>,
    known: &Known,
) -> Result<Verdict, LedgerError> {
    let view = engine.view(lease).await?;
    let now = engine.clock.now();
    let seen = cluster(cloud.provider.as_ref(), &view, now).await;
    engine.ledger.saw(&lease.id, &seen).await?;
    let mut signs = vec![kubeconfig(now, known.last_use, after)];
    signs.extend(seen);
    let ready_at = lease.ready_at.unwrap_or(lease.created_at);
    Ok(judge(now, ready_at, remember(&known.signs, signs)))
}

/// What the cluster itself says.
async fn cluster(provider: &dyn Provider, view: &LeaseView, now: DateTime<Utc>) -> Vec<Sign> {
    let api = match provider.access(view).await {
        Ok(access) => KubeApi::new(&access),
        Err(error) => Err(error),
    };
    let api = match api {
        Ok(api) => api,
        Err(error) => return vec![unknown(Signal::Workloads, now, &error.to_string())],
    };
    let (workloads, cpu) = join(workloads_of(&api, now), cpu_of(&api, now)).await;
    [workloads, cpu].to_vec()
}

async fn workloads_of(api: &KubeApi, now: DateTime<Utc>) -> Sign {
    let read = async {
        let (pods, jobs) = join(api.list(PODS), api.list(JOBS)).await;
        Ok::<_, Error>((pods?, jobs?))
    };
    match read.await {
        Ok((pods, jobs)) => workloads::sign(&pods, &jobs, now),
        Err(error) => unknown(Signal::Workloads, now, &error.to_string()),
    }
}

/// Where no metrics API is installed there is nothing to say; one that is there and fails is unknown.
async fn cpu_of(api: &KubeApi, now: DateTime<Utc>) -> Sign {
    let (nodes, metrics) = join(api.list(NODES), api.list(METRICS)).await;
    match (nodes, metrics) {
        (Ok(nodes), Ok(metrics)) => cpu::sign(&nodes, &metrics, now),
        (_, Err(error)) if error.kind == Kind::NotFound => Sign {
            signal: Signal::Cpu,
            state: SignState::Idle,
            value: "no metrics API in this cluster: not counted".to_owned(),
            active_at: None,
            seen_at: now,
        },
        (Err(error), _) | (_, Err(error)) => unknown(Signal::Cpu, now, &error.to_string()),
    }
}
