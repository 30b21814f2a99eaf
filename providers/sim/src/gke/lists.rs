//! Lists of the compute API: pages (`maxResults`, `pageToken`), aggregated lists with a place for every scope, and how lists can be
//! incomplete. Must not know state.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Refused, compute};
use super::compute_view::link;
use super::kinds::Places;
use super::{catalog, filter};
use crate::message::Reply;

/// Entries on a page when nothing is asked, and the most.
const PAGE: usize = 500;

/// What an aggregated list is of.
#[derive(Debug)]
pub(super) struct Of {
    /// In paths, and the name of the list in each scope.
    pub(super) word: &'static str,
    /// As in `compute#diskAggregatedList`.
    pub(super) title: String,
    pub(super) places: Places,
}

fn invalid(field: &str, value: &str) -> Refused {
    compute(
        400,
        "invalid",
        format!("Invalid value for field '{field}': '{value}'."),
    )
}

/// Where the page begins and ends.
fn window(call: &Call<'_>) -> Result<(usize, usize), Refused> {
    let size = match call.param("maxResults") {
        None => PAGE,
        Some(text) => match text.parse() {
            Ok(0) => PAGE,
            Ok(size) if size <= PAGE => size,
            _ => return Err(invalid("maxResults", &text)),
        },
    };
    let start = match call.param("pageToken") {
        None => 0,
        Some(token) => offset(&token).ok_or_else(|| invalid("pageToken", &token))?,
    };
    Ok((start, start.saturating_add(size)))
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    text.strip_prefix("from:")?.parse().ok()
}

/// The entries of the page that was asked for, and the token of the next one.
fn page<T>(
    call: &Call<'_>,
    mut all: Vec<T>,
    view: impl Fn(&T) -> &Value,
) -> Result<(Vec<T>, Option<String>), Refused> {
    if let Some(text) = call.param("filter") {
        let filter = filter::read(&text)?;
        all.retain(|item| filter.fits(view(item)));
    }
    let (start, end) = window(call)?;
    let total = all.len();
    let kept = all.into_iter().skip(start).take(end - start).collect();
    let next = (end < total).then(|| STANDARD.encode(format!("from:{end}")));
    Ok((kept, next))
}

fn frame(call: &Call<'_>, kind: &str, path: &str, next: Option<String>) -> Map<String, Value> {
    let mut body = super::things::object(json!({
        "kind": format!("compute#{kind}"), "id": format!("projects/{}/{path}", call.project),
        "selfLink": link(&call.project, path),
    }));
    if let Some(token) = next {
        body.insert("nextPageToken".to_owned(), token.into());
    }
    body
}

/// A list of one scope.
pub(super) fn plain(call: &Call<'_>, path: &str, kind: &str, all: Vec<Value>) -> Outcome {
    let (items, next) = page(call, all, |v| v)?;
    let mut body = frame(call, kind, path, next);
    if !items.is_empty() {
        body.insert("items".to_owned(), items.into());
    }
    Ok(Reply::json(200, &body))
}

/// A list of all scopes; entries are in order of their scopes.
pub(super) fn aggregated(call: &Call<'_>, of: &Of, all: Vec<(String, Value)>) -> Outcome {
    let (entries, next) = page(call, all, |(_, v)| v)?;
    let mut items: Map<String, Value> = Map::new();
    for scope in scopes(of.places) {
        let warning = json!({
            "code": "NO_RESULTS_ON_PAGE", "message": format!("There are no results for scope '{scope}' on this page."),
            "data": [{"key": "scope", "value": scope}],
        });
        items.insert(scope, json!({"warning": warning}));
    }
    for (scope, view) in entries {
        let place = items.entry(scope).or_insert_with(|| json!({}));
        if let Some(place) = place.as_object_mut() {
            place.remove("warning");
            let list = place.entry(of.word).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(view);
            }
        }
    }
    let mut body = frame(call, &of.title, &format!("aggregated/{}", of.word), next);
    body.insert("items".to_owned(), items.into());
    Ok(Reply::json(200, &body))
}

/// Every scope of a kind.
fn scopes(places: Places) -> Vec<String> {
    let mut all = Vec::new();
    if places.global {
        all.push("global".to_owned());
    }
    for (region, _) in catalog::REGIONS {
        if places.region {
            all.push(format!("regions/{region}"));
        }
        if places.zone {
            let zones = catalog::zones(region).into_iter();
            all.extend(zones.map(|z| format!("zones/{z}")));
        }
    }
    all
}

/// Makes a list incomplete and says so, the way each list can.
pub(super) fn make_partial(body: &mut Value) {
    let unreachable = |what: &str| json!({"code": "UNREACHABLE", "message": format!("The scope '{what}' is currently unreachable."), "data": [{"key": "scope", "value": what}]});
    if body.get("kind").is_none() {
        return without_zone(body);
    }
    if let Some(items) = body.get_mut("items").and_then(Value::as_object_mut) {
        let full = |v: &Value| v.get("warning").is_none();
        let first = items
            .iter()
            .find(|(_, v)| full(v))
            .or_else(|| items.iter().next());
        let Some(scope) = first.map(|(scope, _)| scope.clone()) else {
            return;
        };
        items.insert(scope.clone(), json!({"warning": unreachable(&scope)}));
        body["unreachables"] = json!([scope]);
        body["warning"] = unreachable(&scope);
        return;
    }
    if let Some(items) = body.get_mut("items").and_then(Value::as_array_mut) {
        items.truncate(items.len() / 2);
    }
    body["warning"] = unreachable("zones/us-central1-a");
}

/// A list of the container API without one zone, which it names.
fn without_zone(body: &mut Value) {
    const USUAL: &str = "us-central1-a";
    let mut missing = USUAL.to_owned();
    for list in ["clusters", "operations"] {
        if let Some(all) = body.get_mut(list).and_then(Value::as_array_mut) {
            let zone = |v: &Value| v["location"].as_str().unwrap_or(USUAL).to_owned();
            missing = all.first().map_or(missing, zone);
            all.retain(|v| zone(v) != missing);
        }
    }
    body["missingZones"] = json!([missing]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_lists_say_what_is_missing() {
        let mut clusters =
            json!({"clusters": [{"name": "a", "location": "z1"}, {"name": "b", "location": "z2"}]});
        make_partial(&mut clusters);
        assert_eq!(
            clusters,
            json!({"clusters": [{"name": "b", "location": "z2"}], "missingZones": ["z1"]})
        );
        let mut none = json!({});
        make_partial(&mut none);
        assert_eq!(none["missingZones"], json!(["us-central1-a"]));
        let mut all = json!({"kind": "compute#diskAggregatedList", "items": {"zones/a": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}, "zones/b": {"disks": [{}]}}});
        make_partial(&mut all);
        assert_eq!(all["items"]["zones/b"]["warning"]["code"], "UNREACHABLE");
        assert_eq!(all["unreachables"], json!(["zones/b"]));
        let mut list = json!({"kind": "compute#firewallList", "items": [1, 2, 3]});
        make_partial(&mut list);
        assert_eq!(
            (&list["items"], &list["warning"]["code"]),
            (&json!([1]), &json!("UNREACHABLE"))
        );
    }

    #[test]
    fn page_tokens_are_read_back() {
        assert_eq!(offset(&STANDARD.encode("from:3")), Some(3));
        assert_eq!(offset("nonsense"), None);
        assert_eq!(offset(&STANDARD.encode("3")), None);
    }
}
