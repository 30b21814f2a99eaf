//! CloudFormation's operations on stacks. What happens to a stack with time is in `cfn_life.rs`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk, tags_of};
use super::ec2::page;
use super::state::{Member, Stack};
use super::wire::{Outcome, Refused, iso, list, refused, text, texts};
use super::{cfn_life, cfn_make, cfn_template, cfn_yaml};

fn invalid(words: impl Into<String>) -> Refused {
    refused(400, "ValidationError", words)
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '-')
        && name.len() <= 128
}

/// Finds a stack: by id also when it is gone, by name only while it is there.
fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Stack, Refused> {
    let wanted = call.text("StackName");
    let by_id = |s: &&Stack| s.id == wanted;
    let by_name =
        |s: &&Stack| s.name == wanted && s.region == call.region && s.status != "DELETE_COMPLETE";
    let found = desk
        .state
        .stacks
        .iter()
        .find(by_id)
        .or_else(|| desk.state.stacks.iter().find(by_name));
    found.ok_or_else(|| invalid(format!("Stack with id {wanted} does not exist")))
}

pub(super) fn create(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("StackName");
    if !is_name(name) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )));
    }
    if let Ok(there) = find(desk, call) {
        let token = call.text("ClientRequestToken");
        if !token.is_empty() && there.token == token {
            return Ok(json!({"StackId": there.id}));
        }
        return Err(refused(
            400,
            "AlreadyExistsException",
            format!("Stack [{name}] already exists"),
        ));
    }
    let live = desk
        .state
        .stacks
        .iter()
        .filter(|s| s.status != "DELETE_COMPLETE")
        .count();
    if super::ec2_offers::quota_full(desk, "stacks", 2000, live) {
        return Err(refused(
            400,
            "LimitExceededException",
            "Limit for stack has been exceeded",
        ));
    }
    let stack = wish(desk, call)?;
    let id = stack.id.clone();
    desk.state.stacks.push(stack);
    cfn_life::set_status(desk, &id, "CREATE_IN_PROGRESS", "User Initiated");
    cfn_life::begin(desk, &id);
    Ok(json!({"StackId": id}))
}

/// A stack that may be made; everything that can be checked beforehand is.
fn wish(desk: &mut Desk<'_>, call: &Call<'_>) -> Result<Stack, Refused> {
    let template = call.text("TemplateBody");
    if template.is_empty() {
        return Err(invalid(
            "Either Template URL or Template Body must be specified.",
        ));
    }
    if template.len() > 51_200 {
        return Err(invalid(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
        ));
    }
    let template =
        cfn_yaml::read(template).map_err(|e| invalid(format!("Template format error: {e}")))?;
    cfn_template::check(&template, &cfn_make::known).map_err(invalid)?;
    let capabilities = texts(&call.body["Capabilities"]);
    capable(&template, &capabilities)?;
    let given: BTreeMap<String, String> = list(&call.body["Parameters"])
        .iter()
        .map(|p| {
            (
                text(p, "ParameterKey").to_owned(),
                text(p, "ParameterValue").to_owned(),
            )
        })
        .collect();
    let on_failure = match (call.text("OnFailure"), call.truth("DisableRollback")) {
        ("", true) => "DO_NOTHING",
        ("", false) => "ROLLBACK",
        (given @ ("DO_NOTHING" | "ROLLBACK" | "DELETE"), false) => given,
        _ => {
            return Err(invalid(
                "Either DisableRollback or OnFailure can be specified, not both.",
            ));
        }
    };
    let tags = tags_of(&call.body["Tags"]);
    if tags.len() > 50 || tags.keys().any(|k| k.starts_with("aws:") || k.len() > 128) {
        return Err(invalid(
            "Tags: at most 50, keys of at most 128 characters that do not begin with aws:",
        ));
    }
    let (region, name) = (call.region.clone(), call.text("StackName").to_owned());
    Ok(Stack {
        id: format!(
            "arn:aws:cloudformation:{region}:{ACCOUNT}:stack/{name}/{}",
            desk.core.ids.uuid()
        ),
        parameters: cfn_template::parameters(&template, &given).map_err(invalid)?,
        name,
        region,
        template,
        tags,
        capabilities,
        status: String::new(),
        reason: String::new(),
        on_failure: on_failure.to_owned(),
        token: call.text("ClientRequestToken").to_owned(),
        protected: call.truth("EnableTerminationProtection"),
        foreign: false,
        stuck: call.request.never_ready,
        force: false,
        retain: Vec::new(),
        created_at: desk.core.now(),
        deleted_at: None,
        members: Vec::new(),
        outputs: Vec::new(),
        events: Vec::new(),
    })
}

