//! The Kubernetes APIs of the simulated clusters: their state in the world, their ports, and who may enter.
//! Must not know what a cloud does with an effect, nor serve anything itself (that is `kube_serve.rs`).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use chrono::{DateTime, Utc};
use kubelease_sim_kube::{Cluster, ClusterSpec, Effect, Flavour, TlsIdentity};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use crate::provider::Provider;

/// What a cloud says about a new cluster; the rest of [`ClusterSpec`] the kernel knows.
#[derive(Debug, Clone)]
pub struct NewCluster {
    /// Whose cluster.
    pub provider: Provider,
    /// Id in the cloud's API.
    pub id: String,
    /// Name, for messages.
    pub name: String,
    /// Version of the control plane, such as `v1.33.1`.
    pub git_version: String,
    /// What the cloud adds.
    pub flavour: Flavour,
    /// Seed of the objects' uids.
    pub seed: u64,
}

/// One cluster's API.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Api {
    provider: Provider,
    cluster: Cluster,
    tls: TlsIdentity,
    port: u16,
    /// Bearer tokens with the user they stand for and their end, if any.
    tokens: BTreeMap<String, (String, Option<DateTime<Utc>>)>,
    /// Whether client certificates of this cluster's authority are let in.
    certificates: bool,
}

/// All of them, by cluster id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Clusters {
    apis: BTreeMap<String, Api>,
    #[serde(skip)]
    changed: bool,
    #[serde(skip)]
    doors: Option<UnboundedSender<Door>>,
}

/// What the server has to do with a port.
#[derive(Debug)]
pub(crate) enum Door {
    /// Serve this cluster here.
    Open {
        cluster: String,
        listener: TcpListener,
        tls: TlsIdentity,
    },
    /// Stop serving it.
    Close { cluster: String },
    /// Say when everything before this is done.
    Barrier { done: oneshot::Sender<()> },
}

impl Clusters {
    /// Makes a cluster's API and opens its https port.
    ///
    /// # Errors
    /// When no certificate can be made or no port is free; the simulated cluster then has no API.
    pub fn open(&mut self, new: NewCluster, now: DateTime<Utc>) -> Result<(), String> {
        let tls = TlsIdentity::new(&new.name).map_err(|e| e.to_string())?;
        let spec = ClusterSpec {
            name: new.name,
            seed: new.seed,
            git_version: new.git_version,
            flavour: new.flavour,
            created_at: now,
            ca_pem: tls.ca_pem().to_owned(),
        };
        let cluster = Cluster::new(spec);
        let mut api = Api {
            provider: new.provider,
            cluster,
            tls,
            port: 0,
            tokens: BTreeMap::new(),
            certificates: true,
        };
        self.listen(&new.id, &mut api)?;
        self.apis.insert(new.id, api);
        self.changed = true;
        Ok(())
    }

