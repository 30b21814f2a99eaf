//! A stack's life: one resource after the other is made, or removed in the opposite order, each step a few seconds after the last.
//! Must not answer requests.

use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::ME;
use super::call::Desk;
use super::cfn_make::{self, Order};
use super::cfn_template::{self, plain};
use super::life::Event;
use super::state::{Member, Stack};
use super::wire::text;

/// Between two resources; sixteen of them take a little over a minute, as the notes saw.
const STEP: TimeDelta = TimeDelta::seconds(5);
/// Between two attempts to remove what something still uses, and how many there are.
const RETRY: TimeDelta = TimeDelta::seconds(30);
const TRIES: u32 = 10;

/// Notes an event of a stack or one of its resources.
pub(super) fn note(
    desk: &mut Desk<'_>,
    id: &str,
    who: (&str, &str, &str),
    status: &str,
    reason: &str,
) {
    let (logical, kind, physical) = who;
    let event = desk.core.ids.uuid();
    let at = desk.core.now().to_rfc3339_opts(SecondsFormat::Millis, true);
    if let Some(stack) = desk.state.stack_mut(id) {
        let reason = (!reason.is_empty()).then_some(reason);
        let view = json!({"StackId": stack.id, "EventId": event, "StackName": stack.name, "LogicalResourceId": logical, "PhysicalResourceId": physical,
            "ResourceType": kind, "Timestamp": at, "ResourceStatus": status, "ResourceStatusReason": reason, "ClientRequestToken": (!stack.token.is_empty()).then_some(&stack.token)});
        stack.events.insert(0, view);
    }
}

/// Gives a stack another status.
pub(super) fn set_status(desk: &mut Desk<'_>, id: &str, status: &str, reason: &str) {
    let now = desk.core.now();
    let Some(stack) = desk.state.stack_mut(id) else {
        return;
    };
    stack.status = status.to_owned();
    stack.reason = reason.to_owned();
    if status == "DELETE_COMPLETE" {
        stack.deleted_at = Some(now);
    }
    let name = stack.name.clone();
    note(
        desk,
        id,
        (&name, "AWS::CloudFormation::Stack", id),
        status,
        reason,
    );
}

/// Has the next step happen.
pub(super) fn go_on(desk: &mut Desk<'_>, id: &str, delay: TimeDelta) {
    desk.core.schedule(
        ME,
        delay,
        &Event::StackStep {
            stack: id.to_owned(),
        },
    );
}

/// Begins with a new stack.
pub(super) fn begin(desk: &mut Desk<'_>, id: &str) {
    go_on(desk, id, STEP);
}

/// Begins to remove a stack.
pub(super) fn end(desk: &mut Desk<'_>, id: &str) {
    if let Some(stack) = desk.state.stack_mut(id) {
        stack.members.iter_mut().for_each(|m| m.tries = 0);
        stack
            .members
            .iter_mut()
            .filter(|m| m.status == "DELETE_FAILED")
            .for_each(|m| m.status = "CREATE_COMPLETE".to_owned());
    }
    set_status(desk, id, "DELETE_IN_PROGRESS", "User Initiated");
    go_on(desk, id, STEP);
}

/// One step of whatever the stack is doing.
pub(super) fn step(desk: &mut Desk<'_>, id: &str) {
    let Some(stack) = desk.state.stack_mut(id).map(|s| s.clone()) else {
        return;
    };
    match stack.status.as_str() {
        "CREATE_IN_PROGRESS" if !stack.stuck => create_next(desk, &stack),
        "ROLLBACK_IN_PROGRESS" | "DELETE_IN_PROGRESS" => remove_next(desk, &stack),
        _ => {}
    }
}

