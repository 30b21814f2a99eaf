//! What the API says about a subscription and what can be had in it: wire types without an id.

use serde::Deserialize;

/// A subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Subscription {
    pub(crate) subscription_id: String,
    pub(crate) display_name: String,
    /// `Enabled`, `Disabled`, `Warned`, `PastDue`, `Deleted`.
    pub(crate) state: String,
    pub(crate) subscription_policies: Policies,
}

/// What kind of subscription it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Policies {
    /// `FreeTrial_2014-09-01`.
    pub(crate) quota_id: String,
    /// `On`: nothing is charged beyond the credit.
    pub(crate) spending_limit: String,
}

/// A resource provider of the subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Registration {
    pub(crate) registration_state: String,
}

/// Kubernetes versions; the list is not called `value`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Versions {
    pub(crate) values: Vec<OfferedVersion>,
}

/// A minor version.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct OfferedVersion {
    pub(crate) version: String,
    pub(crate) is_preview: Option<bool>,
    pub(crate) capabilities: Option<VersionCapabilities>,
}

/// Who supports it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct VersionCapabilities {
    pub(crate) support_plan: Vec<String>,
}

/// A machine type in a region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MachineSku {
    pub(crate) resource_type: String,
    pub(crate) name: String,
    pub(crate) family: String,
    pub(crate) capabilities: Option<Vec<Pair>>,
    pub(crate) restrictions: Option<Vec<Restriction>>,
}

/// A name and a value.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Why a subscription may not start a machine type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Restriction {
    /// `Location` or `Zone`; the latter does not concern us.
    pub(crate) r#type: String,
}

/// How much of a quota is used in a region.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Usage {
    pub(crate) current_value: i64,
    pub(crate) limit: i64,
    pub(crate) name: UsageName,
}

/// What is limited: `cores`, or the family of a machine type.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UsageName {
    pub(crate) value: String,
}

/// The quotas of a region.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas(pub(crate) Vec<Usage>);

impl Quotas {
    /// What is left of a quota, and its limit; none when the region has no such quota.
    pub(crate) fn left(&self, name: &str) -> Option<(u32, u32)> {
        let found = self
            .0
            .iter()
            .find(|u| u.name.value.eq_ignore_ascii_case(name))?;
        let whole = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
        Some((
            whole(found.limit.saturating_sub(found.current_value)),
            whole(found.limit),
        ))
    }
}

impl MachineSku {
    /// A capability that is a number.
    pub(crate) fn vcpus(&self) -> Option<u32> {
        let all = self.capabilities.iter().flatten();
        let mut found = all.filter(|p| p.name.eq_ignore_ascii_case("vCPUs"));
        found.next()?.value.trim().parse().ok()
    }

    /// Whether the subscription may start it in the region that was asked about.
    pub(crate) fn is_open(&self) -> bool {
        let mut all = self.restrictions.iter().flatten();
        !all.any(|r| !r.r#type.eq_ignore_ascii_case("zone"))
    }
}
