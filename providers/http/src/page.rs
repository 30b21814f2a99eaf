//! Reading a list in pages so that it can neither end early nor go on for ever, and so that everybody
//! downstream knows whether absence from it means anything.

use std::collections::HashSet;
use std::hash::Hash;

use kubelease_core::{Error, Kind};

/// Pages at most; at 100 things a page far more than any practice account holds.
pub const MOST_PAGES: usize = 1000;

/// One page as the vendor gave it.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Token, number or URL of the next page; none on the last one.
    pub next: Option<String>,
    /// How many things the vendor says there are in all, if it says.
    pub total: Option<u64>,
}

/// A list that was read.
#[derive(Debug)]
pub struct Listed<T> {
    /// What was read, in the vendor's order.
    pub items: Vec<T>,
    /// Why it is not all there is; none when it is complete.
    pub missing: Option<Error>,
}

impl<T> Listed<T> {
    /// Whether everything was read.
    #[must_use]
    pub const fn complete(&self) -> bool {
        self.missing.is_none()
    }

    /// The items of a complete list.
    ///
    /// # Errors
    /// Why it is not complete.
    pub fn all(self) -> Result<Vec<T>, Error> {
        match self.missing {
            None => Ok(self.items),
            Some(error) => Err(error),
        }
    }
}

/// Reads all pages. `fetch` gets the token of a page (none for the first one); `id` tells items apart.
///
/// A list that changes while it is read can skip an item without any error. It shows: totals differ
/// between pages or from the number of items, or an item comes twice. Then everything is read once
/// more, and if that does not help either the list is incomplete.
pub async fn read_all<T, K, Fetch, Answer>(fetch: Fetch, id: impl Fn(&T) -> K) -> Listed<T>
where
    K: Eq + Hash,
    Fetch: Fn(Option<String>) -> Answer,
    Answer: Future<Output = Result<Page<T>, Error>>,
{
    let first = read_once(&fetch, &id).await;
    if first.torn {
        read_once(&fetch, &id).await
    } else {
        first
    }
    .listed
}

struct Reading<T> {
    listed: Listed<T>,
    /// Inconsistent in a way that a second reading may mend.
    torn: bool,
}

async fn read_once<T, K, Fetch, Answer>(fetch: &Fetch, id: &impl Fn(&T) -> K) -> Reading<T>
where
    K: Eq + Hash,
    Fetch: Fn(Option<String>) -> Answer,
    Answer: Future<Output = Result<Page<T>, Error>>,
{
    let (mut items, mut totals) = (Vec::new(), HashSet::new());
    let (mut visited, mut ids) = (HashSet::new(), HashSet::new());
    let (mut token, mut twice) = (None::<String>, false);
    let stop = |items, missing| Reading {
        listed: Listed { items, missing },
        torn: false,
    };
    for _ in 0..MOST_PAGES {
        let page = match fetch(token.take()).await {
            Ok(page) => page,
            Err(error) => return stop(items, Some(error)),
        };
        totals.extend(page.total);
        for item in page.items {
            if ids.insert(id(&item)) {
                items.push(item);
            } else {
                twice = true;
            }
        }
        let Some(next) = page.next else {
            return whole(items, &totals, twice);
        };
        if !visited.insert(next.clone()) {
            let why = "a page of the list names an earlier page as the next one";
            return stop(items, Some(inconsistent(why.to_owned())));
        }
        token = Some(next);
    }
    let why = format!("the list has more than {MOST_PAGES} pages");
    stop(items, Some(inconsistent(why)))
}

/// All pages were read: do they fit together?
fn whole<T>(items: Vec<T>, totals: &HashSet<u64>, twice: bool) -> Reading<T> {
    let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
    let why = if twice {
        Some("the same thing came twice".to_owned())
    } else if totals.len() > 1 {
        Some("the list changed while it was read".to_owned())
    } else {
        totals
            .iter()
            .find(|total| **total != count)
            .map(|total| format!("the list says it has {total} things and gave {count}"))
    };
    Reading {
        torn: why.is_some(),
        listed: Listed {
            items,
            missing: why.map(inconsistent),
        },
    }
}

fn inconsistent(why: String) -> Error {
    Error::new(Kind::Unavailable, "read list", why)
}

