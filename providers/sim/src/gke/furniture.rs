//! What the vendor itself provides: the project with its quotas, regions, zones, machine types, disk types. Must not change anything.

use serde_json::{Value, json};

use super::ME;
use super::call::{Call, Desk, Outcome, compute, pacific};
use super::compute_view::link;
use super::kinds::Places;
use super::prices::{NodeRow, PRICES};
use super::project::NUMBER;
use super::{catalog, lists, quotas};
use crate::message::Reply;

/// What is asked for.
#[derive(Debug)]
pub(super) enum What {
    Project,
    Regions,
    Region(String),
    Zones,
    Zone(String),
    AllTypes,
    Types(String),
    Type(String, String),
}

impl What {
    /// What a path below the project asks for, if it is furniture.
    pub(super) fn of(path: &[&str]) -> Option<Self> {
        Some(match path {
            [] => Self::Project,
            ["regions"] => Self::Regions,
            ["regions", region] => Self::Region((*region).to_owned()),
            ["zones"] => Self::Zones,
            ["zones", zone] => Self::Zone((*zone).to_owned()),
            ["aggregated", "machineTypes"] => Self::AllTypes,
            ["zones", zone, "machineTypes"] => Self::Types((*zone).to_owned()),
            ["zones", zone, "machineTypes", name] => {
                Self::Type((*zone).to_owned(), (*name).to_owned())
            }
            _ => return None,
        })
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Regions | Self::Zones | Self::AllTypes | Self::Types(_)
        )
    }
}

pub(super) fn answer(desk: &Desk<'_>, call: &Call<'_>, what: &What) -> Outcome {
    let project = &call.project;
    let missing = |path: &str| {
        let message = format!("The resource 'projects/{project}/{path}' was not found");
        compute(404, "notFound", message)
    };
    let found = |view: Option<Value>, path: &str| match view {
        Some(view) => Ok(Reply::json(200, &view)),
        None => Err(missing(path)),
    };
    match what {
        What::Project => Ok(Reply::json(200, &the_project(desk, project))),
        What::Regions => {
            let all = catalog::REGIONS.iter();
            let views = all.map(|(name, _)| region(desk, project, name)).collect();
            lists::plain(call, "regions", "regionList", views)
        }
        What::Region(name) => {
            let there = catalog::is_region(name).then(|| region(desk, project, name));
            found(there, &format!("regions/{name}"))
        }
        What::Zones => {
            let all = zones();
            let views = all.iter().map(|z| zone(desk, project, z)).collect();
            lists::plain(call, "zones", "zoneList", views)
        }
        What::Zone(name) => {
            let there = catalog::is_zone(name).then(|| zone(desk, project, name));
            found(there, &format!("zones/{name}"))
        }
        What::AllTypes => {
            let all = zones().into_iter().flat_map(|z| types(project, &z));
            let of = lists::Of {
                word: "machineTypes",
                title: "machineTypeAggregatedList".to_owned(),
                places: Places {
                    global: false,
                    region: false,
                    zone: true,
                },
            };
            lists::aggregated(call, &of, all.collect())
        }
        What::Types(zone) => {
            super::compute::known(&super::state::Scope::Zone(zone.clone()))?;
            let views = types(project, zone).into_iter().map(|(_, v)| v).collect();
            lists::plain(
                call,
                &format!("zones/{zone}/machineTypes"),
                "machineTypeList",
                views,
            )
        }
        What::Type(zone, name) => {
            let there = catalog::machine(name, zone).filter(|_| catalog::is_zone(zone));
            let view = there.map(|row| machine_type(project, zone, row));
            found(view, &format!("zones/{zone}/machineTypes/{name}"))
        }
    }
}

fn zones() -> Vec<String> {
    let regions = catalog::REGIONS.iter();
    regions
        .flat_map(|(region, _)| catalog::zones(region))
        .collect()
}

/// An id for what has no place in the state.
fn id(text: &str) -> String {
    let digits: String = super::things::digits(text, 15);
    u64::from_str_radix(&digits, 16).map_or(digits, |n| n.to_string())
}

fn the_project(desk: &Desk<'_>, project: &str) -> Value {
    json!({
        "kind": "compute#project", "id": NUMBER, "name": project, "creationTimestamp": pacific(desk.core.started_at()),
        "selfLink": format!("https://www.googleapis.com/compute/v1/projects/{project}"),
        "defaultServiceAccount": format!("{NUMBER}-compute@developer.gserviceaccount.com"),
        "defaultNetworkTier": "PREMIUM", "quotas": quotas::global_view(desk.state, desk.core.account(ME)),
    })
}

fn region(desk: &Desk<'_>, project: &str, name: &str) -> Value {
    let zones = catalog::zones(name).into_iter();
    let zones: Vec<String> = zones
        .map(|z| link(project, &format!("zones/{z}")))
        .collect();
    json!({
        "kind": "compute#region", "id": id(name), "name": name, "description": name, "status": "UP", "zones": zones,
        "creationTimestamp": pacific(desk.core.started_at()), "selfLink": link(project, &format!("regions/{name}")),
        "quotas": quotas::regional_view(desk.state, desk.core.account(ME), name),
    })
}

fn zone(desk: &Desk<'_>, project: &str, name: &str) -> Value {
    json!({
        "kind": "compute#zone", "id": id(name), "name": name, "description": name, "status": "UP",
        "region": link(project, &format!("regions/{}", catalog::region_of(name))),
        "creationTimestamp": pacific(desk.core.started_at()), "selfLink": link(project, &format!("zones/{name}")),
    })
}

/// The machine types of a zone, with the zone's scope.
fn types(project: &str, zone: &str) -> Vec<(String, Value)> {
    let region = catalog::region_of(zone);
    let rows = PRICES.nodes().iter().filter(|r| r.region == region);
    rows.map(|r| (format!("zones/{zone}"), machine_type(project, zone, r)))
        .collect()
}

fn machine_type(project: &str, zone: &str, row: &NodeRow) -> Value {
    let path = format!("zones/{zone}/machineTypes/{}", row.size);
    let shared = ["e2-small", "e2-medium"].contains(&row.size.as_str());
    json!({
        "kind": "compute#machineType", "id": id(&path), "name": row.size, "zone": zone,
        "description": format!("{} vCPUs, {} GB RAM", row.vcpus(), row.memory_mib() / 1_024),
        "guestCpus": row.vcpus(), "memoryMb": row.memory_mib(), "isSharedCpu": shared,
        "architecture": if row.size.starts_with("c4a") { "ARM64" } else { "X86_64" },
        "maximumPersistentDisks": 128, "maximumPersistentDisksSizeGb": "263168", "selfLink": link(project, &path),
    })
}
