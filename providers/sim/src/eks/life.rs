//! What happens with time: control planes, machines, add-ons and stacks come and go. Every event may find its subject gone.
//! Times are those that the notes saw in public logs: cluster 9.5 min, node group 2.5 min, deletions 3 min each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::Desk;
use super::state::{Kind, Thing};
use super::{
    ME, addons, catalog, cfn_life, controllers, ec2_delete, ec2_make, logs, machines, nodegroups,
    updates,
};
use crate::kube::NewCluster;

pub(super) const CLUSTER_UP: TimeDelta = TimeDelta::seconds(570);
pub(super) const CLUSTER_GONE: TimeDelta = TimeDelta::seconds(180);
/// From a node group's wish until its machines exist.
pub(super) const LAUNCH: TimeDelta = TimeDelta::seconds(30);
/// From a machine's start until its node is ready.
pub(super) const NODE_UP: TimeDelta = TimeDelta::seconds(60);
/// From the machines' start until the group is active, or has failed.
pub(super) const GROUP_UP: TimeDelta = TimeDelta::seconds(120);
pub(super) const GROUP_FAILS: TimeDelta = TimeDelta::seconds(1_200);
pub(super) const GROUP_GONE: TimeDelta = TimeDelta::seconds(180);
pub(super) const MACHINE_GONE: TimeDelta = TimeDelta::seconds(60);
pub(super) const ADDON_UP: TimeDelta = TimeDelta::seconds(30);
pub(super) const ADDON_GONE: TimeDelta = TimeDelta::seconds(30);
pub(super) const CONFIG_UPDATE: TimeDelta = TimeDelta::seconds(60);
pub(super) const VERSION_UPDATE: TimeDelta = TimeDelta::seconds(600);
pub(super) const BALANCER_UP: TimeDelta = TimeDelta::seconds(30);
/// From the deletion of a log group that is still written to until it is back.
pub(super) const LOGS_BACK: TimeDelta = TimeDelta::seconds(30);

/// Something that happens later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    ClusterUp {
        cluster: String,
    },
    ClusterGone {
        cluster: String,
    },
    SupportEnds {
        cluster: String,
        version: String,
    },
    GroupLaunch {
        cluster: String,
        group: String,
    },
    GroupSettled {
        cluster: String,
        group: String,
        issue: Value,
    },
    GroupGone {
        cluster: String,
        group: String,
    },
    NodeUp {
        instance: String,
    },
    MachineGone {
        instance: String,
    },
    MachineForgotten {
        instance: String,
    },
    AddonsLook {
        cluster: String,
    },
    AddonGone {
        cluster: String,
        addon: String,
    },
    UpdateDone {
        cluster: String,
        update: String,
    },
    BalancerUp {
        balancer: String,
    },
    LogsBack {
        cluster: String,
    },
    StackStep {
        stack: String,
    },
}

/// Has an event happen.
pub(super) fn due(desk: &mut Desk<'_>, event: Event) {
    match event {
        Event::ClusterUp { cluster } => cluster_up(desk, &cluster),
        Event::ClusterGone { cluster } => cluster_gone(desk, &cluster),
        Event::SupportEnds { cluster, version } => updates::support_ends(desk, &cluster, &version),
        Event::GroupLaunch { cluster, group } => nodegroups::launch(desk, &cluster, &group),
        Event::GroupSettled {
            cluster,
            group,
            issue,
        } => nodegroups::settled(desk, &cluster, &group, &issue),
        Event::GroupGone { cluster, group } => {
            if let Some(found) = desk.state.by_key_mut(&cluster) {
                found.groups.retain(|g| g.name != group);
            }
        }
        Event::NodeUp { instance } => machines::joined(desk, &instance),
        Event::MachineGone { instance } => machines::gone(desk, &instance),
        Event::MachineForgotten { instance } => desk.state.things.retain(|t| t.id != instance),
        Event::AddonsLook { cluster } => addons::look_again(desk, &cluster),
        Event::AddonGone { cluster, addon } => addons::gone(desk, &cluster, &addon),
        Event::UpdateDone { cluster, update } => updates::done(desk, &cluster, &update),
        Event::BalancerUp { balancer } => controllers::balancer_up(desk, &balancer),
        Event::LogsBack { cluster } => logs::appear(desk, &cluster),
        Event::StackStep { stack } => cfn_life::step(desk, &stack),
    }
}

fn cluster_up(desk: &mut Desk<'_>, key: &str) {
    let now = desk.core.now();
    let seed = desk.core.ids.seed();
    let Some(cluster) = desk
        .state
        .by_key_mut(key)
        .filter(|c| c.status() == "CREATING")
    else {
        return;
    };
    let new = NewCluster {
        provider: ME,
        id: key.to_owned(),
        name: cluster.name.clone(),
        git_version: catalog::git_version(cluster.version()),
        flavour: controllers::flavour(),
        seed,
    };
    // Without a port the API cannot come up: the cluster then fails, as it would for any other reason.
    if let Err(why) = desk.core.kube.open(new, now) {
        cluster.doc["status"] = json!("FAILED");
        cluster.doc["health"] =
            json!({"issues": [{"code": "InternalFailure", "message": why, "resourceIds": []}]});
        return;
    }
    cluster.doc["status"] = json!("ACTIVE");
    cluster.doc["endpoint"] = json!(desk.core.kube.endpoint(key));
    let ca = desk.core.kube.ca_pem(key).unwrap_or_default();
    cluster.doc["certificateAuthority"] = json!({"data": STANDARD.encode(ca)});
}

/// The control plane is gone with its interfaces. Its security group goes too unless something still wears or names it.
fn cluster_gone(desk: &mut Desk<'_>, key: &str) {
    desk.core.kube.close(key);
    desk.state.clusters.retain(|c| c.key != key);
    let own = |t: &&Thing| t.doc["_plane"] == key && t.kind == Kind::NetworkInterface;
    let interfaces: Vec<String> = desk
        .state
        .things
        .iter()
        .filter(own)
        .map(|t| t.id.clone())
        .collect();
    for interface in interfaces {
        ec2_make::remove(desk, &interface);
    }
    let group = desk
        .state
        .of(Kind::SecurityGroup)
        .find(|t| t.doc["_plane"] == key)
        .map(|t| t.id.clone());
    if let Some(group) = group.filter(|g| ec2_delete::blocked(desk, g).is_none()) {
        ec2_make::remove(desk, &group);
    }
}
