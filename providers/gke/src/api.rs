//! Google's APIs as far as they are used: requests and answers. The container API goes through its SDK
//! (`api/sdk.rs`); compute, projects, services and billing by REST. Knows nothing of leases but the form
//! of their labels.

pub(crate) mod classify;
pub(crate) mod sdk;
pub(crate) mod tags;
pub(crate) mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::{Error, Kind, ProviderId};
use kubelease_http::{
    Client, Limit, Listed, Page, Policy, Request, Toolkit, Vendor, encode, read_all,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::Login;
use crate::auth::exchange::{KubectlToken, kubectl_token};
use crate::config::Config;
use sdk::Container;
use wire::{BillingInfo, Project, Region, Resource, Service, is_zone};

/// Rows on a page; the most that compute gives.
const PER_PAGE: u32 = 500;

/// Compute is said to allow 20 reads a second and project in its tightest group (an assumption of the
/// README). In any minute this lets at most 100 + 600 out.
const LIMITS: [Limit; 1] = [Limit {
    class: "api",
    burst: 100,
    interval: TimeDelta::milliseconds(100),
}];

/// How a kind of compute resource is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// Over all zones, regions and the global scope at once.
    Everywhere,
    /// Such things are global only.
    Global,
}

/// The APIs, with typed answers.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) project: String,
    pub(crate) container: Arc<Container>,
    pub(crate) login: Arc<Login>,
    compute: Client,
    projects: Client,
    services: Client,
    billing: Client,
    tools: Toolkit,
    /// The create operation of each cluster that this process started, by place and name.
    jobs: Arc<Mutex<BTreeMap<(String, String), String>>>,
}

impl Api {
    pub(crate) fn new(config: Config, tools: Toolkit) -> Self {
        let Config {
            project,
            credentials,
            hosts,
        } = config;
        let login = Arc::new(Login::new(credentials, hosts.token));
        let client = |base: String, limits: &'static [Limit]| {
            let vendor = Vendor {
                provider: ProviderId::Gke,
                auth: Arc::clone(&login) as _,
                base,
                limits,
                policy: Policy::default(),
                classify: classify::classify,
            };
            Client::new(vendor, tools.clone())
        };
        let container = Container::new(
            hosts.container,
            project.clone(),
            Arc::clone(&login),
            tools.clone(),
        );
        Self {
            container: Arc::new(container),
            compute: client(hosts.compute, &LIMITS),
            projects: client(hosts.projects, &[]),
            services: client(hosts.services, &[]),
            billing: client(hosts.billing, &[]),
            project,
            login,
            tools,
            jobs: Arc::default(),
        }
    }

    /// Notes the operation that makes a cluster: only it says why a create failed.
    pub(crate) fn remember_job(&self, location: &str, cluster: &str, job: &str) {
        let key = (location.to_owned(), cluster.to_owned());
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.insert(key, job.to_owned());
    }

    /// That operation, if this process started it; another process asks for the list of operations.
    pub(crate) fn job_of(&self, location: &str, cluster: &str) -> Option<String> {
        let key = (location.to_owned(), cluster.to_owned());
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.get(&key).cloned()
    }

    /// All things of a kind of the compute API: `disks`.
    pub(crate) async fn list(&self, collection: &'static str, at: Where) -> Listed<Resource> {
        let partial = Mutex::new(None::<Error>);
        let fetch = |next: Option<String>| {
            let request = self.list_request(collection, at, next);
            let partial = &partial;
            async move {
                let body: Value = self.compute.json(request).await?;
                let (page, problem) = read_page(collection, at, &body);
                if let Some(why) = problem {
                    let error = Error::new(Kind::Unavailable, format!("list {collection}"), why);
                    let mut slot = partial.lock().unwrap_or_else(PoisonError::into_inner);
                    slot.get_or_insert(error.at(ProviderId::Gke));
                }
                Ok(page)
            }
        };
        let id = |resource: &Resource| (resource.scope.clone(), resource.name.clone());
        let mut listed = read_all(fetch, id).await;
        let partial = partial.into_inner().unwrap_or_else(PoisonError::into_inner);
        listed.missing = listed.missing.or(partial);
        listed
    }

    fn list_request(&self, collection: &str, at: Where, page: Option<String>) -> Request {
        let (scope, partial) = match at {
            Where::Everywhere => ("aggregated", true),
            Where::Global => ("global", false),
        };
        let path = format!("/projects/{}/{scope}/{collection}", self.project);
        let mut request = Request::get(path, format!("list {collection}"))
            .query("maxResults", PER_PAGE)
            .needs("roles/compute.viewer");
        if partial {
            // Else one zone that is down hides all the others.
            request = request.query("returnPartialSuccess", true);
        }
        match page {
            Some(token) => request.query("pageToken", token),
            None => request,
        }
    }

    /// Starts to remove a compute resource. When Google took the request, by its own clock, if the answer
    /// says.
    pub(crate) async fn delete(
        &self,
        collection: &str,
        scope: &str,
        name: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let scope = match scope {
            "" | "global" => "global".to_owned(),
            zone if is_zone(zone) => format!("zones/{}", encode(zone)),
            region => format!("regions/{}", encode(region)),
        };
        let path = format!(
            "/projects/{}/{scope}/{collection}/{}",
            self.project,
            encode(name)
        );
        let request = Request::delete(path, format!("delete {collection}"))
            .needs("compute.admin, or loadBalancerAdmin, storageAdmin and securityAdmin");
        let response = self.compute.send(request).await?;
        let operation: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let inserted = operation["insertTime"].as_str().and_then(tags::time);
        Ok(inserted.or_else(|| response.date()))
    }

    /// All regions with their zones and quotas.
    pub(crate) async fn regions(&self) -> Result<Vec<Region>, Error> {
        let path = format!("/projects/{}/regions", self.project);
        let path = path.as_str();
        let fetch = |next: Option<String>| async move {
            let mut request = Request::get(path, "list regions")
                .query("maxResults", PER_PAGE)
                .needs("roles/compute.viewer");
            if let Some(token) = next {
                request = request.query("pageToken", token);
            }
            let body: Rows<Region> = self.compute.json(request).await?;
            Ok(Page {
                items: body.items,
                next: body.next_page_token.filter(|t| !t.is_empty()),
                total: None,
            })
        };
        read_all(fetch, |region: &Region| region.name.clone())
            .await
            .all()
    }

    /// One region with its quotas.
    pub(crate) async fn region(&self, name: &str) -> Result<Region, Error> {
        let path = format!("/projects/{}/regions/{}", self.project, encode(name));
        let request = Request::get(path, "read quotas").needs("roles/compute.viewer");
        self.compute.json(request).await
    }

    /// The project itself.
    pub(crate) async fn project(&self) -> Result<Project, Error> {
        let path = format!("/v1/projects/{}", self.project);
        get(
            &self.projects,
            path,
            "read project",
            "resourcemanager.projects.get",
        )
        .await
    }

    /// Whether somebody pays for it.
    pub(crate) async fn billing(&self) -> Result<BillingInfo, Error> {
        let path = format!("/v1/projects/{}/billingInfo", self.project);
        get(
            &self.billing,
            path,
            "read billing",
            "resourcemanager.projects.get",
        )
        .await
    }

    /// A page of Google's price list, with numbers as texts.
    pub(crate) async fn price_page<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<T, Error> {
        self.billing.exact(request).await
    }

    /// Whether a service is switched on.
    pub(crate) async fn service(&self, name: &str) -> Result<Service, Error> {
        let path = format!("/v1/projects/{}/services/{name}", self.project);
        get(
            &self.services,
            path,
            "read service",
            "serviceusage.services.get",
        )
        .await
    }

    /// A token for a cluster's own API.
    pub(crate) async fn kubectl_token(&self) -> Result<KubectlToken, Error> {
        kubectl_token(&self.login, &self.tools).await
    }
}

