//! Pages: `per_page` (1 to 500, 100 by default) and an opaque `cursor`; the cursors of the pages around are in `meta.links`, empty where
//! there is none. Must not reorder: a page is a cut of the list as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Refused, invalid};
use crate::message::Reply;

/// The most items of a page.
const MOST: usize = 500;
/// Items of a page when the client does not say.
const USUAL: usize = 100;

/// A list answer of all `items`, cut to the page that was asked for, under `key`.
pub(super) fn page<T>(
    call: &Call<'_>,
    key: &str,
    items: &[T],
    view: impl Fn(&T) -> Value,
) -> Outcome {
    page_of(call, key, items, None, view)
}

/// The same with at most so many items on a page.
pub(super) fn page_of<T>(
    call: &Call<'_>,
    key: &str,
    items: &[T],
    most: Option<usize>,
    view: impl Fn(&T) -> Value,
) -> Outcome {
    let per_page = per_page(call)?.min(most.unwrap_or(usize::MAX));
    let from = cursor(call)?;
    let shown: Vec<Value> = items.iter().skip(from).take(per_page).map(view).collect();
    let next = from.saturating_add(per_page);
    let links = json!({
        "next": if next < items.len() { encode("next", next) } else { String::new() },
        "prev": if from > 0 { encode("prev", from.saturating_sub(per_page)) } else { String::new() },
    });
    let mut body = Map::new();
    body.insert(key.to_owned(), shown.into());
    body.insert(
        "meta".to_owned(),
        json!({"total": items.len(), "links": links}),
    );
    Ok(Reply::json(200, &body))
}

fn per_page(call: &Call<'_>) -> Result<usize, Refused> {
    let Some(text) = call.request.param("per_page") else {
        return Ok(USUAL);
    };
    let fits = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    fits.ok_or_else(|| invalid(format!("Invalid per_page: must be between 1 and {MOST}")))
}

fn encode(way: &str, from: usize) -> String {
    STANDARD.encode(format!("{way}__{from}"))
}

/// Where the page begins.
fn cursor(call: &Call<'_>) -> Result<usize, Refused> {
    let given = call.request.param("cursor").unwrap_or_default();
    if given.is_empty() {
        return Ok(0);
    }
    let decoded = STANDARD.decode(given).ok();
    let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let place = text.as_deref().and_then(|t| {
        t.strip_prefix("next__")
            .or_else(|| t.strip_prefix("prev__"))?
            .parse()
            .ok()
    });
    place.ok_or_else(|| invalid("Invalid cursor"))
}

/// A list that misses its last items although `meta.total` counts them: what an index does that lags behind.
pub(super) fn without_last(body: &mut Value) {
    let Some(fields) = body.as_object_mut() else {
        return;
    };
    for value in fields.values_mut() {
        match value {
            Value::Array(list) => list.truncate(list.len() / 2),
            Value::Object(_) => without_last(value),
            _ => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a refused page is a failed test")]
mod tests {
    use super::*;
    use crate::message::Request;

    fn answer(query: &str, total: usize) -> Result<Value, Refused> {
        let request = Request {
            path: "/v2/things".into(),
            query: query.into(),
            ..Request::default()
        };
        let call = Call {
            request: &request,
            ids: Vec::new(),
        };
        let items: Vec<usize> = (0..total).collect();
        page(&call, "things", &items, |n| json!(n)).map(|r| r.value().unwrap())
    }

    #[test]
    fn following_next_gives_everything_once() {
        for (total, per_page) in [(0, 3), (3, 3), (7, 3), (200, 500), (250, 1)] {
            let (mut seen, mut query) = (Vec::new(), format!("per_page={per_page}"));
            loop {
                let body = answer(&query, total).unwrap();
                assert_eq!(body["meta"]["total"], total);
                let items = body["things"].as_array().unwrap().iter();
                seen.extend(items.map(|n| n.as_u64().unwrap()));
                match body["meta"]["links"]["next"].as_str().unwrap() {
                    "" => break,
                    next => query = format!("per_page={per_page}&cursor={next}"),
                }
            }
            assert_eq!(seen, (0..total as u64).collect::<Vec<_>>(), "{total}");
        }
    }

    #[test]
    fn the_default_is_a_hundred_and_prev_leads_back() {
        let first = answer("", 101).unwrap();
        assert_eq!(first["things"].as_array().unwrap().len(), 100);
        assert_eq!(first["meta"]["links"]["prev"], "");
        let next = first["meta"]["links"]["next"].as_str().unwrap().to_owned();
        let second = answer(&format!("cursor={next}"), 101).unwrap();
        assert_eq!(second["things"], json!([100]));
        let prev = second["meta"]["links"]["prev"].as_str().unwrap().to_owned();
        assert_eq!(
            answer(&format!("cursor={prev}"), 101).unwrap()["things"],
            first["things"]
        );
    }

    #[test]
    fn pages_and_cursors_nobody_gave_out_are_refused() {
        for query in [
            "per_page=0",
            "per_page=501",
            "per_page=x",
            "cursor=2",
            "cursor=bmV4dF9fLTE=",
        ] {
            assert_eq!(answer(query, 3).map_err(|r| r.status), Err(400), "{query}");
        }
    }

    #[test]
    fn a_partial_list_misses_items_but_not_the_total() {
        let mut body = answer("", 3).unwrap();
        without_last(&mut body);
        assert_eq!(
            (&body["things"], &body["meta"]["total"]),
            (&json!([0]), &json!(3))
        );
        let mut linked = json!({"resources": {"block_storage": [1, 2]}});
        without_last(&mut linked);
        assert_eq!(linked["resources"]["block_storage"], json!([1]));
    }
}
