//! Where the API is and who we are there: values that the registry passes in. Reads no environment but
//! through `look`, and opens no connection.

use kubelease_core::{Error, Kind, ProviderId, Secret};

/// Azure Resource Manager of the public cloud.
pub const DEFAULT_ENDPOINT: &str = "https://management.azure.com";

/// The retail price list of the public cloud.
pub(crate) const PRICE_ENDPOINT: &str = "https://prices.azure.com";

/// The subscription that a simulator has until one is named.
const SIMULATED_SUBSCRIPTION: &str = "5eed0000-0000-4000-8000-0000000000a5";

/// What a person without any credential is told.
pub(crate) const GET_CREDENTIALS: &str = "set AZURE_SUBSCRIPTION_ID, and log in with `az login` or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE)";

/// What it takes to open Azure.
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL; [`DEFAULT_ENDPOINT`] unless it is a simulator or a proxy.
    pub(crate) endpoint: String,
    /// The subscription's id.
    pub(crate) subscription: String,
    /// How tokens are got.
    pub(crate) login: Login,
}

/// How tokens are got. The names follow `azure_identity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A token that somebody else got.
    Fixed(Secret),
    /// A service principal with a secret.
    ClientSecret {
        tenant: String,
        client: String,
        secret: Secret,
    },
    /// A token of another issuer (a Kubernetes service account, a CI job) in a file.
    WorkloadIdentity {
        tenant: String,
        client: String,
        file: String,
    },
    /// The identity of the machine that we run on.
    ManagedIdentity { client: Option<String> },
    /// Whoever has done `az login` here.
    AzureCli { tenant: Option<String> },
    /// The Azure CLI, else the Azure Developer CLI.
    DeveloperTools,
}

