//! `demo`: the whole story on the simulator, in seconds: quote, create, use, spend, warning, teardown at
//! the TTL, receipt, and the proof that nothing is left. Every line is a real command on a real wire.

use std::ffi::OsString;

use chrono::DateTime;
use clap::{Args, Parser};
use futures_util::future::join_all;
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
use crate::registry;
use crate::simctl::Control;

/// Show the whole story on the simulator, in seconds
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Which cloud to play
    #[arg(long, default_value = "digitalocean", conflicts_with = "all")]
    provider: ProviderId,
    /// All clouds of this build at once
    #[arg(long)]
    all: bool,
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
    let code = if args.all {
        story.tell_all().await
    } else {
        story.tell(args.provider).await
    };
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
        self.create(provider, "practice").await?;
        self.work(provider, "practice").await?;
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
        self.proof(&[provider]).await
    }

    /// The same life on every cloud at once: creating on all takes as long as the slowest.
    async fn tell_all(&self) -> Result<u8, CliError> {
        let clouds: Vec<ProviderId> = registry::entries().iter().map(|e| e.id).collect();
        let named: Vec<_> = clouds.iter().map(|c| (*c, format!("on-{c}"))).collect();
        self.out.note(&format!(
            "{} simulated clouds, one clock, an empty ledger. Nothing real is touched.\n",
            clouds.len()
        ));
        self.command(&["prices", "workloads"]).await?;
        for made in join_all(named.iter().map(|(c, name)| self.create(*c, name))).await {
            made?;
        }
        for (cloud, name) in &named {
            self.work(*cloud, name).await?;
        }
        self.later("1h")?;
        self.command(&["guard", "tick"]).await?;
        self.command(&["list"]).await?;
        self.later("4h")?;
        self.command(&["guard", "tick"]).await?;
        self.command(&["spend"]).await?;
        self.command(&["sweep"]).await?;
        self.proof(&clouds).await
    }

    async fn create(&self, cloud: ProviderId, name: &str) -> Result<(), CliError> {
        let cloud = cloud.as_str();
        let words = ["create", "workloads", "--provider", cloud, "--name", name];
        self.command(&[&words[..], &["--ttl", "4h"]].concat()).await
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
    async fn work(&self, provider: ProviderId, name: &str) -> Result<(), CliError> {
        let app = self.app()?;
        let lease = app.lease(name).await?;
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

    fn app(&self) -> Result<App, CliError> {
        let env = Env::of([(env::SIM, self.url.as_str())]);
        let settings = Settings::load(env, Some(self.home.clone().into()), None)?;
        App::with(settings, self.out.clone(), true, false)
    }

    /// The simulator's own view of the accounts, which shares no code with the ledger.
    async fn proof(&self, clouds: &[ProviderId]) -> Result<u8, CliError> {
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
        let app = self.app()?;
        let ledger = app.ledger().await?;
        let mut equal = true;
        for cloud in clouds {
            let meter = self.control.get(&format!("/meter?provider={cloud}"))?;
            let billed = meter["total"].as_str().unwrap_or("?");
            let balance = ledger.balance(*cloud, DateTime::UNIX_EPOCH).await?;
            let booked = balance.spent.to_string();
            equal &= booked == billed;
            let verdict = if booked == billed {
                "equal"
            } else {
                "NOT EQUAL"
            };
            self.out.data(&format!(
                "\n# {cloud} itself: billed ${billed}; the ledger: ${booked}; {verdict}"
            ));
        }
        self.out.data(&format!(
            "{} resources left, {}/month",
            left.len(),
            super::list::monthly(hourly).cents()
        ));
        if left.is_empty() && equal {
            return Ok(exit::OK);
        }
        for thing in left {
            self.out.warn(&thing.to_string());
        }
        Ok(exit::MAY_REMAIN)
    }
}

/// What the learner makes: the command that is shown, and the request behind it.
fn objects() -> [(&'static str, &'static str, Value); 4] {
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
        // Some clouds make a volume only when a Pod wants it.
        (
            "apply -f reader.yaml",
            "/api/v1/namespaces/default/pods",
            json!({
                "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "reader" },
                "spec": {
                    "containers": [{ "name": "reader", "image": "nginx", "volumeMounts": [{ "name": "data", "mountPath": "/data" }] }],
                    "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }]
                }
            }),
        ),
    ]
}
