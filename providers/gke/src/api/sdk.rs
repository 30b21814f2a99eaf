//! The container API through Google's own crate, and nothing else of it: its generics are compiled here.
//! Gives and takes plain values. The crate's retries are off; ours follow the same rules, clock and log
//! as every other request (`kubelease_http`), which this crate's transport does not pass through.

mod convert;
mod failure;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::Utc;
use google_cloud_container_v1::Result as SdkResult;
use google_cloud_container_v1::client::ClusterManager;
use google_cloud_container_v1::model;
use google_cloud_gax::retry_policy::NeverRetry;
use kubelease_core::error::printable;
use kubelease_core::{Error, Kind, ProviderId, Transience};
use kubelease_http::retry::Jitter;
use kubelease_http::{Auth, Effect, Event, Policy, Toolkit};
use serde_json::Value;
use tokio::sync::OnceCell;

use super::tags::Labels;
use super::wire::{Cluster, Offer, Operation};
use crate::auth::{ForSdk, Login, install_crypto};
use failure::Attempt;

/// What we are about to ask for.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    operation: &'static str,
    method: &'static str,
    /// `projects/p/locations/l/clusters/c`, for the log.
    path: &'a str,
    effect: Effect,
}

/// The container API of one project.
#[derive(Debug)]
pub(crate) struct Container {
    base: String,
    project: String,
    login: Arc<Login>,
    tools: Toolkit,
    policy: Policy,
    jitter: Jitter,
    client: OnceCell<ClusterManager>,
}

impl Container {
    pub(crate) fn new(base: String, project: String, login: Arc<Login>, tools: Toolkit) -> Self {
        Self {
            base,
            project,
            login,
            jitter: Jitter::new(tools.seed),
            tools,
            policy: Policy::default(),
            client: OnceCell::new(),
        }
    }

    fn location(&self, location: &str) -> String {
        format!("projects/{}/locations/{location}", self.project)
    }

    fn cluster_path(&self, location: &str, name: &str) -> String {
        format!("{}/clusters/{name}", self.location(location))
    }

    /// All clusters of the project, and the zones that did not answer: their clusters are not listed.
    pub(crate) async fn clusters(&self) -> Result<(Vec<Cluster>, Vec<String>), Error> {
        let parent = self.location("-");
        let call = Call::reading("list clusters", &parent);
        let send = |client: ClusterManager| client.list_clusters().set_parent(&parent).send();
        let answer = self.run(call, send).await?;
        let clusters = answer.clusters.iter().map(|c| whole("list clusters", c));
        Ok((clusters.collect::<Result<_, _>>()?, answer.missing_zones))
    }

