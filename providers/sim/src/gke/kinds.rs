//! The kinds of things of the compute API: what they are called, where they live, what can be done with them.
//! A table; must not hold state.

use serde::{Deserialize, Serialize};

/// A kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Addresses,
    BackendServices,
    Disks,
    Firewalls,
    ForwardingRules,
    HealthChecks,
    HttpHealthChecks,
    InstanceGroupManagers,
    InstanceGroups,
    InstanceTemplates,
    Instances,
    NetworkEndpointGroups,
    Routes,
    Snapshots,
    SslCertificates,
    TargetHttpProxies,
    TargetHttpsProxies,
    TargetPools,
    UrlMaps,
}

/// Where things of a kind may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) global: bool,
    pub(super) region: bool,
    pub(super) zone: bool,
}

/// What is known about a kind.
#[derive(Debug)]
pub(super) struct Facts {
    kind: Kind,
    /// In paths.
    word: &'static str,
    /// As in `compute#disk`.
    single: &'static str,
    places: Places,
    /// Whether there is an aggregated list.
    aggregated: bool,
    /// Whether it has labels.
    labels: bool,
    /// What `GET /world` calls it.
    world: &'static str,
    /// Seconds a deletion takes (assumption: nobody publishes them; gcloud users see a few seconds for most, about a minute for VMs).
    deleting: i64,
}

const fn places(global: bool, region: bool, zone: bool) -> Places {
    Places {
        global,
        region,
        zone,
    }
}

#[rustfmt::skip] // one line each: this is a table
const FACTS: &[Facts] = &[
    Facts { kind: Kind::Addresses, word: "addresses", single: "address", places: places(true, true, false), aggregated: true, labels: true, world: "address", deleting: 5 },
    Facts { kind: Kind::BackendServices, word: "backendServices", single: "backendService", places: places(true, true, false), aggregated: true, labels: false, world: "backend_service", deleting: 10 },
    Facts { kind: Kind::Disks, word: "disks", single: "disk", places: places(false, true, true), aggregated: true, labels: true, world: "volume", deleting: 5 },
    Facts { kind: Kind::Firewalls, word: "firewalls", single: "firewall", places: places(true, false, false), aggregated: false, labels: false, world: "firewall", deleting: 10 },
    Facts { kind: Kind::ForwardingRules, word: "forwardingRules", single: "forwardingRule", places: places(true, true, false), aggregated: true, labels: true, world: "load_balancer", deleting: 15 },
    Facts { kind: Kind::HealthChecks, word: "healthChecks", single: "healthCheck", places: places(true, true, false), aggregated: true, labels: false, world: "health_check", deleting: 5 },
    Facts { kind: Kind::HttpHealthChecks, word: "httpHealthChecks", single: "httpHealthCheck", places: places(true, false, false), aggregated: false, labels: false, world: "health_check", deleting: 5 },
    Facts { kind: Kind::InstanceGroupManagers, word: "instanceGroupManagers", single: "instanceGroupManager", places: places(false, false, true), aggregated: true, labels: false, world: "instance_group_manager", deleting: 60 },
    Facts { kind: Kind::InstanceGroups, word: "instanceGroups", single: "instanceGroup", places: places(false, false, true), aggregated: true, labels: false, world: "instance_group", deleting: 10 },
    Facts { kind: Kind::InstanceTemplates, word: "instanceTemplates", single: "instanceTemplate", places: places(true, false, false), aggregated: true, labels: false, world: "instance_template", deleting: 5 },
    Facts { kind: Kind::Instances, word: "instances", single: "instance", places: places(false, false, true), aggregated: true, labels: true, world: "instance", deleting: 60 },
    Facts { kind: Kind::NetworkEndpointGroups, word: "networkEndpointGroups", single: "networkEndpointGroup", places: places(false, false, true), aggregated: true, labels: false, world: "network_endpoint_group", deleting: 5 },
    Facts { kind: Kind::Routes, word: "routes", single: "route", places: places(true, false, false), aggregated: false, labels: false, world: "route", deleting: 10 },
    Facts { kind: Kind::Snapshots, word: "snapshots", single: "snapshot", places: places(true, false, false), aggregated: false, labels: true, world: "snapshot", deleting: 5 },
    Facts { kind: Kind::SslCertificates, word: "sslCertificates", single: "sslCertificate", places: places(true, false, false), aggregated: true, labels: false, world: "ssl_certificate", deleting: 5 },
    Facts { kind: Kind::TargetHttpProxies, word: "targetHttpProxies", single: "targetHttpProxy", places: places(true, true, false), aggregated: true, labels: false, world: "target_proxy", deleting: 5 },
    Facts { kind: Kind::TargetHttpsProxies, word: "targetHttpsProxies", single: "targetHttpsProxy", places: places(true, true, false), aggregated: true, labels: false, world: "target_proxy", deleting: 5 },
    Facts { kind: Kind::TargetPools, word: "targetPools", single: "targetPool", places: places(false, true, false), aggregated: true, labels: false, world: "target_pool", deleting: 10 },
    Facts { kind: Kind::UrlMaps, word: "urlMaps", single: "urlMap", places: places(true, true, false), aggregated: true, labels: false, world: "url_map", deleting: 5 },
];

impl Kind {
    fn facts(self) -> &'static Facts {
        // Every kind has a row; a test says so.
        FACTS.iter().find(|f| f.kind == self).unwrap_or(&FACTS[0])
    }

    /// The kind a path names.
    pub(super) fn named(word: &str) -> Option<Self> {
        FACTS.iter().find(|f| f.word == word).map(|f| f.kind)
    }

    pub(super) fn word(self) -> &'static str {
        self.facts().word
    }

    pub(super) fn single(self) -> &'static str {
        self.facts().single
    }

    /// What its aggregated list is called; two are in the plural.
    pub(super) fn aggregated_list(self) -> String {
        let word = match self {
            Self::HealthChecks | Self::UrlMaps => self.word(),
            _ => self.single(),
        };
        format!("{word}AggregatedList")
    }

    pub(super) fn places(self) -> Places {
        self.facts().places
    }

    pub(super) fn aggregated(self) -> bool {
        self.facts().aggregated
    }

    pub(super) fn has_labels(self) -> bool {
        self.facts().labels
    }

    pub(super) fn world(self) -> &'static str {
        self.facts().world
    }

    pub(super) fn deleting(self) -> chrono::TimeDelta {
        chrono::TimeDelta::seconds(self.facts().deleting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_row() {
        for facts in FACTS {
            assert_eq!(facts.kind.word(), facts.word);
            assert_eq!(Kind::named(facts.word), Some(facts.kind));
        }
        assert_eq!(Kind::named("networks"), None);
    }
}
