//! `demo`: the whole story on the simulator, in seconds: quote, create, use, spend, warning, teardown at
//! the TTL, receipt, and the proof that nothing is left. Every line is a real command on a real wire.

use std::ffi::OsString;

use clap::{Args, Parser};
use kubelease_core::{Money, ProviderId};
use kubelease_sim::{ClockMode, Options, spawn_thread};
use serde_json::{Value, json};

use super::app::App;
use super::output::Output;
use super::{Cli, CliError, exit};
use crate::config::Settings;
use crate::engine::{EngineError, Silent};
use crate::env::{self, Env};
use crate::kubeapi::KubeApi;
use crate::simctl::Control;

/// Show the whole story on the simulator, in seconds
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which cloud to play
    #[arg(long, default_value = "digitalocean")]
    provider: ProviderId,
}

pub(super) async fn run(args: &DemoArgs, out: &Output) -> Result<u8, CliError> {
    let home = tempfile::tempdir()?;
    let sim = spawn_thread(Options {
        port: 0,
        clock: ClockMode::Jump,
        start: None,
    })?;
    // One stream, so that the story is told in its order.
    let out = &Output::to(
        out.settings(),
        Box::new(std::io::stdout()),
        Box::new(std::io::stdout()),
    );
    let story = Story {
        out,
        home: home.path().into(),
        control: Control::new(&sim.control),
        url: sim.control.clone(),
    };
    let code = story.tell(args.provider).await;
    sim.stop();
    code
}

/// What the story needs.
struct Story<'a> {
    out: &'a Output,
    home: OsString,
    control: Control,
    url: String,
}

impl Story<'_> {
    async fn tell(&self, provider: ProviderId) -> Result<u8, CliError> {
        let cloud = provider.as_str();
        self.out.note(&format!(
            "A simulated {cloud}, its own clock, an empty ledger. Nothing real is touched.\n"
        ));
        self.command(&["prices", "workloads"]).await?;
        self.command(&[
            "create",
            "workloads",
            "--provider",
            cloud,
            "--name",
            "practice",
            "--ttl",
            "4h",
        ])
        .await?;
        self.work(provider).await?;
        self.later("1h")?;
        self.command(&["guard", "tick"]).await?;
        self.command(&["list"]).await?;
        self.later("2h40m")?;
        self.command(&["guard", "tick"]).await?;
        self.later("30m")?;
        self.command(&["guard", "tick"]).await?;
        self.command(&["show", "practice"]).await?;
        self.command(&["spend"]).await?;
        self.command(&["sweep"]).await?;
        self.proof()
    }

    /// Runs one of our own commands, as typed.
    async fn command(&self, words: &[&str]) -> Result<(), CliError> {
        self.out.data(&format!("\n$ kubelease {}", words.join(" ")));
        let mut argv: Vec<OsString> =
            vec!["kubelease".into(), "--sim".into(), self.url.clone().into()];
        argv.extend([
            "--home".into(),
            self.home.clone(),
            "--yes".into(),
            "--output".into(),
            "table".into(),
        ]);
        argv.extend(words.iter().map(Into::into));
        let cli = Cli::try_parse_from(argv).map_err(|e| CliError::new(exit::BUG, e.to_string()))?;
        match Box::pin(super::run(cli, self.out)).await? {
            exit::OK => Ok(()),
            code => Err(CliError::new(
                code,
                format!("`kubelease {}` ended with {code}", words.join(" ")),
            )),
        }
    }

    fn later(&self, by: &str) -> Result<(), CliError> {
        self.out.data(&format!("\n# {by} later"));
        self.control
            .send("POST", "/clock", &json!({ "advance": by }))?;
        Ok(())
    }

    /// What kubectl would do: a deployment, a load balancer, a volume, on the cluster's own API.
    async fn work(&self, provider: ProviderId) -> Result<(), CliError> {
        let url = self.url.as_str();
        let env = Env::of([(env::SIM, url)]);
        let settings = Settings::load(env, Some(self.home.clone().into()), None)?;
        let app = App::with(settings, self.out.clone(), true, false)?;
        let lease = app.lease("practice").await?;
        let view = app
            .engine(std::sync::Arc::new(Silent))
            .await?
            .view(&lease)
            .await?;
        let access = app.cloud(provider)?.provider.access(&view).await?;
        let cluster = KubeApi::new(&access).map_err(EngineError::Cloud)?;
        for (say, path, body) in objects() {
            self.out.data(&format!("\n$ kubectl {say}"));
            let made = cluster.post(path, &body).await;
            let made = made.map_err(EngineError::Cloud)?;
            let kind = made["kind"].as_str().unwrap_or("object").to_lowercase();
            self.out.data(&format!(
                "{kind}/{} created",
                made["metadata"]["name"].as_str().unwrap_or("?")
            ));
        }
        Ok(())
    }

    /// The simulator's own view of the account, which shares no code with the ledger.
    fn proof(&self) -> Result<u8, CliError> {
        let world = self.control.get("/world")?;
        let left: Vec<&Value> = world["resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|r| !r["owner"].is_null())
            .collect();
        let hourly: Money = left
            .iter()
            .filter_map(|r| r["hourly"].as_str()?.parse::<Money>().ok())
            .sum();
        let meter = self.control.get("/meter")?;
        let billed = meter["total"].as_str().unwrap_or("?");
        self.out
            .data(&format!("\n# the cloud itself: billed ${billed}"));
        self.out.data(&format!(
            "{} resources left, {}/month",
            left.len(),
            super::list::monthly(hourly).cents()
        ));
        if left.is_empty() {
            return Ok(exit::OK);
        }
        for thing in left {
            self.out.warn(&thing.to_string());
        }
        Ok(exit::MAY_REMAIN)
    }
}

/// What the learner makes: the command that is shown, and the request behind it.
fn objects() -> [(&'static str, &'static str, Value); 3] {
    let labels = json!({ "app": "web" });
    [
        (
            "create deployment web --image=nginx --replicas=2",
            "/apis/apps/v1/namespaces/default/deployments",
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "labels": labels },
                "spec": {
                    "replicas": 2, "selector": { "matchLabels": labels },
                    "template": {
                        "metadata": { "labels": labels },
                        "spec": { "containers": [{ "name": "nginx", "image": "nginx" }] }
                    }
                }
            }),
        ),
        (
            "expose deployment web --port=80 --type=LoadBalancer",
            "/api/v1/namespaces/default/services",
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "labels": labels },
                "spec": { "type": "LoadBalancer", "selector": labels, "ports": [{ "port": 80, "targetPort": 80, "protocol": "TCP" }] }
            }),
        ),
        (
            "apply -f claim.yaml",
            "/api/v1/namespaces/default/persistentvolumeclaims",
            json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "data" },
                "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "10Gi" } } }
            }),
        ),
    ]
}