    /// One cluster; none when the API itself says that there is none.
    pub(crate) async fn cluster(
        &self,
        location: &str,
        name: &str,
    ) -> Result<Option<Cluster>, Error> {
        let path = self.cluster_path(location, name);
        let call = Call::reading("read cluster", &path);
        let send = |client: ClusterManager| client.get_cluster().set_name(&path).send();
        match self.run(call, send).await {
            Ok(cluster) => whole("read cluster", &cluster).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a cluster; `body` is the API's own `Cluster` in JSON.
    pub(crate) async fn create(&self, location: &str, body: &Value) -> Result<Operation, Error> {
        let parent = self.location(location);
        let cluster: Box<model::Cluster> = serde_json::from_value(body.clone()).map_err(|e| {
            let why = format!("the step's parameters are not a cluster: {e}");
            Error::new(Kind::Unexpected, "create cluster", why).at(ProviderId::Gke)
        })?;
        let call = Call {
            operation: "create cluster",
            method: "POST",
            path: &parent,
            effect: Effect::Creates,
        };
        let send = |client: ClusterManager| {
            let request = client.create_cluster().set_parent(&parent);
            request.set_cluster(model::Cluster::clone(&cluster)).send()
        };
        self.run(call, send).await.map(|o| convert::operation(&o))
    }

    /// Starts to remove a cluster.
    pub(crate) async fn delete(&self, location: &str, name: &str) -> Result<Operation, Error> {
        let path = self.cluster_path(location, name);
        let call = Call {
            operation: "delete cluster",
            method: "DELETE",
            path: &path,
            effect: Effect::Removes,
        };
        let send = |client: ClusterManager| client.delete_cluster().set_name(&path).send();
        self.run(call, send).await.map(|o| convert::operation(&o))
    }

    /// Writes all labels of a cluster, if its labels are still those of that fingerprint. Twice is as
    /// good as once: the second one meets another fingerprint.
    pub(crate) async fn set_labels(
        &self,
        cluster: &Cluster,
        labels: &Labels,
    ) -> Result<Operation, Error> {
        let path = self.cluster_path(&cluster.location, &cluster.name);
        let call = Call {
            operation: "label cluster",
            method: "POST",
            path: &path,
            effect: Effect::Repeatable,
        };
        let send = |client: ClusterManager| {
            client
                .set_labels()
                .set_name(&path)
                .set_label_fingerprint(&cluster.fingerprint)
                .set_resource_labels(labels.clone())
                .send()
        };
        self.run(call, send).await.map(|o| convert::operation(&o))
    }

    /// One operation; none when it is forgotten.
    pub(crate) async fn operation(
        &self,
        location: &str,
        name: &str,
    ) -> Result<Option<Operation>, Error> {
        let path = format!("{}/operations/{name}", self.location(location));
        let call = Call::reading("read operation", &path);
        let send = |client: ClusterManager| client.get_operation().set_name(&path).send();
        match self.run(call, send).await {
            Ok(operation) => Ok(Some(convert::operation(&operation))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The operations of a location: how to go on after a crash.
    pub(crate) async fn operations(&self, location: &str) -> Result<Vec<Operation>, Error> {
        let parent = self.location(location);
        let call = Call::reading("list operations", &parent);
        let send = |client: ClusterManager| client.list_operations().set_parent(&parent).send();
        let answer = self.run(call, send).await?;
        Ok(answer.operations.iter().map(convert::operation).collect())
    }

    /// The versions that can be had.
    pub(crate) async fn offer(&self, location: &str) -> Result<Offer, Error> {
        let path = format!("{}/serverConfig", self.location(location));
        let name = self.location(location);
        let call = Call::reading("read versions", &path);
        let send = |client: ClusterManager| client.get_server_config().set_name(&name).send();
        self.run(call, send)
            .await
            .map(|config| convert::offer(&config))
    }

    /// Opened at the first use, because opening needs a runtime.
    async fn client(&self) -> Result<ClusterManager, Error> {
        let open = || async {
            install_crypto();
            ClusterManager::builder()
                .with_endpoint(self.base.as_str())
                .with_credentials(ForSdk(Arc::clone(&self.login)))
                .with_retry_policy(NeverRetry)
                .build()
                .await
        };
        let client = self.client.get_or_try_init(open).await.map_err(|e| {
            let why = format!("the container client cannot start: {e}");
            Error::new(Kind::Invalid, "open container API", why).at(ProviderId::Gke)
        })?;
        Ok(client.clone())
    }

    /// Sends a call, and repeats it as far as that is safe and useful.
    async fn run<T, Sent>(
        &self,
        call: Call<'_>,
        send: impl Fn(ClusterManager) -> Sent,
    ) -> Result<T, Error>
    where
        Sent: Future<Output = SdkResult<T>>,
    {
        let client = self.client().await?;
        let deadline = self.tools.clock.now() + self.policy.deadline;
        let mut attempt = 1;
        loop {
            let failed = match self
                .attempt(call, attempt, Box::pin(send(client.clone())))
                .await
            {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let Some(asked) = failed.again(call.effect) else {
                return Err(failed.error.at(ProviderId::Gke));
            };
            let wait = self.policy.delay(attempt, asked, &self.jitter);
            let now = self.tools.clock.now();
            if attempt >= self.policy.attempts || now + wait > deadline {
                return Err(gave_up(failed.error, attempt));
            }
            self.tools.clock.sleep_until(now + wait).await;
            attempt += 1;
        }
    }

    /// One attempt, with its line in the log. Its time limit counts on tokio's timer, not on the clock: a
    /// virtual clock that jumps must not break a connection.
    async fn attempt<T>(
        &self,
        call: Call<'_>,
        attempt: u32,
        sent: Pin<Box<impl Future<Output = SdkResult<T>>>>,
    ) -> Result<T, Attempt> {
        let begun = self.tools.clock.now();
        let limit = self.policy.attempt.to_std().unwrap_or_default();
        let outcome = match tokio::time::timeout(limit, sent).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(failure::judge(call.operation, call.effect, error)),
            Err(_) => Err(failure::timed_out(call.operation, self.policy.attempt)),
        };
        let outcome = outcome.map_err(|mut failed| {
            let clean = self.login.scrub(&failed.error.message);
            failed.error.message = printable(&clean);
            failed
        });
        let problem = outcome.as_ref().err();
        self.tools.observer.attempt(&Event {
            provider: ProviderId::Gke,
            operation: call.operation,
            method: call.method,
            url: &format!("{}/v1/{}", self.base, call.path),
            status: problem.map_or(Some(200), |failed| failed.status),
            problem: problem.map(|failed| failed.error.message.as_str()),
            attempt,
            elapsed: self.tools.clock.now() - begun,
        });
        outcome
    }
}

impl<'a> Call<'a> {
    const fn reading(operation: &'static str, path: &'a str) -> Self {
        Self {
            operation,
            method: "GET",
            path,
            effect: Effect::Repeatable,
        }
    }
}

fn gave_up(mut error: Error, attempts: u32) -> Error {
    error.message = format!("{} (gave up after {attempts} attempts)", error.message);
    error.transience = Transience::Persistent;
    error.at(ProviderId::Gke)
}

/// A time as Google writes it; empty and odd ones are unknown.
fn time(text: &str) -> Option<chrono::DateTime<Utc>> {
    super::tags::time(text)
}

/// A cluster as plain values. For the SDK any object is one: whatever broke an answer on its way may have
/// left none of its fields.
fn whole(operation: &'static str, from: &model::Cluster) -> Result<Cluster, Error> {
    if from.name.is_empty() || from.location.is_empty() {
        let why = "the answer makes no sense: a cluster without name or location";
        return Err(Error::new(Kind::Unavailable, operation, why).at(ProviderId::Gke));
    }
    Ok(convert::cluster(from))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
