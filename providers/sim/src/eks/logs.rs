//! Log groups of control planes: there while logging is on, and back again when somebody deletes them too early.

use serde_json::{Value, json};

use super::ME;
use super::call::{ACCOUNT, Call, Desk};
use super::life::{self, Event};
use super::state::{Cluster, LogGroup};
use super::wire::{Outcome, list, refused};

/// The name of a cluster's log group.
fn name_of(cluster: &Cluster) -> String {
    format!("/aws/eks/{}/cluster", cluster.name)
}

fn logs(cluster: &Cluster) -> bool {
    list(&cluster.doc["logging"]["clusterLogging"])
        .iter()
        .any(|l| l["enabled"] == true)
}

/// The service makes the group of a cluster that logs, whether or not it was there before.
pub(super) fn appear(desk: &mut Desk<'_>, key: &str) {
    let now = desk.core.now();
    let Some(cluster) = desk.state.by_key(key).filter(|c| logs(c)) else {
        return;
    };
    let (name, region, belongs) = (
        name_of(cluster),
        cluster.region.clone(),
        cluster.belongings(),
    );
    if desk
        .state
        .logs
        .iter()
        .all(|g| g.name != name || g.region != region)
    {
        desk.state.logs.push(LogGroup {
            name,
            region,
            belongs,
            created_at: now,
        });
    }
}

pub(super) fn describe(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let prefix = call.text("logGroupNamePrefix");
    let here = desk
        .state
        .logs
        .iter()
        .filter(|g| g.region == call.region && g.name.starts_with(prefix));
    let mut all: Vec<Value> = here
        .map(|g| {
            let arn = format!("arn:aws:logs:{}:{ACCOUNT}:log-group:{}", g.region, g.name);
            json!({"logGroupName": g.name, "creationTime": g.created_at.timestamp_millis(), "metricFilterCount": 0, "arn": format!("{arn}:*"), "logGroupArn": arn, "storedBytes": 0, "logGroupClass": "STANDARD"})
        })
        .collect();
    all.sort_by_key(|g| g["logGroupName"].to_string());
    let start: usize = call.text("nextToken").parse().unwrap_or(0);
    let size = call.whole("limit").unwrap_or(50).clamp(1, 50);
    let more = all.len() > start + size;
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut view = json!({"logGroups": items});
    if more {
        view["nextToken"] = json!((start + size).to_string());
    }
    Ok(view)
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("logGroupName");
    let own = |g: &LogGroup| g.name == name && g.region == call.region;
    if !desk.state.logs.iter().any(own) {
        return Err(refused(
            400,
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ));
    }
    desk.state.logs.retain(|g| !own(g));
    let writer = desk
        .state
        .clusters
        .iter()
        .find(|c| name_of(c) == name && c.region == call.region && logs(c));
    if let Some(key) = writer.map(|c| c.key.clone()) {
        desk.core
            .schedule(ME, life::LOGS_BACK, &Event::LogsBack { cluster: key });
    }
    Ok(Value::Null)
}
