//! The https ports of the simulated clusters: opening and closing them, and letting only those in who may.
//! Must not know what is behind the door: that is `kubelease_sim_kube`.

use std::collections::BTreeMap;
use std::sync::Arc;

use kubelease_sim_kube::{
    ApiRequest, Auth, Host, Reply, User, WatchBatch, WatchQuery, serve_tls, unauthorized,
};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::kube::Door;
use crate::shared::Shared;

/// One cluster's keeper.
#[derive(Debug)]
struct Keeper {
    shared: Arc<Shared>,
    cluster: String,
}

impl Host for Keeper {
    fn handle(&self, auth: Auth, mut request: ApiRequest) -> Reply {
        self.shared.with(|world| {
            let by_token = auth
                .bearer
                .as_deref()
                .and_then(|token| world.cluster_user(&self.cluster, token));
            let now = world.core.now();
            let kube = &mut world.core.kube;
            let by_certificate = auth
                .client_cert_cn
                .filter(|_| kube.admits_certificates(&self.cluster));
            let Some(name) = by_token.or(by_certificate) else {
                return Reply::Done(unauthorized());
            };
            request.user = User {
                name,
                ..User::default()
            };
            let Some(api) = kube.look(&self.cluster) else {
                return Reply::Done(unauthorized());
            };
            let before = api.resource_version();
            let reply = api.handle(&request, now);
            if api.resource_version() != before {
                kube.note_change();
            }
            reply
        })
    }

    fn poll_watch(&self, query: &WatchQuery, after: Option<u64>) -> WatchBatch {
        let gone = WatchBatch {
            end: true,
            ..WatchBatch::default()
        };
        self.shared.with(|world| {
            world
                .core
                .kube
                .peek(&self.cluster)
                .map_or(gone, |api| api.watch_since(query, after))
        })
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.shared.bell()
    }
}

/// Opens and closes doors as the world asks, until the world is gone. Dropping the future closes all of them.
pub(crate) async fn keep_doors(shared: Arc<Shared>, mut asked: UnboundedReceiver<Door>) {
    let mut open: BTreeMap<String, Opened> = BTreeMap::new();
    while let Some(door) = asked.recv().await {
        match door {
            Door::Open {
                cluster,
                listener,
                tls,
            } => {
                let host = Arc::new(Keeper {
                    shared: shared.clone(),
                    cluster: cluster.clone(),
                });
                // Neither fails for a listener that was bound and an identity that was made by this process.
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                    continue;
                };
                let Ok(serving) = serve_tls(listener, &tls, host) else {
                    continue;
                };
                open.insert(cluster, Opened(tokio::spawn(serving)));
            }
            Door::Close { cluster } => {
                if let Some(mut opened) = open.remove(&cluster) {
                    opened.0.abort();
                    // Waiting for the end frees the port; the only possible error is the abort itself.
                    (&mut opened.0).await.unwrap_or_default();
                }
            }
            // Nobody may be waiting any more.
            Door::Barrier { done } => done.send(()).unwrap_or_default(),
        }
    }
}

/// A served port; dropping it closes the port.
#[derive(Debug)]
struct Opened(JoinHandle<()>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.abort();
    }
}