impl Config {
    /// Reads the vendor's variables. `endpoint` is one base URL that serves everything (a simulator or a
    /// proxy before it); then, and when `simulated`, the token is a fixed one, because `azure_identity`
    /// takes no plain http.
    ///
    /// # Errors
    /// `Unauthenticated`, naming the variables that are missing; `Invalid` for a subscription that is
    /// no id.
    pub fn read(
        look: &dyn Fn(&str) -> Option<String>,
        endpoint: Option<&str>,
        simulated: bool,
    ) -> Result<Self, Error> {
        let get = |name: &str| {
            let value = look(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let subscription = match (get("AZURE_SUBSCRIPTION_ID"), simulated) {
            (Some(id), _) => id,
            (None, true) => SIMULATED_SUBSCRIPTION.to_owned(),
            (None, false) => return Err(missing("AZURE_SUBSCRIPTION_ID is not set")),
        };
        // It becomes a part of every path.
        let plain = |c: char| c.is_ascii_hexdigit() || c == '-';
        if !subscription.chars().all(plain) {
            let why = "AZURE_SUBSCRIPTION_ID is not a subscription's id";
            return Err(Error::new(Kind::Invalid, "read credentials", why)
                .at(ProviderId::Aks)
                .hint("`az account show --query id` prints it"));
        }
        let login = match (get("AZURE_ACCESS_TOKEN"), endpoint.is_some() || simulated) {
            (Some(token), _) => Login::Fixed(Secret::new(token)),
            (None, true) if simulated => Login::Fixed(Secret::new("simulated")),
            (None, true) => {
                let why =
                    "AZURE_ACCESS_TOKEN is not set, and another endpoint takes no other login";
                return Err(missing(why).hint(
                    "AZURE_ACCESS_TOKEN=$(az account get-access-token --query accessToken -o tsv)",
                ));
            }
            (None, false) => login(&get)?,
        };
        Ok(Self {
            endpoint: endpoint.unwrap_or(DEFAULT_ENDPOINT).to_owned(),
            subscription: subscription.to_ascii_lowercase(),
            login,
        })
    }
}

fn missing(why: &str) -> Error {
    Error::new(Kind::Unauthenticated, "read credentials", why)
        .at(ProviderId::Aks)
        .hint(GET_CREDENTIALS)
}

/// `AZURE_TOKEN_CREDENTIALS` names a credential as in the vendor's other SDKs; without it what is set
/// decides, and without anything the Azure CLI.
fn login(get: &dyn Fn(&str) -> Option<String>) -> Result<Login, Error> {
    let chosen = get("AZURE_TOKEN_CREDENTIALS").unwrap_or_default();
    let (tenant, client) = (get("AZURE_TENANT_ID"), get("AZURE_CLIENT_ID"));
    let need = |value: &Option<String>, name: &str| {
        value
            .clone()
            .ok_or_else(|| missing(&format!("{name} is not set")))
    };
    match chosen.to_ascii_lowercase().as_str() {
        "" | "prod" | "environmentcredential" | "workloadidentitycredential" => {}
        "managedidentitycredential" => return Ok(Login::ManagedIdentity { client }),
        "azureclicredential" => return Ok(Login::AzureCli { tenant }),
        "dev" | "azuredeveloperclicredential" => return Ok(Login::DeveloperTools),
        other => {
            let why = format!("AZURE_TOKEN_CREDENTIALS names `{other}`, which is not known");
            return Err(missing(&why));
        }
    }
    if let Some(secret) = get("AZURE_CLIENT_SECRET") {
        return Ok(Login::ClientSecret {
            tenant: need(&tenant, "AZURE_TENANT_ID")?,
            client: need(&client, "AZURE_CLIENT_ID")?,
            secret: Secret::new(secret),
        });
    }
    if let Some(file) = get("AZURE_FEDERATED_TOKEN_FILE") {
        return Ok(Login::WorkloadIdentity {
            tenant: need(&tenant, "AZURE_TENANT_ID")?,
            client: need(&client, "AZURE_CLIENT_ID")?,
            file,
        });
    }
    // App Service and its kin say so; a plain machine does not, and is chosen by name.
    if get("IDENTITY_ENDPOINT").is_some() || chosen == "prod" {
        return Ok(Login::ManagedIdentity { client });
    }
    if client.is_some() || !chosen.is_empty() {
        return Err(missing(
            "AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE is not set",
        ));
    }
    Ok(Login::AzureCli { tenant })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(
        set: &[(&str, &str)],
        endpoint: Option<&str>,
        simulated: bool,
    ) -> Result<Config, Error> {
        let look = |name: &str| {
            let found = set.iter().find(|(n, _)| *n == name);
            found.map(|(_, v)| (*v).to_owned())
        };
        Config::read(&look, endpoint, simulated)
    }

    const SUB: (&str, &str) = ("AZURE_SUBSCRIPTION_ID", "0A-1\n");

    #[test]
    fn a_simulator_needs_nothing() {
        let config = read(&[], Some("http://127.0.0.1:9"), true).unwrap();
        assert_eq!(config.endpoint, "http://127.0.0.1:9");
        assert_eq!(config.subscription, SIMULATED_SUBSCRIPTION);
        assert_eq!(config.login, Login::Fixed(Secret::new("simulated")));
        let own = [("AZURE_ACCESS_TOKEN", "t1"), SUB];
        let config = read(&own, Some("http://127.0.0.1:9"), true).unwrap();
        assert_eq!(config.login, Login::Fixed(Secret::new("t1")));
        assert_eq!(config.subscription, "0a-1");
    }

    #[test]
    fn the_variables_choose_the_login() {
        let (tenant, client) = (("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_ID", "c"));
        let secret = ("AZURE_CLIENT_SECRET", "s");
        let file = ("AZURE_FEDERATED_TOKEN_FILE", "/f");
        let chosen = |name| ("AZURE_TOKEN_CREDENTIALS", name);
        let text = |t: &str| t.to_owned();
        let cases = [
            (vec![], Login::AzureCli { tenant: None }),
            (
                vec![tenant],
                Login::AzureCli {
                    tenant: Some(text("t")),
                },
            ),
            (
                vec![tenant, client, secret, file],
                Login::ClientSecret {
                    tenant: text("t"),
                    client: text("c"),
                    secret: Secret::new("s"),
                },
            ),
            (
                vec![tenant, client, file],
                Login::WorkloadIdentity {
                    tenant: text("t"),
                    client: text("c"),
                    file: text("/f"),
                },
            ),
            (
                vec![client, chosen("ManagedIdentityCredential"), secret],
                Login::ManagedIdentity {
                    client: Some(text("c")),
                },
            ),
            (
                vec![("IDENTITY_ENDPOINT", "u")],
                Login::ManagedIdentity { client: None },
            ),
            (vec![chosen("dev")], Login::DeveloperTools),
        ];
        for (mut set, login) in cases {
            set.push(SUB);
            assert_eq!(read(&set, None, false).unwrap().login, login, "{set:?}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>, &'a str);
        let cases: [Case<'_>; 6] = [
            (&[], None, "AZURE_SUBSCRIPTION_ID"),
            (
                &[("AZURE_SUBSCRIPTION_ID", " ")],
                None,
                "AZURE_SUBSCRIPTION_ID",
            ),
            (&[SUB], Some("http://127.0.0.1:9"), "AZURE_ACCESS_TOKEN"),
            (
                &[SUB, ("AZURE_CLIENT_SECRET", "canary")],
                None,
                "AZURE_TENANT_ID",
            ),
            (
                &[SUB, ("AZURE_CLIENT_ID", "c")],
                None,
                "AZURE_CLIENT_SECRET",
            ),
            (&[SUB, ("AZURE_TOKEN_CREDENTIALS", "x")], None, "`x`"),
        ];
        for (set, endpoint, word) in cases {
            let error = read(set, endpoint, false).unwrap_err();
            assert_eq!(error.kind, Kind::Unauthenticated);
            assert!(error.message.contains(word), "{word}: {error}");
            assert!(error.hint.unwrap().contains("AZURE_"));
        }
        let odd = [("AZURE_SUBSCRIPTION_ID", "a/../b")];
        assert_eq!(read(&odd, None, false).unwrap_err().kind, Kind::Invalid);
    }

    #[test]
    fn debug_shows_no_secret() {
        let set = [
            SUB,
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "canary"),
        ];
        let shown = format!("{:?}", read(&set, None, false).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