/// Templates with roles need the caller's word for it; named ones a stronger word.
fn capable(template: &Value, given: &[String]) -> Result<(), Refused> {
    let has = |word: &str| given.iter().any(|g| g == word);
    let resources = template["Resources"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let iam: Vec<&Value> = resources
        .values()
        .filter(|r| text(r, "Type").starts_with("AWS::IAM::"))
        .collect();
    let names = ["RoleName", "InstanceProfileName", "ManagedPolicyName"];
    let named = iam
        .iter()
        .any(|r| names.iter().any(|n| r["Properties"].get(n).is_some()));
    let needed = match (iam.is_empty(), named) {
        (true, _) => return Ok(()),
        (_, true) if !has("CAPABILITY_NAMED_IAM") => "CAPABILITY_NAMED_IAM",
        (_, false) if !has("CAPABILITY_IAM") && !has("CAPABILITY_NAMED_IAM") => "CAPABILITY_IAM",
        _ => return Ok(()),
    };
    Err(refused(
        400,
        "InsufficientCapabilitiesException",
        format!("Requires capabilities : [{needed}]"),
    ))
}

pub(super) fn delete(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    // Deleting a stack that is not there succeeds.
    let Ok(stack) = find(desk, call).cloned() else {
        return Ok(Value::Null);
    };
    let retain = texts(&call.body["RetainResources"]);
    let force = call.text("DeletionMode") == "FORCE_DELETE_STACK";
    if stack.protected {
        return Err(invalid(format!(
            "Stack [{}] cannot be deleted while TerminationProtection is enabled",
            stack.name
        )));
    }
    if (force || !retain.is_empty()) && stack.status != "DELETE_FAILED" {
        return Err(invalid(format!(
            "Invalid operation on stack [{}]. The stack must be in DELETE_FAILED state.",
            stack.id
        )));
    }
    if matches!(
        stack.status.as_str(),
        "DELETE_COMPLETE" | "DELETE_IN_PROGRESS"
    ) {
        return Ok(Value::Null);
    }
    if let Some(found) = desk.state.stack_mut(&stack.id) {
        found.force = force;
        found.retain = retain;
    }
    cfn_life::end(desk, &stack.id);
    Ok(Value::Null)
}

pub(super) fn describe(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    if !call.text("StackName").is_empty() {
        return Ok(json!({"Stacks": [cfn_life::view(find(desk, call)?)]}));
    }
    let here = |s: &&Stack| s.region == call.region && s.status != "DELETE_COMPLETE";
    let all = desk
        .state
        .stacks
        .iter()
        .rev()
        .filter(here)
        .map(cfn_life::view)
        .collect();
    let (stacks, next) = page(call, all, Some(100))?;
    Ok(json!({"Stacks": stacks, "NextToken": next}))
}

pub(super) fn list_stacks(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let wanted = texts(&call.body["StackStatusFilter"]);
    let here =
        |s: &&Stack| s.region == call.region && (wanted.is_empty() || wanted.contains(&s.status));
    let view = |s: &Stack| {
        let full = cfn_life::view(s);
        let mut short = json!({"TemplateDescription": full["Description"]});
        for name in [
            "StackId",
            "StackName",
            "CreationTime",
            "DeletionTime",
            "StackStatus",
            "StackStatusReason",
            "DriftInformation",
        ] {
            short[name] = full[name].clone();
        }
        short
    };
    let all = desk
        .state
        .stacks
        .iter()
        .rev()
        .filter(here)
        .map(view)
        .collect();
    let (stacks, next) = page(call, all, Some(100))?;
    Ok(json!({"StackSummaries": stacks, "NextToken": next}))
}

pub(super) fn events(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = find(desk, call)?.events.clone();
    let (events, next) = page(call, all, Some(100))?;
    Ok(json!({"StackEvents": events, "NextToken": next}))
}

fn member(m: &Member, time: &str) -> Value {
    let mut view = json!({"LogicalResourceId": m.logical, "PhysicalResourceId": (!m.physical.is_empty()).then_some(&m.physical), "ResourceType": m.kind,
        "ResourceStatus": m.status, "ResourceStatusReason": (!m.reason.is_empty()).then_some(&m.reason), "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"}});
    view[time] = iso(m.at);
    view
}

pub(super) fn resources(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let stack = find(desk, call)?;
    let logical = call.text("LogicalResourceId");
    let wanted = stack
        .members
        .iter()
        .filter(|m| logical.is_empty() || m.logical == logical);
    let views: Vec<Value> = wanted
        .map(|m| {
            let mut view = member(m, "Timestamp");
            view["StackName"] = json!(stack.name);
            view["StackId"] = json!(stack.id);
            view
        })
        .collect();
    Ok(json!({"StackResources": views}))
}

pub(super) fn list_resources(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = find(desk, call)?
        .members
        .iter()
        .map(|m| member(m, "LastUpdatedTimestamp"))
        .collect();
    let (summaries, next) = page(call, all, Some(100))?;
    Ok(json!({"StackResourceSummaries": summaries, "NextToken": next}))
}

pub(super) fn protect(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let id = find(desk, call)?.id.clone();
    if let Some(stack) = desk.state.stack_mut(&id) {
        stack.protected = call.truth("EnableTerminationProtection");
    }
    Ok(json!({"StackId": id}))
}
