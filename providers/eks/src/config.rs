//! Where each AWS service is and who we are there: values, read once from what the registry passes in.
//! Reads no environment by itself; only AWS's own credential chain does, in real use.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{Error, Kind, ProviderId, Secret};

/// The AWS services that are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Service {
    Eks,
    CloudFormation,
    Ec2,
    /// Classic load balancers.
    Elb,
    /// Network and application load balancers; host and signing name are those of [`Service::Elb`].
    ElbV2,
    AutoScaling,
    Sts,
    Logs,
    FreeTier,
    /// Service Quotas.
    Quotas,
    /// The price list.
    Pricing,
}

impl Service {
    const ALL: [Self; 11] = [
        Self::Eks,
        Self::CloudFormation,
        Self::Ec2,
        Self::Elb,
        Self::ElbV2,
        Self::AutoScaling,
        Self::Sts,
        Self::Logs,
        Self::FreeTier,
        Self::Quotas,
        Self::Pricing,
    ];

    /// The name in the credential scope of a signature.
    pub(crate) const fn signing_name(self) -> &'static str {
        match self {
            Self::Eks => "eks",
            Self::CloudFormation => "cloudformation",
            Self::Ec2 => "ec2",
            Self::Elb | Self::ElbV2 => "elasticloadbalancing",
            Self::AutoScaling => "autoscaling",
            Self::Sts => "sts",
            Self::Logs => "logs",
            Self::FreeTier => "freetier",
            Self::Quotas => "servicequotas",
            Self::Pricing => "pricing",
        }
    }

    /// The service's own endpoint variable: `AWS_ENDPOINT_URL_` and its service id.
    const fn variable(self) -> &'static str {
        match self {
            Self::Eks => "AWS_ENDPOINT_URL_EKS",
            Self::CloudFormation => "AWS_ENDPOINT_URL_CLOUDFORMATION",
            Self::Ec2 => "AWS_ENDPOINT_URL_EC2",
            Self::Elb => "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING",
            Self::ElbV2 => "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
            Self::AutoScaling => "AWS_ENDPOINT_URL_AUTO_SCALING",
            Self::Sts => "AWS_ENDPOINT_URL_STS",
            Self::Logs => "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS",
            Self::FreeTier => "AWS_ENDPOINT_URL_FREETIER",
            Self::Quotas => "AWS_ENDPOINT_URL_SERVICE_QUOTAS",
            Self::Pricing => "AWS_ENDPOINT_URL_PRICING",
        }
    }

    /// The region that a call for `region` is signed for: the free tier has one for all, and the price list
    /// is the same in its few.
    pub(crate) fn signing_region(self, region: &str) -> &str {
        match self {
            Self::FreeTier | Self::Pricing => "us-east-1",
            _ => region,
        }
    }

    fn host(self, region: &str) -> String {
        match self {
            Self::FreeTier => "https://freetier.us-east-1.api.aws".to_owned(),
            Self::Pricing => "https://api.pricing.us-east-1.amazonaws.com".to_owned(),
            _ => format!("https://{}.{region}.amazonaws.com", self.signing_name()),
        }
    }
}

/// Who we are.
#[derive(Clone, Debug)]
pub(crate) enum Login {
    /// A key pair as a value.
    Keys {
        id: String,
        secret: Secret,
        session: Option<Secret>,
        /// When they stop working, if the environment says.
        expires: Option<DateTime<Utc>>,
    },
    /// AWS's own credential chain: profiles, web identity, container and instance roles.
    Chain,
}

/// What it takes to open EKS.
#[derive(Clone, Debug)]
pub struct Config {
    /// One base URL for all services, or none for AWS's own.
    endpoint: Option<String>,
    /// Base URLs of single services.
    services: BTreeMap<Service, String>,
    pub(crate) login: Login,
    /// The home region: where the account is asked and where listings always look.
    pub(crate) region: String,
    /// Further regions that listings look at.
    pub(crate) more_regions: Vec<String>,
}

/// Any of these says that AWS's own chain will find credentials.
const CHAIN: [&str; 6] = [
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
];

impl Config {
    /// Reads what is needed through `look`, which answers with an environment variable's value.
    /// `endpoint` is one URL that serves all services (a simulator); `simulated` says that made-up
    /// credentials will do when there are none.
    ///
    /// # Errors
    /// `Unauthenticated` without credentials, `Invalid` without a region; both name what to set.
    pub fn read(
        look: &dyn Fn(&str) -> Option<String>,
        endpoint: Option<&str>,
        simulated: bool,
    ) -> Result<Self, Error> {
        let set = |name: &str| {
            look(name)
                .map(|v| v.trim().to_owned())
                .filter(|v| !v.is_empty())
        };
        let login = login(&set, simulated)?;
        let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"));
        let region = match region {
            Some(region) => region,
            None if simulated => "us-east-1".to_owned(),
            None => return Err(no_region()),
        };
        let everywhere = endpoint.map(str::to_owned);
        let mut services = BTreeMap::new();
        if everywhere.is_none() {
            for service in Service::ALL {
                let own = set(service.variable()).or_else(|| set("AWS_ENDPOINT_URL"));
                services.extend(own.map(|url| (service, url)));
            }
        }
        let more = set("KUBELEASE_EKS_REGIONS").unwrap_or_default();
        let more = more
            .split(',')
            .map(str::trim)
            .filter(|r| is_region(r))
            .map(str::to_owned);
        if !is_region(&region) {
            return Err(no_region());
        }
        Ok(Self {
            endpoint: everywhere,
            services,
            login,
            more_regions: more.collect(),
            region,
        })
    }

