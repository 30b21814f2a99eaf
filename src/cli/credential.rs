//! `credential`: the exec plugin that kubectl runs. Fetches a credential now, and notes the use.

use clap::Args;
use kubelease_core::Credential;
use serde_json::{Value, json};

use super::app::App;
use super::{CliError, exit, kubeconfig};
use crate::engine::Silent;
use crate::views;

/// Print a credential for kubectl (exec plugin)
#[derive(Debug, Args)]
pub(super) struct CredentialArgs {
    /// Id of a lease
    lease: String,
}

pub(super) async fn run(app: &App, args: &CredentialArgs) -> Result<u8, CliError> {
    let lease = app.lease(&args.lease).await?;
    kubeconfig::usable(&lease)?;
    let cloud = app.cloud(lease.provider)?;
    let engine = app.engine(std::sync::Arc::new(Silent)).await?;
    engine
        .ledger
        .used(&lease.id, &client(), app.clock.now())
        .await?;
    let view = engine.view(&lease).await?;
    let access = cloud.provider.access(&view).await?;
    // A simulated time means nothing to kubectl, which would think the token expired and ask for ever.
    let simulated = app.settings.sim.is_some();
    app.out
        .json(&exec_credential(&access.credential, simulated));
    Ok(exit::OK)
}

fn exec_credential(credential: &Credential, simulated: bool) -> Value {
    let status = match credential {
        Credential::Token { token, expires_at } => {
            let mut status = json!({ "token": token.reveal() });
            if let Some(at) = expires_at.filter(|_| !simulated) {
                status["expirationTimestamp"] = json!(views::time(at));
            }
            status
        }
        Credential::Certificate { certificate, key } => {
            json!({ "clientCertificateData": certificate, "clientKeyData": key.reveal() })
        }
    };
    json!({ "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status })
}

/// Which process asks: our parent, told apart from an earlier one by its start.
fn client() -> String {
    let parent = std::os::unix::process::parent_id();
    let stat = std::fs::read_to_string(format!("/proc/{parent}/stat")).unwrap_or_default();
    let start = stat
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(19))
        .unwrap_or("-");
    format!("{parent}/{start}")
}
