//! The owner tag as Google labels, written and read. Keys and values are lower-case letters, digits,
//! `_` and `-`, at most 63 characters, so times are unix seconds. Decides nothing about what may be
//! touched.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

/// Labels of a thing.
pub(crate) type Labels = BTreeMap<String, String>;

const MANAGED: &str = "managed-by";
const US: &str = "kubelease";
const LEASE: &str = "kubelease-lease";
const EXPIRES: &str = "kubelease-expires";
const PROTECT: &str = "kubelease-protect";

/// All labels of a thing with that owner.
pub(crate) fn write(tag: &OwnerTag) -> Labels {
    let mut labels = mark(&tag.lease);
    let dates = [(EXPIRES, tag.expires_at), (PROTECT, tag.protect_until)];
    for (key, at) in dates {
        if let Some(at) = at {
            labels.insert(key.to_owned(), at.timestamp().to_string());
        }
    }
    labels
}

/// The labels that say whose a thing is, and no more: those that a node pool hands on, which nobody
/// rewrites later.
pub(crate) fn mark(lease: &LeaseId) -> Labels {
    let pairs = [(MANAGED, US), (LEASE, lease.as_str())];
    pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

/// Takes our labels out of a set: what stays is somebody else's.
pub(crate) fn without(labels: &Labels) -> Labels {
    let ours = [MANAGED, LEASE, EXPIRES, PROTECT];
    let others = labels
        .iter()
        .filter(|(key, _)| !ours.contains(&key.as_str()));
    others.map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// The owner that labels name. Both marks must be there: half of them, or another manager's, are not
/// ours.
pub(crate) fn owner(labels: &Labels) -> Option<OwnerTag> {
    if labels.get(MANAGED).map(String::as_str) != Some(US) {
        return None;
    }
    let date = |key: &str| DateTime::from_timestamp(labels.get(key)?.parse().ok()?, 0);
    Some(OwnerTag {
        lease: labels.get(LEASE)?.parse().ok()?,
        expires_at: date(EXPIRES),
        protect_until: date(PROTECT),
    })
}

/// The owner tag of a lease of which no dates are known.
pub(crate) fn bare(lease: &LeaseId) -> OwnerTag {
    OwnerTag {
        lease: lease.clone(),
        expires_at: None,
        protect_until: None,
    }
}

/// A time in RFC 3339 with any offset.
pub(crate) fn time(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn reads_what_it_writes_within_the_limits_of_a_label() {
        for id in ["lbcdfghjkm", "lbcdfghjkmnpqrstvwxz"] {
            for (expires_at, protect_until) in [
                (None, None),
                (Some(at(1_767_614_400)), None),
                (Some(at(5)), Some(at(9_999_999_999))),
            ] {
                let tag = OwnerTag {
                    lease: id.parse().unwrap(),
                    expires_at,
                    protect_until,
                };
                let labels = write(&tag);
                for text in labels.iter().flat_map(|(k, v)| [k, v]) {
                    let fits =
                        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
                    assert!(text.len() <= 63 && text.chars().all(fits), "{text}");
                }
                assert_eq!(owner(&labels), Some(tag));
                assert_eq!(without(&labels), Labels::new());
            }
        }
    }

    #[test]
    fn half_a_tag_and_foreign_ones_are_nobody() {
        let labels = |pairs: &[(&str, &str)]| -> Labels {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let none: [&[(&str, &str)]; 6] = [
            &[],
            &[("managed-by", "kubelease")],
            &[("kubelease-lease", "lbcdfghjkm")],
            &[
                ("managed-by", "terraform"),
                ("kubelease-lease", "lbcdfghjkm"),
            ],
            &[
                ("managed-by", "kubelease"),
                ("kubelease-lease", "Not An Id"),
            ],
            &[("kubelease", "true"), ("kubelease-expires", "5")],
        ];
        for pairs in none {
            assert_eq!(owner(&labels(pairs)), None, "{pairs:?}");
        }
        let odd = labels(&[
            ("managed-by", "kubelease"),
            ("kubelease-lease", "lbcdfghjkm"),
            ("kubelease-expires", "soon"),
        ]);
        assert_eq!(owner(&odd).unwrap().expires_at, None);
    }
}