    /// The base URL of a service in a region.
    pub(crate) fn base(&self, service: Service, region: &str) -> String {
        let named = self.endpoint.as_ref().or(self.services.get(&service));
        named.cloned().unwrap_or_else(|| service.host(region))
    }

    /// Whether EKS is somebody else's server, which may lack operations that AWS has.
    pub(crate) fn is_stand_in(&self) -> bool {
        self.endpoint.is_some() || self.services.contains_key(&Service::Eks)
    }
}

/// A region becomes part of a host name that gets our signature: nothing else may slip in.
pub(crate) fn is_region(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !text.is_empty() && text.len() <= 32 && text.bytes().all(plain)
}

fn login(set: &dyn Fn(&str) -> Option<String>, simulated: bool) -> Result<Login, Error> {
    if let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        return Ok(Login::Keys {
            id,
            secret: Secret::new(secret),
            session: set("AWS_SESSION_TOKEN").map(Secret::new),
            // Written by `aws configure export-credentials --format env`.
            expires: set("AWS_CREDENTIAL_EXPIRATION").and_then(|text| text.parse().ok()),
        });
    }
    if simulated {
        return Ok(Login::Keys {
            id: "simulated".to_owned(),
            secret: Secret::new("simulated"),
            session: None,
            expires: None,
        });
    }
    if CHAIN.iter().any(|name| set(name).is_some()) {
        return Ok(Login::Chain);
    }
    Err(Error::new(
        Kind::Unauthenticated,
        "open EKS",
        "there are no credentials",
    )
    .at(ProviderId::Eks)
    .hint(GET_CREDENTIALS))
}

/// Shown when there are no credentials, or wrong ones.
pub(crate) const GET_CREDENTIALS: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (AWS_PROFILE=default for what \
     `aws configure` wrote)";

fn no_region() -> Error {
    Error::new(Kind::Invalid, "open EKS", "there is no region")
        .at(ProviderId::Eks)
        .hint("set AWS_REGION, to us-east-1 for example")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)], endpoint: Option<&str>, sim: bool) -> Result<Config, Error> {
        let vars: BTreeMap<&str, &str> = vars.iter().copied().collect();
        Config::read(&|n| vars.get(n).map(|v| (*v).to_owned()), endpoint, sim)
    }

    const KEYS: [(&str, &str); 3] = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "canary-secret\n"),
        ("AWS_REGION", "eu-west-1"),
    ];

    #[test]
    fn keys_profile_or_an_error_that_names_them() {
        let config = read(&KEYS, None, false).unwrap();
        assert!(
            matches!(&config.login, Login::Keys { secret, .. } if secret.reveal() == "canary-secret")
        );
        assert!(!format!("{config:?}").contains("canary"));
        let chain = read(&[("AWS_PROFILE", "me"), KEYS[2]], None, false).unwrap();
        assert!(matches!(chain.login, Login::Chain));
        let none = read(&[KEYS[2], KEYS[0]], None, false).unwrap_err();
        assert_eq!(none.kind, Kind::Unauthenticated);
        assert!(none.hint.unwrap().contains("AWS_SECRET_ACCESS_KEY"));
        let nowhere = read(&KEYS[..2], None, false).unwrap_err();
        assert!(nowhere.hint.unwrap().contains("AWS_REGION"));
        let sim = read(&[], Some("http://127.0.0.1:1"), true).unwrap();
        assert_eq!(sim.region, "us-east-1");
    }

    #[test]
    fn endpoints_in_order_of_who_named_them() {
        let own = read(&KEYS, None, false).unwrap();
        assert_eq!(
            own.base(Service::ElbV2, "eu-west-1"),
            "https://elasticloadbalancing.eu-west-1.amazonaws.com"
        );
        assert_eq!(
            own.base(Service::FreeTier, "eu-west-1"),
            "https://freetier.us-east-1.api.aws"
        );
        assert!(!own.is_stand_in());
        let mut vars = KEYS.to_vec();
        vars.push(("AWS_ENDPOINT_URL", "http://all"));
        vars.push(("AWS_ENDPOINT_URL_EC2", "http://ec2"));
        let named = read(&vars, None, false).unwrap();
        let bases = |c: &Config| [c.base(Service::Ec2, "x"), c.base(Service::Eks, "x")];
        assert_eq!(bases(&named), ["http://ec2", "http://all"]);
        assert!(named.is_stand_in());
        // The simulator is never left for what a variable says.
        let sim = read(&vars, Some("http://sim"), true).unwrap();
        assert_eq!(bases(&sim), ["http://sim", "http://sim"]);
    }

    #[test]
    fn a_region_cannot_name_another_host() {
        let mut vars = KEYS.to_vec();
        vars[2] = ("AWS_REGION", "evil.example/#");
        assert!(read(&vars, None, false).is_err());
        vars[2] = KEYS[2];
        vars.push((
            "KUBELEASE_EKS_REGIONS",
            "us-west-2, evil.example/ ,eu-north-1",
        ));
        let config = read(&vars, None, false).unwrap();
        assert_eq!(config.more_regions, ["us-west-2", "eu-north-1"]);
    }
}
