//! What a node pool is asked to be: checked against machine and disk types. Must not change anything.

use serde_json::{Map, Value};

use super::call::{Refused, invalid, labels, text, texts};
use super::cluster_wish::check_labels;
use super::state::Machine;
use super::{catalog, shapes};

/// A pool that may be made.
#[derive(Debug, Clone)]
pub(super) struct PoolWish {
    pub(super) name: String,
    pub(super) machine: Machine,
    /// Nodes in each zone.
    pub(super) size: u64,
    pub(super) zones: Vec<String>,
    pub(super) scaling: Map<String, Value>,
    pub(super) settings: Map<String, Value>,
    pub(super) config: Map<String, Value>,
    pub(super) version: String,
}

/// What the vendor takes when nothing is said.
const SIZE: &str = "e2-medium";
const DISK_TYPE: &str = "pd-balanced";
const DISK_GIB: u64 = 100;
/// The smallest boot disk.
const LEAST_DISK_GIB: u64 = 12;
/// Parts of a pool's `config` that the machine says.
const OF_MACHINE: &[&str] = &[
    "machineType",
    "spot",
    "preemptible",
    "diskType",
    "diskSizeGb",
    "resourceLabels",
];

/// The named fields of a body.
pub(super) fn kept(body: &Value, names: &[&str]) -> Map<String, Value> {
    let fields = body.as_object().into_iter().flatten();
    let of_those = fields.filter(|(key, _)| names.contains(&key.as_str()));
    of_those.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Reads a pool whose shape has been checked; `version` is that of its cluster, with its channel.
pub(super) fn read(
    body: &Value,
    zones: &[String],
    version: (&str, &str),
    autopilot: bool,
) -> Result<PoolWish, Refused> {
    let config = &body["config"];
    let own_zones = texts(body, "locations");
    let zones = if own_zones.is_empty() {
        zones.to_vec()
    } else {
        own_zones
    };
    if let Some(zone) = zones.iter().find(|z| !catalog::is_zone(z)) {
        return Err(invalid(format!("Location \"{zone}\" does not exist.")));
    }
    let machine = machine(config, &zones)?;
    let scaling = body["autoscaling"].as_object().cloned().unwrap_or_default();
    check_scaling(&scaling)?;
    let wish = text(body, "version").filter(|v| !["", "-"].contains(v));
    let (channel, of_cluster) = version;
    let version = match wish {
        None => of_cluster,
        Some(wish) => catalog::version(wish, channel)
            .ok_or_else(|| invalid(format!("Node version \"{wish}\" is unsupported.")))?,
    };
    let mut other: Map<String, Value> = config.as_object().cloned().unwrap_or_default();
    other.retain(|key, _| !OF_MACHINE.contains(&key.as_str()));
    Ok(PoolWish {
        name: text(body, "name").unwrap_or_default().to_owned(),
        machine,
        size: if autopilot {
            1
        } else {
            body["initialNodeCount"].as_u64().unwrap_or(0)
        },
        zones,
        scaling,
        settings: kept(body, shapes::POOL_KEPT),
        config: other,
        version: version.to_owned(),
    })
}

fn machine(config: &Value, zones: &[String]) -> Result<Machine, Refused> {
    let or = |name: &str, usual: &str| {
        let given = text(config, name).filter(|t| !t.is_empty());
        given.unwrap_or(usual).to_owned()
    };
    let size = or("machineType", SIZE);
    // Too small for the system's own pods, says the service (nkoson/gke-tutorial issue 7).
    if ["f1-micro", "g1-small", "e2-micro"].contains(&size.as_str()) {
        return Err(invalid(format!(
            "Machine type {size} is not supported due to insufficient memory."
        )));
    }
    let unknown = zones.iter().find(|z| catalog::machine(&size, z).is_none());
    if let Some(zone) = unknown {
        return Err(invalid(format!(
            "Machine type with name \"{size}\" does not exist in zone \"{zone}\"."
        )));
    }
    let disk_type = or("diskType", DISK_TYPE);
    if !catalog::DISK_TYPES.contains(&disk_type.as_str()) {
        return Err(invalid(format!(
            "Disk type with name \"{disk_type}\" does not exist."
        )));
    }
    let disk_gib = config["diskSizeGb"].as_u64().filter(|n| *n > 0);
    let disk_gib = disk_gib.unwrap_or(DISK_GIB);
    if disk_gib < LEAST_DISK_GIB {
        return Err(invalid(format!(
            "Node boot disk size must be at least {LEAST_DISK_GIB} GB, got {disk_gib} GB."
        )));
    }
    let labels = labels(config, "resourceLabels");
    check_labels(&labels)?;
    let spot = config["spot"] == true || config["preemptible"] == true;
    Ok(Machine {
        size,
        spot,
        disk_type,
        disk_gib,
        labels,
    })
}

/// Refuses bounds that make no sense.
pub(super) fn check_scaling(scaling: &Map<String, Value>) -> Result<(), Refused> {
    let number = |name: &str| scaling.get(name).and_then(Value::as_u64).unwrap_or(0);
    let enabled = scaling.get("enabled") == Some(&Value::Bool(true));
    let most = number("maxNodeCount").max(number("totalMaxNodeCount"));
    if enabled && most == 0 {
        return Err(invalid(
            "NodePoolAutoscaling.max_node_count must be greater than zero when autoscaling is enabled.",
        ));
    }
    let fits = |low: &str, high: &str| number(high) == 0 || number(low) <= number(high);
    if enabled
        && !(fits("minNodeCount", "maxNodeCount") && fits("totalMinNodeCount", "totalMaxNodeCount"))
    {
        return Err(invalid(
            "NodePoolAutoscaling.min_node_count must not be greater than max_node_count.",
        ));
    }
    Ok(())
}