/// Whether two URLs have the same scheme, host and port: credentials travel nowhere else.
#[must_use]
pub fn same_origin(a: &str, b: &str) -> bool {
    match (reqwest::Url::parse(a), reqwest::Url::parse(b)) {
        (Ok(a), Ok(b)) => a.has_host() && a.origin() == b.origin(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use proptest::prelude::*;

    type Pages = Vec<(Vec<u32>, Option<usize>, Option<u64>)>;

    /// Serves pages by index; `None` is page 0.
    fn read(pages: &Pages) -> (Listed<u32>, usize) {
        read_then(pages, pages)
    }

    /// The first reading sees `before`, every later one `after`.
    fn read_then(before: &Pages, after: &Pages) -> (Listed<u32>, usize) {
        let (calls, starts) = (Cell::new(0), Cell::new(0));
        let fetch = |token: Option<String>| {
            calls.set(calls.get() + 1);
            starts.set(starts.get() + usize::from(token.is_none()));
            let pages = if starts.get() > 1 { after } else { before };
            let at = token.map_or(0, |t| t.parse::<usize>().unwrap_or(usize::MAX));
            let page = pages.get(at).map(|(items, next, total)| Page {
                items: items.clone(),
                next: next.map(|n| n.to_string()),
                total: *total,
            });
            let lost = || Error::new(Kind::Unavailable, "list", "down");
            std::future::ready(page.ok_or_else(lost))
        };
        let listed = now(read_all(fetch, |n| *n));
        (listed, calls.get())
    }

    /// Runs a future that never waits.
    fn now<T>(future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => value,
            std::task::Poll::Pending => panic!("it waits"),
        }
    }

    #[track_caller]
    fn check(pages: &Pages, items: &[u32], missing: Option<&str>, calls: usize) {
        let (listed, made) = read(pages);
        let why = listed.missing.as_ref().map(|e| e.message.clone());
        assert_eq!(
            (listed.items.as_slice(), why.as_deref(), made),
            (items, missing, calls)
        );
    }

    #[test]
    fn whole_lists() {
        check(&vec![(vec![], None, Some(0))], &[], None, 1);
        check(
            &vec![(vec![1], Some(1), Some(2)), (vec![2], None, Some(2))],
            &[1, 2],
            None,
            2,
        );
        check(
            &vec![
                (vec![1], Some(1), None),
                (vec![], Some(2), None),
                (vec![3], None, None),
            ],
            &[1, 3],
            None,
            3,
        );
    }

    #[test]
    fn lists_that_end_early_or_never() {
        let says = "the list says it has 3 things and gave 2";
        check(&vec![(vec![1, 2], None, Some(3))], &[1, 2], Some(says), 2);
        let again = "a page of the list names an earlier page as the next one";
        check(
            &vec![(vec![1], Some(1), None), (vec![2], Some(1), None)],
            &[1, 2],
            Some(again),
            2,
        );
        check(&vec![(vec![1], Some(7), None)], &[1], Some("down"), 2);
    }

    #[test]
    fn a_list_that_changed_is_read_again() {
        let torn = vec![(vec![1, 2], Some(1), Some(4)), (vec![4], None, Some(3))];
        let calm = vec![(vec![2, 3], Some(1), Some(3)), (vec![4], None, Some(3))];
        let (listed, calls) = read_then(&torn, &calm);
        assert_eq!(
            (listed.items.as_slice(), listed.complete(), calls),
            (&[2, 3, 4][..], true, 4)
        );
        let twice = vec![(vec![1, 2], Some(1), None), (vec![2, 3], None, None)];
        check(&twice, &[1, 2, 3], Some("the same thing came twice"), 4);
    }

    #[test]
    fn only_the_same_host_gets_credentials() {
        let base = "https://api.digitalocean.com";
        for (other, same) in [
            ("https://api.digitalocean.com/v2/x?page=2", true),
            ("https://api.digitalocean.com:443/v2/x", true),
            ("http://api.digitalocean.com/v2/x", false),
            ("https://api.digitalocean.com.evil.example/v2/x", false),
            ("https://api.digitalocean.com@evil.example/v2/x", false),
            ("https://api.digitalocean.com:8443/v2/x", false),
            ("/v2/x", false),
            ("data:text/plain,x", false),
        ] {
            assert_eq!(same_origin(base, other), same, "{other}");
        }
    }

    proptest! {
        /// Whatever the pages are, reading ends, and "complete" means that nothing is missing.
        #[test]
        fn ends_and_never_lies(
            pages in prop::collection::vec(
                (prop::collection::vec(0_u32..30, 0..5), prop::option::of(0_usize..6), prop::option::of(0_u64..12)),
                1..6,
            )
        ) {
            let (listed, calls) = read(&pages);
            prop_assert!(calls <= 2 * (pages.len() + 2));
            if listed.complete() {
                let count = u64::try_from(listed.items.len()).unwrap_or(u64::MAX);
                let first = pages.first().and_then(|p| p.2);
                prop_assert!(first.is_none_or(|total| total == count));
                prop_assert!(pages.iter().any(|p| p.1.is_none()));
            }
        }

        /// A list cut into pages of any size reads back whole.
        #[test]
        fn reads_back(count in 0_u32..60, size in 1_usize..9) {
            let items: Vec<u32> = (0..count).collect();
            let mut chunks: Vec<Vec<u32>> = items.chunks(size).map(<[u32]>::to_vec).collect();
            if chunks.is_empty() {
                chunks.push(Vec::new());
            }
            let last = chunks.len() - 1;
            let pages: Pages = chunks
                .into_iter()
                .enumerate()
                .map(|(n, c)| (c, (n < last).then_some(n + 1), Some(u64::from(count))))
                .collect();
            let (listed, calls) = read(&pages);
            prop_assert!(listed.complete());
            prop_assert_eq!(listed.items, items);
            prop_assert_eq!(calls, pages.len());
        }
    }
}