async fn get<T: DeserializeOwned>(
    client: &Client,
    path: String,
    operation: &'static str,
    needs: &'static str,
) -> Result<T, Error> {
    client
        .json(Request::get(path, operation).needs(needs))
        .await
}

/// A list of one scope.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rows<T> {
    #[serde(default = "Vec::new")]
    items: Vec<T>,
    next_page_token: Option<String>,
}

/// A page of either form, and why it is not all of it.
fn read_page(collection: &str, at: Where, body: &Value) -> (Page<Resource>, Option<String>) {
    let mut scopes: BTreeMap<&str, (&Value, Option<String>)> = BTreeMap::new();
    match (at, &body["items"]) {
        (Where::Global, rows) => {
            scopes.insert("global", (rows, None));
        }
        (Where::Everywhere, Value::Object(map)) => {
            for (scope, part) in map {
                scopes.insert(
                    wire::tail(scope),
                    (&part[collection], warning(scope, &part["warning"])),
                );
            }
        }
        (Where::Everywhere, _) => {}
    }
    let no_list = body.get("items").is_none() && body.get("kind").is_none();
    let mut problem = warning("the list", &body["warning"])
        .or_else(|| unreachable(body))
        .or_else(|| no_list.then(|| "the answer is no list".to_owned()));
    let mut items = Vec::new();
    for (scope, (rows, warned)) in scopes {
        problem = problem.or(warned);
        for row in rows.as_array().into_iter().flatten() {
            match Resource::read(scope, row) {
                Ok(resource) => items.push(resource),
                Err(why) => problem = Some(format!("a row of {scope} makes no sense: {why}")),
            }
        }
    }
    let next = body["nextPageToken"]
        .as_str()
        .filter(|t| !t.is_empty())
        .map(str::to_owned);
    let page = Page {
        items,
        next,
        total: None,
    };
    (page, problem)
}

/// Every warning but "nothing here" means that rows may be missing.
fn warning(scope: &str, warning: &Value) -> Option<String> {
    let code = warning["code"].as_str()?;
    let harmless = ["NO_RESULTS_ON_PAGE", "DEPRECATED_RESOURCE_USED"];
    if harmless.contains(&code) {
        return None;
    }
    let words = warning["message"].as_str().unwrap_or_default();
    Some(format!("{scope}: {code} {words}"))
}

fn unreachable(body: &Value) -> Option<String> {
    let scopes = body["unreachables"].as_array()?;
    let names: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
    (!scopes.is_empty()).then(|| format!("no answer from {}", names.join(", ")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests;
