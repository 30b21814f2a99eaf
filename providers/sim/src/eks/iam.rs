//! IAM and STS as far as clusters need them: roles with their policies and instance profiles, service-linked roles, who is asking.

use serde_json::{Value, json};

use super::call::{ACCOUNT, Call, Desk, Tags, lease, tags_of};
use super::state::{Profile, Role};
use super::wire::{Outcome, Refused, iso, list, refused, text, texts};

/// What a role is made from.
#[derive(Debug)]
pub(super) struct RoleWish {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) trust: String,
    pub(super) description: String,
    pub(super) attached: Vec<String>,
    pub(super) inline: Vec<String>,
    pub(super) tags: Tags,
}

fn missing(kind: &str, name: &str) -> Refused {
    refused(
        404,
        "NoSuchEntity",
        format!("The {kind} with name {name} cannot be found."),
    )
}

pub(super) fn arn(role: &Role) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role{}{}", role.path, role.name)
}

/// The role of an ARN.
pub(super) fn by_arn<'a>(desk: &'a Desk<'_>, wanted: &str) -> Option<&'a Role> {
    desk.state.roles.iter().find(|r| arn(r) == wanted)
}

/// Makes a role: its id and ARN.
pub(super) fn make_role(desk: &mut Desk<'_>, wish: RoleWish) -> Result<(String, String), Refused> {
    if desk.state.role(&wish.name).is_some() {
        let words = format!("Role with name {} already exists.", wish.name);
        return Err(refused(409, "EntityAlreadyExists", words));
    }
    if super::ec2_offers::quota_full(desk, "roles", 1000, desk.state.roles.len()) {
        return Err(refused(
            409,
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount: 1000",
        ));
    }
    if serde_json::from_str::<Value>(&wish.trust)
        .ok()
        .is_none_or(|t| !t["Statement"].is_array() && !t["Statement"].is_object())
    {
        return Err(refused(
            400,
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        ));
    }
    let id = format!("AROA{}", desk.core.ids.secret()[..17].to_uppercase());
    let role = Role {
        name: wish.name,
        path: wish.path,
        id: id.clone(),
        trust: wish.trust,
        description: wish.description,
        attached: wish.attached,
        inline: wish.inline,
        tags: wish.tags,
        created_at: desk.core.now(),
    };
    let arn = arn(&role);
    desk.state.roles.push(role);
    Ok((id, arn))
}

/// Makes an instance profile: its ARN.
pub(super) fn make_profile(
    desk: &mut Desk<'_>,
    name: &str,
    roles: Vec<String>,
    owner: Option<String>,
) -> String {
    let id = format!("AIPA{}", desk.core.ids.secret()[..17].to_uppercase());
    desk.state.profiles.push(Profile {
        name: name.to_owned(),
        id,
        roles,
        owner,
        created_at: desk.core.now(),
    });
    format!("arn:aws:iam::{ACCOUNT}:instance-profile/{name}")
}

/// Removes a role. CloudFormation takes its own policies off first (`with_policies`); what else hangs on it keeps it.
pub(super) fn drop_role(
    desk: &mut Desk<'_>,
    name: &str,
    with_policies: bool,
) -> Result<(), Refused> {
    let Some(role) = desk.state.role(name) else {
        // A stack's role that is gone is no obstacle; the API says so itself.
        return if with_policies {
            Ok(())
        } else {
            Err(missing("role", name))
        };
    };
    let conflict = |what: &str| {
        refused(
            409,
            "DeleteConflict",
            format!("Cannot delete entity, must {what} first."),
        )
    };
    if desk
        .state
        .profiles
        .iter()
        .any(|p| p.roles.iter().any(|r| r == name))
    {
        return Err(conflict("remove roles from instance profile"));
    }
    let foreign = role
        .attached
        .iter()
        .any(|a| with_policies && !a.starts_with("arn:aws:iam::aws:"));
    if foreign || (!with_policies && !role.attached.is_empty()) {
        return Err(conflict("detach all policies"));
    }
    if !with_policies && !role.inline.is_empty() {
        return Err(conflict("delete policies"));
    }
    desk.state.roles.retain(|r| r.name != name);
    Ok(())
}

/// Attaches a policy to a role, once.
pub(super) fn attach(desk: &mut Desk<'_>, role: &str, policy: &str) -> bool {
    let Some(role) = desk.state.roles.iter_mut().find(|r| r.name == role) else {
        return false;
    };
    if !role.attached.iter().any(|a| a == policy) {
        role.attached.push(policy.to_owned());
    }
    true
}

