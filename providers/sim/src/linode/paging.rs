//! Pages: `page` and `page_size` (25 to 500, 100 by default), with `pages` and `results` beside the data.
//! Must not reorder, unless the filter asks for it.

use serde_json::{Value, json};

use super::call::{Call, Outcome};
use super::filter;
use crate::message::Reply;

/// The bounds of `page_size`.
const SIZES: (u64, u64) = (25, 500);
/// Items on a page when nothing is asked.
const USUAL: u64 = 100;

/// A list answer: the views of all `items`, filtered by the fields that can be, cut to the page that was asked for.
pub(super) fn page<T>(
    call: &Call<'_>,
    filterable: &[&str],
    items: &[T],
    view: impl Fn(&T) -> Value,
) -> Outcome {
    page_of(call, filterable, items, None, view)
}

/// The same with at most so many items on a page.
pub(super) fn page_of<T>(
    call: &Call<'_>,
    filterable: &[&str],
    items: &[T],
    most: Option<usize>,
    view: impl Fn(&T) -> Value,
) -> Outcome {
    let number =
        |asked: Option<u64>, usual| usize::try_from(asked.unwrap_or(usual)).unwrap_or(usize::MAX);
    let page = number(call.whole("page", 1, 1_000_000)?, 1);
    let size = number(call.whole("page_size", SIZES.0, SIZES.1)?, USUAL);
    let size = size.min(most.unwrap_or(usize::MAX));
    let filter = match call.request.header("x-filter") {
        Some(header) => filter::read(header, filterable)?,
        None => Value::Null,
    };
    let mut found: Vec<Value> = items
        .iter()
        .map(view)
        .filter(|item| filter::fits(&filter, item))
        .collect();
    filter::sort(&filter, &mut found);
    let results = found.len();
    let data: Vec<Value> = found
        .into_iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .collect();
    let pages = results.div_ceil(size).max(1);
    Ok(Reply::json(
        200,
        &json!({"data": data, "page": page, "pages": pages, "results": results}),
    ))
}

/// A page that misses half of its items although `results` counts them: a list read while its index catches up.
pub(super) fn without_last(body: &mut Value) {
    if let Some(data) = body.get_mut("data").and_then(Value::as_array_mut) {
        data.truncate(data.len() / 2);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a missing value is a failed test")]
mod tests {
    use super::*;
    use crate::message::Request;
    use hyper::header::HeaderValue;

    fn ask(query: &str, filter: Option<&'static str>, total: usize) -> Outcome {
        let mut request = Request {
            query: query.into(),
            ..Request::default()
        };
        if let Some(text) = filter {
            request
                .headers
                .insert("x-filter", HeaderValue::from_static(text));
        }
        let call = Call {
            request: &request,
            ids: Vec::new(),
            beta: false,
        };
        let items: Vec<usize> = (0..total).collect();
        page(&call, &["n"], &items, |n| json!({"n": n}))
    }

    fn counts(query: &str, total: usize) -> (usize, u64, u64, u64) {
        let body = ask(query, None, total).unwrap().value().unwrap();
        let number = |name: &str| body[name].as_u64().unwrap();
        (
            body["data"].as_array().unwrap().len(),
            number("page"),
            number("pages"),
            number("results"),
        )
    }

    #[test]
    fn pages_are_cut_and_counted() {
        assert_eq!(counts("", 0), (0, 1, 1, 0));
        assert_eq!(counts("", 101), (100, 1, 2, 101));
        assert_eq!(counts("page=2", 101), (1, 2, 2, 101));
        assert_eq!(counts("page=2&page_size=25", 60), (25, 2, 3, 60));
        assert_eq!(counts("page=9", 101), (0, 9, 2, 101));
        assert_eq!(counts("page_size=500", 500), (500, 1, 1, 500));
    }

    #[test]
    fn sizes_outside_the_bounds_are_refused() {
        for query in ["page_size=24", "page_size=501", "page=0", "page=x"] {
            assert_eq!(ask(query, None, 3).unwrap_err().status, 400, "{query}");
        }
    }

    #[test]
    fn filters_come_before_the_cut_and_partial_lists_keep_the_count() {
        let mut body = ask("", Some(r#"{"n": {"+gte": 4}}"#), 10)
            .unwrap()
            .value()
            .unwrap();
        assert_eq!(body["results"], 6);
        without_last(&mut body);
        assert_eq!(body["data"], json!([{"n": 4}, {"n": 5}, {"n": 6}]));
        assert_eq!(body["results"], 6);
        assert_eq!(
            ask("", Some(r#"{"m": 1}"#), 1).unwrap_err().reason,
            "Cannot filter on m"
        );
    }
}