/// The next resource to make, unless its condition says no.
fn next(stack: &Stack) -> Result<Option<String>, String> {
    for name in cfn_template::order(&stack.template)? {
        let made = stack.members.iter().any(|m| m.logical == name);
        let condition = text(&stack.template["Resources"][&name], "Condition");
        if !made && (condition.is_empty() || cfn_template::condition(condition, stack)?) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

fn create_next(desk: &mut Desk<'_>, stack: &Stack) {
    match next(stack) {
        Ok(Some(name)) => create(desk, stack, &name),
        Ok(None) => finish(desk, stack),
        Err(reason) => fail(desk, stack, &reason),
    }
}

fn create(desk: &mut Desk<'_>, stack: &Stack, name: &str) {
    let body = &stack.template["Resources"][name];
    let kind = text(body, "Type").to_owned();
    let properties = match body.get("Properties") {
        Some(properties) => cfn_template::resolve(properties, stack),
        None => Ok(json!({})),
    };
    note(desk, &stack.id, (name, &kind, ""), "CREATE_IN_PROGRESS", "");
    let made = properties.and_then(|properties| {
        cfn_make::make(
            desk,
            &kind,
            &Order {
                stack,
                logical: name,
                properties: &properties,
            },
        )
    });
    let now = desk.core.now();
    let mut member = Member {
        logical: name.to_owned(),
        kind: kind.clone(),
        at: now,
        status: "CREATE_COMPLETE".to_owned(),
        ..Member::default()
    };
    let failure = match made {
        Ok((physical, attributes)) => {
            member.physical = physical;
            member.attributes = attributes;
            None
        }
        Err(reason) => {
            member.status = "CREATE_FAILED".to_owned();
            member.reason.clone_from(&reason);
            Some(reason)
        }
    };
    note(
        desk,
        &stack.id,
        (name, &kind, &member.physical),
        &member.status,
        &member.reason,
    );
    if let Some(stack) = desk.state.stack_mut(&stack.id) {
        stack.members.push(member);
    }
    match failure {
        None => go_on(desk, &stack.id, STEP),
        Some(_) => fail(
            desk,
            stack,
            &format!("The following resource(s) failed to create: [{name}]. "),
        ),
    }
}

/// Everything is there: outputs, and done.
fn finish(desk: &mut Desk<'_>, stack: &Stack) {
    let mut outputs = Vec::new();
    let declared = stack.template["Outputs"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for (name, body) in &declared {
        match cfn_template::resolve(&body["Value"], stack) {
            Ok(value) => outputs.push((
                name.clone(),
                plain(&value),
                text(body, "Description").to_owned(),
            )),
            Err(reason) => return fail(desk, stack, &reason),
        }
    }
    if let Some(stack) = desk.state.stack_mut(&stack.id) {
        stack.outputs = outputs;
    }
    set_status(desk, &stack.id, "CREATE_COMPLETE", "");
}

fn fail(desk: &mut Desk<'_>, stack: &Stack, reason: &str) {
    match stack.on_failure.as_str() {
        "DO_NOTHING" => set_status(desk, &stack.id, "CREATE_FAILED", reason),
        "DELETE" => {
            set_status(
                desk,
                &stack.id,
                "DELETE_IN_PROGRESS",
                &format!("{reason}Delete requested by user."),
            );
            go_on(desk, &stack.id, STEP);
        }
        _ => {
            set_status(
                desk,
                &stack.id,
                "ROLLBACK_IN_PROGRESS",
                &format!("{reason}Rollback requested by user."),
            );
            go_on(desk, &stack.id, STEP);
        }
    }
}

/// Removes the newest resource that is left. One that is still used is tried again, and at last left for the others' sake.
fn remove_next(desk: &mut Desk<'_>, stack: &Stack) {
    let waiting = |m: &&Member| {
        !matches!(
            m.status.as_str(),
            "DELETE_COMPLETE" | "DELETE_FAILED" | "DELETE_SKIPPED"
        )
    };
    let Some(member) = stack.members.iter().rev().find(waiting) else {
        return removed(desk, stack);
    };
    if stack.retain.contains(&member.logical) {
        settle(desk, stack, member, "DELETE_SKIPPED", "");
        return go_on(desk, &stack.id, STEP);
    }
    if member.tries == 0 {
        note(
            desk,
            &stack.id,
            (&member.logical, &member.kind, &member.physical),
            "DELETE_IN_PROGRESS",
            "",
        );
    }
    let outcome = if member.physical.is_empty() {
        Ok(())
    } else {
        cfn_make::remove(desk, &member.kind, &member.physical)
    };
    match outcome {
        Ok(()) => {
            settle(desk, stack, member, "DELETE_COMPLETE", "");
            go_on(desk, &stack.id, STEP);
        }
        Err(_) if member.tries < TRIES => {
            if let Some(found) = member_mut(desk, stack, &member.logical) {
                found.tries += 1;
                found.status = "DELETE_IN_PROGRESS".to_owned();
            }
            go_on(desk, &stack.id, RETRY);
        }
        Err(_) if stack.force => {
            settle(desk, stack, member, "DELETE_SKIPPED", "");
            go_on(desk, &stack.id, STEP);
        }
        Err(reason) => {
            settle(desk, stack, member, "DELETE_FAILED", &reason);
            // What hangs on it would fail as well: try those only once.
            if let Some(stack) = desk.state.stack_mut(&stack.id) {
                stack
                    .members
                    .iter_mut()
                    .for_each(|m| m.tries = m.tries.max(TRIES));
            }
            go_on(desk, &stack.id, STEP);
        }
    }
}

fn member_mut<'a>(desk: &'a mut Desk<'_>, stack: &Stack, logical: &str) -> Option<&'a mut Member> {
    let found = desk.state.stack_mut(&stack.id)?;
    found.members.iter_mut().find(|m| m.logical == logical)
}

fn settle(desk: &mut Desk<'_>, stack: &Stack, member: &Member, status: &str, reason: &str) {
    let now = desk.core.now();
    if let Some(found) = member_mut(desk, stack, &member.logical) {
        found.status = status.to_owned();
        found.reason = reason.to_owned();
        found.at = now;
    }
    note(
        desk,
        &stack.id,
        (&member.logical, &member.kind, &member.physical),
        status,
        reason,
    );
}

fn removed(desk: &mut Desk<'_>, stack: &Stack) {
    let failed: Vec<&str> = stack
        .members
        .iter()
        .filter(|m| m.status == "DELETE_FAILED")
        .map(|m| m.logical.as_str())
        .collect();
    let back = stack.status == "ROLLBACK_IN_PROGRESS";
    if failed.is_empty() {
        return set_status(
            desk,
            &stack.id,
            if back {
                "ROLLBACK_COMPLETE"
            } else {
                "DELETE_COMPLETE"
            },
            "",
        );
    }
    let reason = format!(
        "The following resource(s) failed to delete: [{}]. ",
        failed.join(", ")
    );
    set_status(
        desk,
        &stack.id,
        if back {
            "ROLLBACK_FAILED"
        } else {
            "DELETE_FAILED"
        },
        &reason,
    );
}

/// A stack as `DescribeStacks` shows it.
pub(super) fn view(stack: &Stack) -> Value {
    let at =
        |t: chrono::DateTime<chrono::Utc>| json!(t.to_rfc3339_opts(SecondsFormat::Millis, true));
    let parameters: Value = stack
        .parameters
        .iter()
        .map(|(k, v)| json!({"ParameterKey": k, "ParameterValue": v}))
        .collect();
    let outputs: Value = stack
        .outputs
        .iter()
        .map(|(k, v, d)| json!({"OutputKey": k, "OutputValue": v, "Description": (!d.is_empty()).then_some(d)}))
        .collect();
    let tags: Value = stack
        .tags
        .iter()
        .map(|(k, v)| json!({"Key": k, "Value": v}))
        .collect();
    json!({"StackId": stack.id, "StackName": stack.name, "Description": stack.template["Description"], "Parameters": parameters, "CreationTime": at(stack.created_at),
        "DeletionTime": stack.deleted_at.map(at), "StackStatus": stack.status, "StackStatusReason": (!stack.reason.is_empty()).then_some(&stack.reason),
        "DisableRollback": stack.on_failure == "DO_NOTHING", "NotificationARNs": [], "Capabilities": stack.capabilities, "Outputs": outputs, "Tags": tags,
        "EnableTerminationProtection": stack.protected, "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}, "RollbackConfiguration": {}})
}
