//! Pages: `value` and, while there is more, an absolute `nextLink` that must be followed as it is.
//! `$top` is honoured on every list (the specification has it on two; elsewhere the vendor ignores what it does not know).

use serde_json::{Value, json};

use super::call::{Call, Outcome, refused};
use crate::message::Reply;

/// Items on a page when nothing is asked: an assumption.
const USUAL: usize = 1_000;

/// A list answer: the page that was asked for.
pub(super) fn page(call: &Call<'_>, views: Vec<Value>) -> Outcome {
    let top = match call.param("$top") {
        None => USUAL,
        Some(text) => match text.parse::<usize>() {
            Ok(top @ 1..=USUAL) => top,
            _ => {
                let message = format!(
                    "The provided value '{text}' of query parameter '$top' is invalid: it must be between 1 and 1000."
                );
                return Err(refused(400, "InvalidTopInQueryString", message));
            }
        },
    };
    let skip = match call.param("$skiptoken") {
        None => 0,
        Some(token) => match token
            .strip_prefix("sim-")
            .and_then(|n| usize::from_str_radix(n, 16).ok())
        {
            Some(skip) => skip,
            None => {
                let message = format!("The skip token '{token}' is invalid.");
                return Err(refused(400, "InvalidSkipToken", message));
            }
        },
    };
    let total = views.len();
    let value: Vec<Value> = views.into_iter().skip(skip).take(top).collect();
    let next = skip.saturating_add(value.len());
    let mut body = json!({"value": value});
    if next < total && next > skip {
        body["nextLink"] = json!(next_link(call, next));
    }
    Ok(Reply::json(200, &body))
}

/// The same request, further on.
fn next_link(call: &Call<'_>, next: usize) -> String {
    let request = call.request;
    let kept = request.query.split('&').filter(|pair| {
        let name = crate::message::decode(pair.split('=').next().unwrap_or_default());
        !pair.is_empty() && !name.eq_ignore_ascii_case("$skiptoken")
    });
    let kept: Vec<&str> = kept.collect();
    format!(
        "{}{}?{}&%24skiptoken=sim-{next:x}",
        request.base(),
        request.path,
        kept.join("&")
    )
}

/// A list that misses half of its items while the link to the next page, if any, stays: an index that lags behind.
pub(super) fn without_last(body: &mut Value) {
    for name in ["value", "values", "Items"] {
        if let Some(items) = body.get_mut(name).and_then(Value::as_array_mut) {
            items.truncate(items.len() / 2);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing value is a failed test")]
mod tests {
    use super::*;
    use crate::message::Request;

    fn ask(query: &str, total: u32) -> Value {
        let request = Request {
            path: "/subscriptions/s/resources".into(),
            query: query.into(),
            ..Request::default()
        };
        let call = Call {
            request: &request,
            ids: Vec::new(),
        };
        let views = (0..total).map(|n| json!(n)).collect();
        page(&call, views).unwrap().value().unwrap()
    }

    #[test]
    fn following_the_links_reads_everything_once() {
        let (mut query, mut seen) = ("api-version=1&%24top=2".to_owned(), Vec::new());
        loop {
            let body = ask(&query, 5);
            seen.extend(body["value"].as_array().unwrap().clone());
            let Some(link) = body["nextLink"].as_str() else {
                break;
            };
            query = link.split_once('?').unwrap().1.to_owned();
            assert!(query.starts_with("api-version=1&%24top=2&"), "{link}");
        }
        assert_eq!(json!(seen), json!([0, 1, 2, 3, 4]));
    }

    #[test]
    fn a_whole_list_has_no_link_and_a_partial_one_lacks_half() {
        let mut body = ask("api-version=1", 4);
        assert_eq!(body.get("nextLink"), None);
        without_last(&mut body);
        assert_eq!(body["value"], json!([0, 1]));
    }
}