/// Gives a role an inline policy.
pub(super) fn add_inline(desk: &mut Desk<'_>, role: &str, policy: &str) {
    if let Some(role) = desk.state.roles.iter_mut().find(|r| r.name == role) {
        role.inline.push(policy.to_owned());
    }
}

fn find<'a>(desk: &'a Desk<'_>, call: &Call<'_>) -> Result<&'a Role, Refused> {
    let name = call.text("RoleName");
    desk.state.role(name).ok_or_else(|| missing("role", name))
}

/// Percent-encoded as IAM does with policies.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn tag_list(tags: &Tags) -> Value {
    tags.iter()
        .map(|(k, v)| json!({"Key": k, "Value": v}))
        .collect()
}

fn view(role: &Role, whole: bool) -> Value {
    let tags = (whole && !role.tags.is_empty()).then(|| tag_list(&role.tags));
    json!({"Path": role.path, "RoleName": role.name, "RoleId": role.id, "Arn": arn(role), "CreateDate": iso(role.created_at),
        "AssumeRolePolicyDocument": encoded(&role.trust), "Description": (!role.description.is_empty()).then_some(&role.description), "MaxSessionDuration": 3600, "Tags": tags})
}

/// A page in IAM's way.
fn page(call: &Call<'_>, name: &str, all: Vec<Value>) -> Outcome {
    let start: usize = match call.text("Marker") {
        "" => 0,
        marker => marker
            .parse()
            .map_err(|_| refused(400, "ValidationError", format!("Invalid Marker: {marker}")))?,
    };
    let size = call.whole("MaxItems").unwrap_or(100).clamp(1, 1000);
    let more = all.len() > start + size;
    let items: Vec<Value> = all.into_iter().skip(start).take(size).collect();
    let mut view = json!({"IsTruncated": more, "Marker": more.then(|| (start + size).to_string())});
    view[name] = Value::Array(items);
    Ok(view)
}

pub(super) fn create_role(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("RoleName").to_owned();
    let wish = RoleWish {
        name: name.clone(),
        path: Some(call.text("Path"))
            .filter(|p| !p.is_empty())
            .unwrap_or("/")
            .to_owned(),
        trust: call.text("AssumeRolePolicyDocument").to_owned(),
        description: call.text("Description").to_owned(),
        attached: Vec::new(),
        inline: Vec::new(),
        tags: tags_of(&call.body["Tags"]),
    };
    make_role(desk, wish)?;
    Ok(json!({"Role": desk.state.role(&name).map(|r| view(r, true))}))
}

pub(super) fn get_role(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    Ok(json!({"Role": view(find(desk, call)?, true)}))
}

pub(super) fn list_roles(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let prefix = call.text("PathPrefix");
    let all = desk
        .state
        .roles
        .iter()
        .filter(|r| r.path.starts_with(prefix))
        .map(|r| view(r, false))
        .collect();
    page(call, "Roles", all)
}

pub(super) fn role_tags(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let tags = list(&tag_list(&find(desk, call)?.tags));
    page(call, "Tags", tags)
}

pub(super) fn delete_role(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    drop_role(desk, call.text("RoleName"), false)?;
    Ok(Value::Null)
}

pub(super) fn attached(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let all = find(desk, call)?
        .attached
        .iter()
        .map(|a| json!({"PolicyName": name(a), "PolicyArn": a}))
        .collect();
    page(call, "AttachedPolicies", all)
}

pub(super) fn inline(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let all = find(desk, call)?.inline.iter().map(|n| json!(n)).collect();
    page(call, "PolicyNames", all)
}

pub(super) fn attach_policy(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    find(desk, call)?;
    if !call.text("PolicyArn").starts_with("arn:") {
        return Err(refused(
            400,
            "InvalidInput",
            format!("ARN {} is not valid.", call.text("PolicyArn")),
        ));
    }
    attach(desk, call.text("RoleName"), call.text("PolicyArn"));
    Ok(Value::Null)
}

pub(super) fn detach_policy(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let policy = call.text("PolicyArn");
    if !find(desk, call)?.attached.iter().any(|a| a == policy) {
        return Err(refused(
            404,
            "NoSuchEntity",
            format!("Policy {policy} was not found."),
        ));
    }
    for role in desk
        .state
        .roles
        .iter_mut()
        .filter(|r| r.name == call.text("RoleName"))
    {
        role.attached.retain(|a| a != policy);
    }
    Ok(Value::Null)
}

