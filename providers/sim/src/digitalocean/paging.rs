//! Pages: `page` and `per_page` (1 to 200, 20 by default), links to the other pages as absolute URLs, the total in `meta`.
//! Must not reorder: a page is a cut of the list as it is.

use serde_json::{Map, Value, json};

use super::call::{Call, Outcome, Refused};
use crate::message::{Reply, Request};

/// The most items of a page.
const MOST: u64 = 200;

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
    let cut = Cut::of(call, items.len(), most)?;
    let shown: Vec<Value> = items
        .iter()
        .skip(cut.skipped())
        .take(cut.per_page)
        .map(view)
        .collect();
    let mut body = Map::new();
    body.insert(key.to_owned(), shown.into());
    body.insert("links".to_owned(), cut.links(call.request));
    body.insert("meta".to_owned(), json!({"total": items.len()}));
    Ok(Reply::json(200, &body))
}

#[derive(Debug)]
struct Cut {
    page: usize,
    per_page: usize,
    last: usize,
}

impl Cut {
    fn of(call: &Call<'_>, total: usize, most: Option<usize>) -> Result<Self, Refused> {
        let whole =
            |n: Option<u64>, default| usize::try_from(n.unwrap_or(default)).unwrap_or(usize::MAX);
        let per_page = whole(call.whole("per_page", 1, MOST)?, 20).min(most.unwrap_or(usize::MAX));
        let page = whole(call.whole("page", 1, 1_000_000)?, 1);
        Ok(Self {
            page,
            per_page,
            last: total.div_ceil(per_page).max(1),
        })
    }

    fn skipped(&self) -> usize {
        (self.page - 1).saturating_mul(self.per_page)
    }

    /// Only the links that make sense; none at all when everything is on one page.
    fn links(&self, request: &Request) -> Value {
        if self.last == 1 {
            return json!({});
        }
        let others: Vec<String> = request
            .query
            .split('&')
            .filter(|p| !p.is_empty() && !is_paging(p))
            .map(str::to_owned)
            .collect();
        let url = |page: usize| {
            let paging = [
                format!("page={page}"),
                format!("per_page={}", self.per_page),
            ];
            let query: Vec<String> = paging.into_iter().chain(others.iter().cloned()).collect();
            format!("{}{}?{}", request.base(), request.path, query.join("&"))
        };
        let mut pages = Map::new();
        if self.page > 1 {
            pages.insert("first".to_owned(), url(1).into());
            pages.insert("prev".to_owned(), url(self.page - 1).into());
        }
        if self.page < self.last {
            pages.insert("next".to_owned(), url(self.page + 1).into());
            pages.insert("last".to_owned(), url(self.last).into());
        }
        json!({"pages": pages})
    }
}

fn is_paging(pair: &str) -> bool {
    matches!(
        pair.split_once('=').map_or(pair, |(name, _)| name),
        "page" | "per_page"
    )
}

/// A page that misses its last items although `meta.total` counts them: what this vendor's lists do while a write is still on its
/// way through its index.
pub(super) fn without_last(body: &mut Value) {
    let lists = body
        .as_object_mut()
        .into_iter()
        .flatten()
        .filter_map(|(_, v)| v.as_array_mut());
    for list in lists {
        list.truncate(list.len() / 2);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a refused page is a failed test")]
mod tests {
    use super::*;

    fn answer(query: &str, total: usize) -> Result<Value, Refused> {
        let mut request = Request {
            method: "GET".into(),
            path: "/v2/things".into(),
            query: query.into(),
            ..Request::default()
        };
        request.headers.insert(
            "host",
            hyper::header::HeaderValue::from_static("127.0.0.1:9"),
        );
        let items: Vec<usize> = (1..=total).collect();
        let call = Call {
            request: &request,
            ids: Vec::new(),
        };
        page(&call, "things", &items, |n| json!(n)).map(|reply| reply.value().unwrap())
    }

    #[test]
    fn one_page_has_no_links() {
        assert_eq!(
            answer("", 3).unwrap(),
            json!({"things": [1, 2, 3], "links": {}, "meta": {"total": 3}})
        );
        assert_eq!(
            answer("", 0).unwrap(),
            json!({"things": [], "links": {}, "meta": {"total": 0}})
        );
    }

    #[test]
    fn links_are_absolute_and_keep_the_filter() {
        let url =
            |n: u32| format!("http://127.0.0.1:9/v2/things?page={n}&per_page=2&tag_name=k8s%3Aa");
        let first = answer("per_page=2&tag_name=k8s%3Aa", 5).unwrap();
        assert_eq!(first["things"], json!([1, 2]));
        assert_eq!(
            first["links"]["pages"],
            json!({"next": url(2), "last": url(3)})
        );
        let middle = answer("page=2&per_page=2&tag_name=k8s%3Aa", 5).unwrap();
        assert_eq!(
            middle["links"]["pages"],
            json!({"first": url(1), "prev": url(1), "next": url(3), "last": url(3)})
        );
        let last = answer("tag_name=k8s%3Aa&per_page=2&page=3", 5).unwrap();
        assert_eq!(
            (&last["things"], &last["links"]["pages"]),
            (&json!([5]), &json!({"first": url(1), "prev": url(2)}))
        );
        assert_eq!(last["meta"]["total"], 5);
    }

    #[test]
    fn following_next_sees_every_item_once() {
        for (total, per_page) in [(1, 1), (20, 20), (21, 20), (401, 200), (7, 3)] {
            let (mut query, mut seen) = (format!("per_page={per_page}"), Vec::new());
            loop {
                let body = answer(&query, total).unwrap();
                seen.extend(
                    body["things"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|n| n.as_u64().unwrap()),
                );
                let Some(next) = body["links"]["pages"]["next"].as_str() else {
                    break;
                };
                query = next.split_once('?').unwrap().1.to_owned();
            }
            assert_eq!(
                seen,
                (1..=total as u64).collect::<Vec<_>>(),
                "{total} by {per_page}"
            );
        }
    }

    #[test]
    fn pages_beyond_the_specification_are_refused() {
        for query in [
            "page=0",
            "per_page=0",
            "per_page=201",
            "page=x",
            "per_page=-1",
        ] {
            assert_eq!(answer(query, 3).map_err(|r| r.status), Err(422), "{query}");
        }
    }

    #[test]
    fn a_partial_page_misses_items_but_not_the_total() {
        let mut body = answer("", 3).unwrap();
        without_last(&mut body);
        assert_eq!(
            body,
            json!({"things": [1], "links": {}, "meta": {"total": 3}})
        );
        let mut single = answer("", 1).unwrap();
        without_last(&mut single);
        assert_eq!(single["things"], json!([]));
    }
}
