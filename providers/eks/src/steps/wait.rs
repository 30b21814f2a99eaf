//! How far a step is. Reads only; the engine decides how often.

use aws_sdk_eks::types::{AddonStatus, ClusterStatus, Nodegroup, NodegroupStatus, SupportType};
use kubelease_core::{Error, Progress, Ref, StepAt};

use super::{ADDON, CLUSTER, POOL, STACK, lacks, no_step, parts};
use crate::api::wire::Activity;
use crate::api::{Api, Call, FREE_PLAN_HINT, is_free_plan_refusal};
use crate::config::Service;

/// Ready, pending or failed. What EKS does not know yet is pending: right after a create, reads may not
/// see it, and a step that failed here would be undone while the thing is still to appear.
pub(crate) async fn poll(api: &Api, at: &StepAt<'_>, made: &Ref) -> Result<Progress, Error> {
    match made.kind.as_str() {
        STACK => stack(api, made).await,
        CLUSTER => cluster(api, made).await,
        POOL => pool(api, made).await,
        ADDON => addon(api, made).await,
        _ => Err(no_step(&at.step.kind)),
    }
}

fn not_yet() -> Progress {
    Progress::Pending("not visible yet".to_owned())
}

async fn stack(api: &Api, made: &Ref) -> Result<Progress, Error> {
    let Some(stack) = api.stack(&made.region, &made.id).await? else {
        return Ok(not_yet());
    };
    let status = stack.stack_status;
    match status.as_str() {
        "CREATE_COMPLETE" => Ok(Progress::Ready),
        "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => Ok(Progress::Pending(status)),
        _ => {
            let first = api.stack_failure(&made.region, &made.id).await;
            let reason = first.ok().filter(|r| !r.is_empty());
            let reason = reason.or(stack.stack_status_reason).unwrap_or_default();
            Ok(Progress::Failed(format!("{status}: {reason}")))
        }
    }
}

async fn cluster(api: &Api, made: &Ref) -> Result<Progress, Error> {
    let Some(cluster) = api.eks(&made.region).cluster(&made.id).await? else {
        return Ok(not_yet());
    };
    let policy = cluster.upgrade_policy.and_then(|p| p.support_type);
    if policy == Some(SupportType::Extended) {
        let why =
            "the cluster got extended support, which costs six times as much and cannot be left";
        return Ok(Progress::Failed(why.to_owned()));
    }
    let status = cluster.status.as_ref().map_or("unknown", |s| s.as_str());
    let issues = cluster.health.and_then(|h| h.issues).unwrap_or_default();
    let issues: Vec<&str> = issues.iter().filter_map(|i| i.message.as_deref()).collect();
    let words = said(status, &issues);
    Ok(match cluster.status {
        Some(ClusterStatus::Active) => Progress::Ready,
        Some(ClusterStatus::Failed | ClusterStatus::Deleting) => Progress::Failed(words),
        _ => Progress::Pending(words),
    })
}

fn said(status: &str, issues: &[&str]) -> String {
    match issues {
        [] => status.to_owned(),
        issues => format!("{status}: {}", issues.join("; ")),
    }
}

async fn pool(api: &Api, made: &Ref) -> Result<Progress, Error> {
    let (cluster, name) = parts(&made.id);
    let Some(pool) = api.eks(&made.region).pool(cluster, name).await? else {
        return Ok(not_yet());
    };
    let status = pool.status.as_ref().map_or("unknown", |s| s.as_str());
    let issues = pool.health.as_ref().and_then(|h| h.issues.as_ref());
    let issues = issues.into_iter().flatten();
    let issues: Vec<&str> = issues.filter_map(|i| i.message.as_deref()).collect();
    let words = said(status, &issues);
    Ok(match pool.status {
        Some(NodegroupStatus::Active) => Progress::Ready,
        Some(NodegroupStatus::CreateFailed | NodegroupStatus::Deleting) => {
            Progress::Failed(with_way_out(words))
        }
        Some(NodegroupStatus::Creating) => match launch_failure(api, &made.region, &pool).await {
            Some(why) => Progress::Failed(with_way_out(why)),
            None => Progress::Pending(words),
        },
        _ => Progress::Pending(words),
    })
}

fn with_way_out(words: String) -> String {
    if is_free_plan_refusal(&words) {
        format!("{words} ({FREE_PLAN_HINT})")
    } else {
        words
    }
}

/// Why machines cannot be launched: the scaling group knows within a minute, while the node pool says
/// `CREATING` for half an hour. Only a reason that waiting does not mend; not being told is none.
async fn launch_failure(api: &Api, region: &str, pool: &Nodegroup) -> Option<String> {
    let groups = pool.resources.as_ref()?.auto_scaling_groups.as_ref()?;
    let group = groups.first()?.name.as_deref()?;
    let needs = "autoscaling:DescribeScalingActivities";
    let (action, operation) = ("DescribeScalingActivities", "read scaling activities");
    let call = Call::read(Service::AutoScaling, region, action, operation, needs)
        .with("AutoScalingGroupName", group);
    let id = |a: &Activity| a.activity_id.clone();
    let listed = api.all_wrapped(call, "NextToken", id).await;
    // Newest first: what failed before something succeeded is history.
    let newest = listed.items.into_iter().next()?;
    let message = newest.status_message?;
    let lasting = [
        "VcpuLimitExceeded",
        "vCPU capacity",
        "MaxSpotInstanceCountExceeded",
    ];
    let lasts = is_free_plan_refusal(&message) || lasting.iter().any(|w| message.contains(w));
    (newest.status_code == "Failed" && lasts).then_some(message)
}

async fn addon(api: &Api, made: &Ref) -> Result<Progress, Error> {
    let (cluster, name) = parts(&made.id);
    let addon = match api.eks(&made.region).addon(cluster, name).await {
        Ok(Some(addon)) => addon,
        Ok(None) => return Ok(not_yet()),
        Err(error) if lacks(api, &error) => return Ok(Progress::Ready),
        Err(error) => return Err(error),
    };
    let status = addon.status.as_ref().map_or("unknown", |s| s.as_str());
    let issues = addon.health.and_then(|h| h.issues).unwrap_or_default();
    let issues: Vec<&str> = issues.iter().filter_map(|i| i.message.as_deref()).collect();
    let words = said(status, &issues);
    Ok(match addon.status {
        Some(AddonStatus::Active) => Progress::Ready,
        Some(AddonStatus::CreateFailed | AddonStatus::Deleting) => Progress::Failed(words),
        // `DEGRADED` passes: an add-on is that until its pods run.
        _ => Progress::Pending(words),
    })
}
