//! Kubeconfigs: one file for each lease, and our three entries in the user's own file.
//!
//! No secret is ever written: the user entry is an exec plugin, `kubelease credential <lease>`, which
//! fetches a token when kubectl asks. So teardown revokes it, and every use is a heartbeat.
//!
//! Files that are not ours are changed under two locks (see `lock`), replaced atomically, and lose
//! nothing but comments and formatting, as with kubectl's own edits. Nothing here reads the
//! environment or a clock, sleeps or prints.

mod document;
mod error;
mod files;
mod lock;
mod merge;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubelease_core::LeaseId;
use serde_json::{Value, json};

pub use error::KubeconfigError;
pub use files::{Kubeconfigs, write_file};
pub use lock::Patience;
pub use merge::{Merged, Removed, merge, remove};

/// What a kubeconfig says about one lease. All of it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The lease: what the exec plugin is asked for.
    pub lease_id: LeaseId,
    /// The lease's name.
    pub name: String,
    /// The Kubernetes API: `https://host:port`.
    pub server: String,
    /// The cluster's certificate authority in PEM; empty means those of the system.
    pub ca_pem: String,
    /// The absolute path of the kubelease executable.
    pub exe: PathBuf,
    /// `KUBELEASE_HOME` for the plugin, when it is not the default.
    pub home: Option<PathBuf>,
    /// `KUBELEASE_SIM` for the plugin, in a simulation.
    pub sim: Option<String>,
    /// `KUBELEASE_LEDGER` for the plugin. One with a password in it is left out: then the plugin takes
    /// it from kubectl's own environment.
    pub ledger: Option<String>,
}

/// What our cluster, context and user are called: `kubelease-<lease name>`.
#[must_use]
pub fn context_name(lease_name: &str) -> String {
    format!("kubelease-{lease_name}")
}

impl Entry {
    /// The lease's own kubeconfig, as text for [`write_file`].
    ///
    /// # Errors
    /// A path that is not text, or an executable whose path is not absolute.
    pub fn to_yaml(&self) -> Result<String, KubeconfigError> {
        let name = context_name(&self.name);
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": self.cluster()}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": self.user()?}],
            "current-context": name,
        });
        document::to_yaml(&config, Path::new(&name))
    }

    fn cluster(&self) -> Value {
        let mut cluster = json!({"server": self.server});
        if !self.ca_pem.is_empty() {
            cluster["certificate-authority-data"] = Value::from(STANDARD.encode(&self.ca_pem));
        }
        cluster
    }

    fn user(&self) -> Result<Value, KubeconfigError> {
        if !self.exe.is_absolute() {
            return Err(KubeconfigError::BadPath {
                path: self.exe.clone(),
                why: "the path of the executable must be absolute",
            });
        }
        let exec = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": text(&self.exe)?,
            "args": ["credential", self.lease_id.as_str()],
            "env": self.env()?,
            "interactiveMode": "Never",
            "provideClusterInfo": false,
            "installHint": "kubelease made this entry; its executable has moved or was removed",
        });
        Ok(json!({"exec": exec}))
    }

    fn env(&self) -> Result<Vec<Value>, KubeconfigError> {
        let home = self.home.as_deref().map(text).transpose()?;
        let ledger = self.ledger.as_deref().filter(|url| !holds_password(url));
        let variables = [
            ("KUBELEASE_HOME", home),
            ("KUBELEASE_SIM", self.sim.as_deref()),
            ("KUBELEASE_LEDGER", ledger),
        ];
        Ok(variables
            .into_iter()
            .filter_map(|(name, value)| Some(json!({"name": name, "value": value?})))
            .collect())
    }
}

fn text(path: &Path) -> Result<&str, KubeconfigError> {
    path.to_str().ok_or_else(|| KubeconfigError::BadPath {
        path: path.to_owned(),
        why: "the path is not UTF-8, which YAML cannot hold",
    })
}

/// Whether a database address names a password, before the host or as a parameter.
fn holds_password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    // The last `@`: a password typed without escapes may itself hold a slash or an `@`.
    let before_host = rest.rsplit_once('@').map_or("", |(user, _)| user);
    before_host.contains(':') || rest.to_ascii_lowercase().contains("password=")
}