    /// Binds the port the API had before, or any free one, and has it served.
    fn listen(&self, id: &str, api: &mut Api) -> Result<(), String> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(api.port)
            .or_else(|_| bind(0))
            .map_err(|e| format!("no port for cluster {id}: {e}"))?;
        listener.set_nonblocking(true).map_err(|e| e.to_string())?;
        api.port = listener.local_addr().map_err(|e| e.to_string())?.port();
        self.tell(Door::Open {
            cluster: id.to_owned(),
            listener,
            tls: api.tls.clone(),
        });
        Ok(())
    }

    /// Without a server (unit tests of a cloud) nobody listens, and the port closes again.
    fn tell(&self, door: Door) {
        if let Some(doors) = &self.doors {
            // The receiver lives as long as the server; when it is gone there is nothing left to serve.
            doors.send(door).unwrap_or_default();
        }
    }

    /// Connects the server, and reopens the ports of a restored world.
    pub(crate) fn attach(&mut self, doors: Option<UnboundedSender<Door>>) -> Result<(), String> {
        self.doors = doors;
        let mut apis = std::mem::take(&mut self.apis);
        let opened = apis
            .iter_mut()
            .try_for_each(|(id, api)| self.listen(id, api));
        self.apis = apis;
        opened
    }

    /// Has all ports closed, so that another world can take them; the receiver hears when that is done.
    pub(crate) fn close_ports(&self) -> oneshot::Receiver<()> {
        for cluster in self.apis.keys() {
            self.tell(Door::Close {
                cluster: cluster.clone(),
            });
        }
        let (done, when_done) = oneshot::channel();
        self.tell(Door::Barrier { done });
        when_done
    }

    /// Gives the server's end to another world.
    pub(crate) fn detach(&mut self) -> Option<UnboundedSender<Door>> {
        self.doors.take()
    }

    /// Ends a cluster's API and closes its port; nothing happens when there is none.
    pub fn close(&mut self, id: &str) {
        if self.apis.remove(id).is_some() {
            self.changed = true;
            self.tell(Door::Close {
                cluster: id.to_owned(),
            });
        }
    }

    /// `https://127.0.0.1:PORT`, once there is one.
    #[must_use]
    pub fn endpoint(&self, id: &str) -> Option<String> {
        self.apis
            .get(id)
            .map(|api| format!("https://127.0.0.1:{}", api.port))
    }

    /// The certificate authority of a cluster, as PEM.
    #[must_use]
    pub fn ca_pem(&self, id: &str) -> Option<String> {
        self.apis.get(id).map(|api| api.tls.ca_pem().to_owned())
    }

    /// A client certificate and its key as PEM, signed by the cluster's authority.
    ///
    /// # Errors
    /// When there is no such cluster or the certificate cannot be made.
    pub fn client_certificate(&self, id: &str, user: &str) -> Result<(String, String), String> {
        let api = self
            .apis
            .get(id)
            .ok_or_else(|| format!("no cluster {id}"))?;
        api.tls.issue_client_cert(user).map_err(|e| e.to_string())
    }

    /// Lets a bearer token in as `user`, until its end if it has one.
    pub fn grant(&mut self, id: &str, token: String, user: &str, until: Option<DateTime<Utc>>) {
        if let Some(api) = self.apis.get_mut(id) {
            api.tokens.insert(token, (user.to_owned(), until));
        }
    }

    /// Lets nobody in any more: no token, no certificate.
    pub fn revoke_all(&mut self, id: &str) {
        if let Some(api) = self.apis.get_mut(id) {
            api.tokens.clear();
            api.certificates = false;
        }
    }

    /// Lets client certificates in again (a cluster that was stopped); tokens have to be granted anew.
    pub fn readmit(&mut self, id: &str) {
        if let Some(api) = self.apis.get_mut(id) {
            api.certificates = true;
        }
    }

    /// Who a bearer of this token is.
    pub(crate) fn bearer(&self, id: &str, token: &str, now: DateTime<Utc>) -> Option<&str> {
        let (user, until) = self.apis.get(id)?.tokens.get(token)?;
        until.is_none_or(|end| now < end).then_some(user.as_str())
    }

    /// Whose cluster it is, as long as it lets anybody in.
    pub(crate) fn admitting(&self, id: &str) -> Option<Provider> {
        let api = self.apis.get(id).filter(|api| api.certificates)?;
        Some(api.provider)
    }

    /// Whether client certificates are let in.
    pub(crate) fn admits_certificates(&self, id: &str) -> bool {
        self.apis.get(id).is_some_and(|api| api.certificates)
    }

    /// The API's state machine. Taking it counts as a change.
    pub fn api(&mut self, id: &str) -> Option<&mut Cluster> {
        let api = self.apis.get_mut(id)?;
        self.changed = true;
        Some(&mut api.cluster)
    }

    /// The API's state machine, for requests that may well change nothing; follow with [`Self::note_change`] if one did.
    pub(crate) fn look(&mut self, id: &str) -> Option<&mut Cluster> {
        self.apis.get_mut(id).map(|api| &mut api.cluster)
    }

    /// Something changed.
    pub(crate) fn note_change(&mut self) {
        self.changed = true;
    }

    /// The API's state machine, only to look.
    pub(crate) fn peek(&self, id: &str) -> Option<&Cluster> {
        self.apis.get(id).map(|api| &api.cluster)
    }

    /// When the first cluster has something to do.
    pub(crate) fn next_due(&self) -> Option<DateTime<Utc>> {
        self.apis
            .values()
            .filter_map(|api| api.cluster.next_due())
            .min()
    }

    /// Lets every cluster that is due catch up with `now`.
    pub(crate) fn advance(&mut self, now: DateTime<Utc>) {
        for api in self
            .apis
            .values_mut()
            .filter(|api| api.cluster.next_due().is_some_and(|due| due <= now))
        {
            api.cluster.advance(now);
            self.changed = true;
        }
    }

    /// What the clusters ask of their clouds.
    pub(crate) fn take_effects(&mut self) -> Vec<(Provider, String, Effect)> {
        if !self.changed {
            return Vec::new();
        }
        let all = self.apis.iter_mut();
        all.flat_map(|(id, api)| {
            api.cluster
                .take_effects()
                .into_iter()
                .map(|e| (api.provider, id.clone(), e))
                .collect::<Vec<_>>()
        })
        .collect()
    }

    /// Whether something changed since the last call (watchers want to know).
    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}
