//! Every environment variable that kubelease reads, and the only place that reads them.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Folder with the ledger, the per-lease kubeconfigs and `config.toml`.
pub const HOME: &str = "KUBELEASE_HOME";
/// Where the ledger is: `sqlite:PATH` or `postgres://USER@HOST/DATABASE`.
pub const LEDGER: &str = "KUBELEASE_LEDGER";
/// Who new leases are for.
pub const OWNER: &str = "KUBELEASE_OWNER";
/// Control URL of a simulator: all clouds are then the simulated ones.
pub const SIM: &str = "KUBELEASE_SIM";
/// `table` or `json`.
pub const OUTPUT: &str = "KUBELEASE_OUTPUT";
/// Any value: no colour.
pub const NO_COLOR: &str = "NO_COLOR";

/// Name and meaning of each variable, for `--help` pages and the README (a test compares them).
pub const DOCUMENTED: &[(&str, &str)] = &[
    (
        HOME,
        "folder with the ledger, the kubeconfigs and config.toml (else the XDG folders)",
    ),
    (
        LEDGER,
        "the ledger: `sqlite:PATH` or `postgres://USER@HOST/DATABASE`",
    ),
    (OWNER, "who new leases are for, when `--owner` does not say"),
    (
        SIM,
        "control URL of a simulator; all clouds are then simulated",
    ),
    (OUTPUT, "`table` or `json`"),
    (NO_COLOR, "any value: no colour"),
    (
        "USER",
        "who acts, for the audit trail (in a job of GitHub's GITHUB_ACTOR)",
    ),
    ("KUBECONFIG", "where `--merge` writes, like kubectl"),
    (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "Google credential file (else gcloud's own, or GOOGLE_OAUTH_ACCESS_TOKEN)",
    ),
    ("GOOGLE_CLOUD_PROJECT", "Google project"),
    (
        "AWS_ACCESS_KEY_ID",
        "AWS key (else the usual chain: AWS_PROFILE, web identity, ...)",
    ),
    (
        "AWS_CREDENTIAL_EXPIRATION",
        "when the AWS credentials end, for `doctor`",
    ),
    ("AWS_REGION", "AWS home region"),
    ("AZURE_SUBSCRIPTION_ID", "Azure subscription"),
    (
        "AZURE_CLIENT_SECRET",
        "Azure login, with AZURE_TENANT_ID and AZURE_CLIENT_ID (else the Azure CLI)",
    ),
    ("DIGITALOCEAN_ACCESS_TOKEN", "DigitalOcean API token"),
    ("DIGITALOCEAN_API_URL", "DigitalOcean endpoint"),
    ("LINODE_TOKEN", "Linode API token"),
    ("LINODE_URL", "Linode endpoint"),
    ("VULTR_API_KEY", "Vultr API key"),
    (
        "KUBELEASE_<PROVIDER>_ENDPOINT",
        "endpoint of one cloud, stronger than the vendor's own variable",
    ),
];

/// A copy of the environment, so that everything below can be tested without changing the real one.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The process's environment. Values that are not UTF-8 are left out.
    #[must_use]
    pub fn read() -> Self {
        let pairs = std::env::vars_os();
        Self(
            pairs
                .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
                .collect(),
        )
    }

    /// A made-up environment.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        )
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// The first of these that is set, with its name.
    #[must_use]
    pub fn first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The names of all that are set and not empty.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let set = self.0.iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, _)| name.as_str())
    }

    /// The same as a path.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.get(name).map(PathBuf::from)
    }
}