pub(super) fn delete_inline(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let policy = call.text("PolicyName");
    if !find(desk, call)?.inline.iter().any(|a| a == policy) {
        return Err(missing("role policy", policy));
    }
    for role in desk
        .state
        .roles
        .iter_mut()
        .filter(|r| r.name == call.text("RoleName"))
    {
        role.inline.retain(|a| a != policy);
    }
    Ok(Value::Null)
}

pub(super) fn profiles_of_role(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let role = find(desk, call)?;
    let of_role = |p: &&Profile| p.roles.contains(&role.name);
    let show = |p: &Profile| {
        json!({"Path": "/", "InstanceProfileName": p.name, "InstanceProfileId": p.id, "Arn": format!("arn:aws:iam::{ACCOUNT}:instance-profile/{}", p.name),
        "CreateDate": iso(p.created_at), "Roles": [view(role, false)]})
    };
    let all = desk
        .state
        .profiles
        .iter()
        .filter(of_role)
        .map(show)
        .collect();
    page(call, "InstanceProfiles", all)
}

pub(super) fn leave_profile(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let (name, role) = (call.text("InstanceProfileName"), call.text("RoleName"));
    let found = desk
        .state
        .profiles
        .iter_mut()
        .find(|p| p.name == name && p.roles.iter().any(|r| r == role));
    let profile = found.ok_or_else(|| missing("instance profile", name))?;
    profile.roles.retain(|r| r != role);
    Ok(Value::Null)
}

pub(super) fn delete_profile(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let name = call.text("InstanceProfileName");
    let found = desk.state.profiles.iter().find(|p| p.name == name);
    let profile = found.ok_or_else(|| missing("instance profile", name))?;
    if !profile.roles.is_empty() {
        return Err(refused(
            409,
            "DeleteConflict",
            "Cannot delete entity, must remove roles from instance profile first.",
        ));
    }
    desk.state.profiles.retain(|p| p.name != name);
    Ok(Value::Null)
}

/// Service-linked roles are the vendor's own furniture: made at most once, never listed among ours.
pub(super) fn service_linked(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let service = call.text("AWSServiceName");
    let name = format!(
        "AWSServiceRoleFor{}",
        service.split('.').next().unwrap_or_default()
    );
    if desk.state.role(&name).is_some() {
        let words = format!(
            "Service role name {name} has been taken in this account, please try a different suffix."
        );
        return Err(refused(400, "InvalidInput", words));
    }
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]}).to_string();
    let wish = RoleWish {
        name: name.clone(),
        path: format!("/aws-service-role/{service}/"),
        trust,
        description: String::new(),
        attached: Vec::new(),
        inline: Vec::new(),
        tags: Tags::new(),
    };
    make_role(desk, wish)?;
    Ok(json!({"Role": desk.state.role(&name).map(|r| view(r, true))}))
}

/// Nobody makes identity providers here, so none is ever there.
pub(super) fn oidc_list(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(json!({"OpenIDConnectProviderList": []}))
}

pub(super) fn oidc_one(_: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let arn = call.text("OpenIDConnectProviderArn");
    Err(refused(
        404,
        "NoSuchEntity",
        format!("OpenIDConnect Provider not found for arn {arn}"),
    ))
}

/// What the access key's scopes allow.
pub(super) fn simulate(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let access = desk.core.account(super::ME).access(&call.key);
    let allowed = |action: &str| {
        access.grants(action)
            || action
                .split_once(':')
                .is_some_and(|(service, _)| access.grants(&format!("{service}:*")))
    };
    let results: Vec<Value> = texts(&call.body["ActionNames"])
        .iter()
        .map(|a| json!({"EvalActionName": a, "EvalResourceName": "*", "EvalDecision": if allowed(a) { "allowed" } else { "implicitDeny" }, "MatchedStatements": [], "MissingContextValues": []}))
        .collect();
    page(call, "EvaluationResults", results)
}

/// The user behind an access key.
pub(super) fn user_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/learner")
}

pub(super) fn caller(_: &mut Desk<'_>, _: &Call<'_>) -> Outcome {
    Ok(json!({"UserId": "AIDACKCEVSQ6C2EXAMPLE", "Account": ACCOUNT, "Arn": user_arn()}))
}

/// Whose a role is.
pub(super) fn owner(role: &Role) -> Option<String> {
    lease(&role.tags)
}

/// Whether a role lets a service take it.
pub(super) fn trusts(role: &Role, service: &str) -> bool {
    let trust: Value = serde_json::from_str(&role.trust).unwrap_or_default();
    let statements = match &trust["Statement"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    statements.iter().any(|s| {
        let services = &s["Principal"]["Service"];
        text(s, "Effect") == "Allow"
            && (services == service || texts(services).iter().any(|t| t == service))
    })
}
