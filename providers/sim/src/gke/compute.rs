//! The compute API as far as clients of clusters need it: places, machine types, and list, read, delete (and labels) of every kind of
//! thing that clusters leave behind. Making things by request is not played, except by the clusters' own controllers: 501.
//! Beside the trimmed specification, from the vendor's public reference: machine types, and deleting instances.

use serde_json::Value;

use super::call::{Call, Desk, Outcome, Refused, compute, labels, text};
use super::kinds::Kind;
use super::state::{Scope, Thing};
use super::{auth, catalog, compute_view, disks, furniture, jobs, lists, machines, shapes};
use crate::message::{Reply, Request};

/// What a path below the project asks for.
#[derive(Debug)]
enum Asked {
    Furniture(furniture::What),
    Aggregated(Kind),
    AllJobs,
    List(Scope, Kind),
    One(Scope, Kind, String),
    SetLabels(Scope, Kind, String),
    Jobs(Scope),
    Job(Scope, String),
}

/// The project of a compute path and what is below it.
fn split(request: &Request) -> Option<(String, Vec<String>)> {
    let mut segments = request.segments();
    if segments.len() < 4 || segments[..3] != ["compute", "v1", "projects"] {
        return None;
    }
    let rest = segments.split_off(4);
    Some((segments.pop()?, rest))
}

fn asked(method: &str, path: &[String]) -> Option<Asked> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if let Some(what) = furniture::What::of(&path) {
        return (method == "GET").then_some(Asked::Furniture(what));
    }
    if let ["aggregated", word] = path[..] {
        return match (method, word) {
            ("GET", "operations") => Some(Asked::AllJobs),
            ("GET", word) => Kind::named(word)
                .filter(|k| k.aggregated())
                .map(Asked::Aggregated),
            _ => None,
        };
    }
    let (scope, rest) = match path.as_slice() {
        ["global", rest @ ..] => (Scope::Global, rest),
        ["regions", region, rest @ ..] => (Scope::Region((*region).to_owned()), rest),
        ["zones", zone, rest @ ..] => (Scope::Zone((*zone).to_owned()), rest),
        _ => return None,
    };
    match (method, rest) {
        ("GET", ["operations"]) => Some(Asked::Jobs(scope)),
        ("GET", ["operations", name]) | ("POST", ["operations", name, "wait"]) => {
            Some(Asked::Job(scope, (*name).to_owned()))
        }
        ("GET", [word]) => kind(word, &scope).map(|k| Asked::List(scope, k)),
        ("GET" | "DELETE", [word, name]) => {
            let deletable = |k: &Kind| method == "GET" || *k != Kind::InstanceGroupManagers;
            let kind = kind(word, &scope).filter(deletable);
            kind.map(|k| Asked::One(scope, k, (*name).to_owned()))
        }
        ("POST", [word, name, "setLabels"]) => {
            let kind = kind(word, &scope).filter(|k| k.has_labels());
            kind.map(|k| Asked::SetLabels(scope, k, (*name).to_owned()))
        }
        _ => None,
    }
}

/// The kind a word names, if such things live in that scope.
fn kind(word: &str, scope: &Scope) -> Option<Kind> {
    let kind = Kind::named(word)?;
    let places = kind.places();
    let fits = match scope {
        Scope::Global => places.global,
        Scope::Region(_) => places.region,
        Scope::Zone(_) => places.zone,
    };
    fits.then_some(kind)
}

/// Answers a request; none for what is not played.
pub(super) fn answer(desk: &mut Desk<'_>, request: &Request, stockout: bool) -> Option<Outcome> {
    let (project, path) = split(request)?;
    let asked = asked(&request.method, &path)?;
    let call = Call {
        request,
        project,
        ids: Vec::new(),
        stockout,
    };
    Some(admit_and_answer(desk, &call, asked))
}

fn admit_and_answer(desk: &mut Desk<'_>, call: &Call<'_>, asked: Asked) -> Outcome {
    auth::admit(desk, call)?;
    match asked {
        Asked::Furniture(what) => furniture::answer(desk, call, &what),
        Asked::Aggregated(kind) => aggregated(desk, call, kind),
        Asked::AllJobs => jobs::aggregated(desk, call),
        Asked::Jobs(scope) => known(&scope).and_then(|()| jobs::list(desk, call, &scope)),
        Asked::Job(scope, name) => jobs::get(desk, call, &scope, &name),
        Asked::List(scope, kind) => known(&scope).and_then(|()| list(desk, call, &scope, kind)),
        Asked::One(scope, kind, name) => {
            let thing = find(desk, call, &scope, kind, &name)?.clone();
            if call.request.method == "DELETE" {
                return delete(desk, call, &thing);
            }
            let view = compute_view::thing(desk.state, &call.project, &thing);
            Ok(Reply::json(200, &view))
        }
        Asked::SetLabels(scope, kind, name) => {
            let thing = find(desk, call, &scope, kind, &name)?.clone();
            set_labels(desk, call, &thing)
        }
    }
}

