//! Where Google's services are and who we are there, as values. The environment is read through the
//! function that the registry passes in; the one file that is read is the credential file that it names.

use std::fmt;
use std::path::{Path, PathBuf};

use kubelease_core::{Error, Kind, ProviderId, Secret};
use serde_json::Value;

use crate::auth::SET_CREDENTIALS;

/// An access token that somebody else fetched.
const TOKEN_ENV: [&str; 2] = ["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"];
const PROJECT_ENV: [&str; 2] = ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"];
const FILE_ENV: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// Where `gcloud auth application-default login` puts its file, below the home folder.
const WELL_KNOWN: &str = ".config/gcloud/application_default_credentials.json";
/// What the firmware of a machine at Google says.
const FIRMWARE: &str = "/sys/class/dmi/id/product_name";

/// What it takes to open GKE.
#[derive(Clone, Debug)]
pub struct Config {
    /// The project that clusters are made in.
    pub project: String,
    /// Who we are.
    pub credentials: Credentials,
    /// Where the services are.
    pub hosts: Hosts,
}

/// Who we are to Google. `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A bearer token as it is; it works an hour at most and is never renewed.
    Token(Secret),
    /// The text of an application-default-credentials file of any type.
    File(Secret),
    /// The metadata server of the machine that we run on.
    Metadata,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token([secret])",
            Self::File(_) => "File([secret])",
            Self::Metadata => "Metadata",
        })
    }
}

/// Base URLs, without a slash at the end; paths begin with `/v1` but for compute, whose base ends with
/// `/compute/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The container API.
    pub container: String,
    /// The compute API, its version included.
    pub compute: String,
    /// Cloud Resource Manager.
    pub projects: String,
    /// Service Usage.
    pub services: String,
    /// Cloud Billing.
    pub billing: String,
    /// Where tokens are exchanged; none means where the credential file says.
    pub token: Option<String>,
}

impl Hosts {
    /// Google's own.
    #[must_use]
    pub fn google() -> Self {
        Self {
            container: "https://container.googleapis.com".to_owned(),
            compute: "https://compute.googleapis.com/compute/v1".to_owned(),
            projects: "https://cloudresourcemanager.googleapis.com".to_owned(),
            services: "https://serviceusage.googleapis.com".to_owned(),
            billing: "https://cloudbilling.googleapis.com".to_owned(),
            token: None,
        }
    }

    /// All of them behind one base URL: a simulator, or a proxy.
    #[must_use]
    pub fn at(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self {
            container: base.to_owned(),
            compute: format!("{base}/compute/v1"),
            projects: base.to_owned(),
            services: base.to_owned(),
            billing: base.to_owned(),
            token: Some(format!("{base}/token")),
        }
    }

    /// Google's own, but where gcloud's override variables say otherwise.
    fn overridden(look: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut hosts = Self::google();
        let services = [
            ("CONTAINER", &mut hosts.container),
            ("COMPUTE", &mut hosts.compute),
            ("CLOUDRESOURCEMANAGER", &mut hosts.projects),
            ("SERVICEUSAGE", &mut hosts.services),
            ("CLOUDBILLING", &mut hosts.billing),
        ];
        for (name, slot) in services {
            let name = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{name}");
            if let Some(url) = first(look, &[&name]) {
                url.trim_end_matches('/').clone_into(slot);
            }
        }
        hosts
    }
}

impl Config {
    /// Reads credentials and project.
    ///
    /// `look` reads an environment variable. `endpoint` is one base URL that serves every service.
    /// `simulated` means that made-up credentials will do when none are set, and that a credential file
    /// is not even looked at: a simulator must never be told a real refresh token.
    ///
    /// # Errors
    /// `Unauthenticated` when there are no credentials, `Invalid` when there is no project; the hint
    /// names the variables.
    pub fn read(
        look: &dyn Fn(&str) -> Option<String>,
        endpoint: Option<&str>,
        simulated: bool,
    ) -> Result<Self, Error> {
        let credentials = match first(look, &TOKEN_ENV) {
            Some(token) => Credentials::Token(Secret::new(token)),
            None if simulated => Credentials::Token(Secret::new("simulated-token")),
            None => stored(look)?,
        };
        let project = match first(look, &PROJECT_ENV).or_else(|| project_of(&credentials)) {
            Some(project) => project,
            None if simulated => "simulated-project".to_owned(),
            None => return Err(no_project()),
        };
        // It becomes part of paths; the SDK would take a slash in it for another resource.
        if !project
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-:._".contains(&b))
        {
            let why = format!("`{project}` is not a project id");
            return Err(
                problem(Kind::Invalid, why).hint("set GOOGLE_CLOUD_PROJECT to the project's id")
            );
        }
        Ok(Self {
            project,
            credentials,
            hosts: endpoint.map_or_else(|| Hosts::overridden(look), Hosts::at),
        })
    }
}

/// The first variable that is set to something; a line break at the end comes from a file.
fn first(look: &dyn Fn(&str) -> Option<String>, names: &[&str]) -> Option<String> {
    let set = names.iter().filter_map(|name| look(name));
    set.map(|text| text.trim().to_owned())
        .find(|text| !text.is_empty())
}

/// Application default credentials, in Google's own order: the file that is named, the file of gcloud,
/// the machine that we run on.
fn stored(look: &dyn Fn(&str) -> Option<String>) -> Result<Credentials, Error> {
    if let Some(path) = first(look, &[FILE_ENV]) {
        return read_file(Path::new(&path));
    }
    let home = first(look, &["HOME"]).map(|home| PathBuf::from(home).join(WELL_KNOWN));
    if let Some(path) = home.filter(|path| path.is_file()) {
        return read_file(&path);
    }
    let at_google =
        || std::fs::read_to_string(FIRMWARE).is_ok_and(|name| name.starts_with("Google"));
    if first(look, &["GCE_METADATA_HOST"]).is_some() || at_google() {
        return Ok(Credentials::Metadata);
    }
    Err(problem(
        Kind::Unauthenticated,
        "there are no Google credentials".to_owned(),
    )
    .hint(SET_CREDENTIALS))
}

/// The file's text is a secret: what is wrong with it is said without quoting it.
fn read_file(path: &Path) -> Result<Credentials, Error> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| {
        problem(
            Kind::Unauthenticated,
            format!("{shown} cannot be read: {e}"),
        )
        .hint(SET_CREDENTIALS)
    })?;
    let kind = serde_json::from_str::<Value>(&text)
        .ok()
        .and_then(|json| json.get("type").and_then(Value::as_str).map(str::to_owned));
    if kind.is_none() {
        let why = format!("{shown} is not a credential file: it is no JSON with a `type`");
        return Err(problem(Kind::Unauthenticated, why).hint(SET_CREDENTIALS));
    }
    Ok(Credentials::File(Secret::new(text)))
}

/// The project that a credential file names: a service account's own, or the one that pays for a user's
/// calls.
fn project_of(credentials: &Credentials) -> Option<String> {
    let Credentials::File(text) = credentials else {
        return None;
    };
    let json: Value = serde_json::from_str(text.reveal()).ok()?;
    let named = ["project_id", "quota_project_id"].into_iter();
    named
        .filter_map(|key| json.get(key)?.as_str())
        .find(|id| !id.is_empty())
        .map(str::to_owned)
}

fn no_project() -> Error {
    problem(Kind::Invalid, "no Google Cloud project is named".to_owned())
        .hint("set GOOGLE_CLOUD_PROJECT to the project's id")
}

fn problem(kind: Kind, why: String) -> Error {
    Error::new(kind, "read credentials", why).at(ProviderId::Gke)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