/// Refuses a zone or region that does not exist.
pub(super) fn known(scope: &Scope) -> Result<(), Refused> {
    let (word, place, exists) = match scope {
        Scope::Global => return Ok(()),
        Scope::Region(region) => ("region", region, catalog::is_region(region)),
        Scope::Zone(zone) => ("zone", zone, catalog::is_zone(zone)),
    };
    if exists {
        return Ok(());
    }
    Err(compute(
        400,
        "invalid",
        format!("Invalid value for field '{word}': '{place}'. Unknown {word}."),
    ))
}

/// A thing by name or id.
fn find<'a>(
    desk: &'a Desk<'_>,
    call: &Call<'_>,
    scope: &Scope,
    kind: Kind,
    name: &str,
) -> Result<&'a Thing, Refused> {
    known(scope)?;
    let fits = |t: &&Thing| {
        t.kind == kind && t.scope == *scope && (t.name == name || t.id.to_string() == name)
    };
    desk.state.things.iter().find(fits).ok_or_else(|| {
        let path = format!(
            "projects/{}/{}/{}/{name}",
            call.project,
            scope.path(),
            kind.word()
        );
        compute(
            404,
            "notFound",
            format!("The resource '{path}' was not found"),
        )
    })
}

fn list(desk: &Desk<'_>, call: &Call<'_>, scope: &Scope, kind: Kind) -> Outcome {
    let here = desk.state.things.iter();
    let here = here.filter(|t| t.kind == kind && t.scope == *scope);
    let views = here.map(|t| compute_view::thing(desk.state, &call.project, t));
    let path = format!("{}/{}", scope.path(), kind.word());
    lists::plain(
        call,
        &path,
        &format!("{}List", kind.single()),
        views.collect(),
    )
}

fn aggregated(desk: &Desk<'_>, call: &Call<'_>, kind: Kind) -> Outcome {
    let mut found: Vec<&Thing> = desk
        .state
        .things
        .iter()
        .filter(|t| t.kind == kind)
        .collect();
    found.sort_by(|a, b| a.scope.cmp(&b.scope));
    let entries = found.into_iter().map(|t| {
        let view = compute_view::thing(desk.state, &call.project, t);
        (t.scope.path(), view)
    });
    let of = lists::Of {
        word: kind.word(),
        title: kind.aggregated_list(),
        places: kind.places(),
    };
    lists::aggregated(call, &of, entries.collect())
}

/// Accepted when nothing uses it; billing ends now, the thing is gone when the operation is done.
fn delete(desk: &mut Desk<'_>, call: &Call<'_>, thing: &Thing) -> Outcome {
    let full = |t: &Thing| format!("projects/{}/{}", call.project, t.path());
    if thing.going {
        let message = format!("The resource '{}' is not ready", full(thing));
        return Err(compute(400, "resourceNotReady", message));
    }
    if let Some(user) = compute_view::user(desk.state, thing) {
        let word = snake(thing.kind.single());
        return Err(compute(
            400,
            "resourceInUseByAnotherResource",
            format!(
                "The {word} resource '{}' is already being used by '{}'",
                full(thing),
                full(user)
            ),
        ));
    }
    if thing.kind == Kind::Instances {
        machines::stop_bill(desk, thing.id);
    }
    disks::stop_bill(desk, thing.id);
    if let Some(found) = desk.state.thing_mut(thing.id) {
        found.going = true;
        let status = match thing.kind {
            Kind::Disks | Kind::Snapshots => Some("DELETING"),
            Kind::Instances => Some("STOPPING"),
            _ => None,
        };
        if let Some(status) = status {
            found.fields.insert("status".to_owned(), status.into());
        }
    }
    jobs::start(desk, call, "delete", thing)
}

/// `targetPool` is `target_pool` in messages.
fn snake(word: &str) -> String {
    let mut text = String::new();
    for letter in word.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Replaces all labels; a wrong fingerprint is a failed condition.
fn set_labels(desk: &mut Desk<'_>, call: &Call<'_>, thing: &Thing) -> Outcome {
    let in_compute = |r: Refused| compute(r.status, "invalid", r.message);
    let body: Value = call.body(shapes::THING_LABELS).map_err(in_compute)?;
    let given = text(&body, "labelFingerprint").unwrap_or_default();
    if given != compute_view::fingerprint(&thing.labels) {
        return Err(compute(
            412,
            "conditionNotMet",
            "Labels fingerprint either invalid or resource labels have changed",
        ));
    }
    let labels = labels(&body, "labels");
    super::cluster_wish::check_labels(&labels).map_err(in_compute)?;
    if let Some(found) = desk.state.thing_mut(thing.id) {
        found.labels = labels;
        let owner = found.owner();
        let item = thing.id.to_string();
        desk.core
            .meter
            .set_owner(super::ME, &item, owner.as_deref());
    }
    jobs::start(desk, call, "setLabels", thing)
}

/// Whether a request reads a list.
pub(super) fn is_list(request: &Request) -> bool {
    let asked = split(request).and_then(|(_, path)| asked(&request.method, &path));
    match asked {
        Some(Asked::Furniture(what)) => what.is_list(),
        Some(asked) => matches!(
            asked,
            Asked::Aggregated(_) | Asked::AllJobs | Asked::List(..) | Asked::Jobs(_)
        ),
        None => false,
    }
}
