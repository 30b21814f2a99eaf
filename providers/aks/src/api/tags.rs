//! The owner tag as Azure tags: written, read, and merged into other people's tags. Keys are compared
//! without case, as Azure does; values with it. Decides nothing about what may be touched.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

/// Tags of a resource.
pub(crate) type Tags = BTreeMap<String, String>;

const MANAGED_BY: &str = "managed-by";
const OURS: &str = "kubelease";
const LEASE: &str = "kubelease-lease";
const EXPIRES: &str = "kubelease-expires";
const PROTECT: &str = "kubelease-protect";

/// All tags of a thing with that owner; times are Unix seconds.
pub(crate) fn write(tag: &OwnerTag) -> Tags {
    let mut tags = Tags::new();
    let mut put = |key: &str, value: String| tags.insert(key.to_owned(), value);
    put(MANAGED_BY, OURS.to_owned());
    put(LEASE, tag.lease.to_string());
    if let Some(at) = tag.expires_at {
        put(EXPIRES, at.timestamp().to_string());
    }
    if let Some(at) = tag.protect_until {
        put(PROTECT, at.timestamp().to_string());
    }
    tags
}

/// The owner that tags name. Both marks are needed, `managed-by` and a lease id: a tag alone may have
/// been copied or typed by anybody. Odd dates are skipped.
pub(crate) fn owner(tags: &Tags) -> Option<OwnerTag> {
    if get(tags, MANAGED_BY)? != OURS {
        return None;
    }
    let date = |key| -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(get(tags, key)?.trim().parse().ok()?, 0)
    };
    Some(OwnerTag {
        lease: get(tags, LEASE)?.parse().ok()?,
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

/// Other people's tags with ours in place of our old ones.
pub(crate) fn merged(old: &Tags, tag: &OwnerTag) -> Tags {
    let own = [MANAGED_BY, LEASE, EXPIRES, PROTECT];
    let foreign = |key: &String| !own.iter().any(|own| key.eq_ignore_ascii_case(own));
    let mut tags = write(tag);
    let others = old.iter().filter(|(key, _)| foreign(key));
    tags.extend(others.map(|(key, value)| (key.clone(), value.clone())));
    tags
}

fn get<'a>(tags: &'a Tags, key: &str) -> Option<&'a str> {
    let found = tags.iter().find(|(k, _)| k.eq_ignore_ascii_case(key));
    found.map(|(_, value)| value.as_str())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        pairs.iter().map(own).collect()
    }

    fn at(seconds: i64) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(seconds, 0)
    }

    #[test]
    fn reads_what_it_writes() {
        let lease: LeaseId = "lbcdfghjkm".parse().unwrap();
        for (expires_at, protect_until) in [(None, None), (at(5), None), (at(5), at(9_999_999_999))]
        {
            let tag = OwnerTag {
                lease: lease.clone(),
                expires_at,
                protect_until,
            };
            let written = write(&tag);
            assert_eq!(owner(&written), Some(tag));
            // Azure's limits are 512 and 256; GCP's, whose rules we keep to, 63.
            assert!(written.iter().all(|(k, v)| k.len() <= 63 && v.len() <= 63));
        }
        assert_eq!(write(&bare(&lease)).len(), 2);
    }

    #[test]
    fn look_alikes_have_no_owner() {
        let cases: [&[(&str, &str)]; 6] = [
            &[],
            &[("kubelease-lease", "lbcdfghjkm")],
            &[("managed-by", "kubelease")],
            &[
                ("managed-by", "terraform"),
                ("kubelease-lease", "lbcdfghjkm"),
            ],
            &[
                ("managed-by", "Kubelease"),
                ("kubelease-lease", "lbcdfghjkm"),
            ],
            &[("managed-by", "kubelease"), ("kubelease-lease", "../x")],
        ];
        for case in cases {
            assert_eq!(owner(&tags(case)), None, "{case:?}");
        }
    }

    #[test]
    fn keys_have_no_case_and_odd_dates_are_skipped() {
        let read = owner(&tags(&[
            ("Managed-By", "kubelease"),
            ("KUBELEASE-LEASE", "lbcdfghjkm"),
            ("kubelease-expires", "soon"),
            ("kubelease-protect", "99999999999999999999"),
        ]));
        assert_eq!(read, Some(bare(&"lbcdfghjkm".parse().unwrap())));
    }

    #[test]
    fn merging_keeps_what_others_wrote() {
        let old = tags(&[
            ("env", "lab"),
            ("Kubelease-Expires", "5"),
            ("kubelease-protect", "7"),
            ("managed-by", "kubelease"),
        ]);
        let tag = OwnerTag {
            expires_at: at(9),
            ..bare(&"lbcdfghjkm".parse().unwrap())
        };
        let expect = tags(&[
            ("env", "lab"),
            ("kubelease-expires", "9"),
            ("kubelease-lease", "lbcdfghjkm"),
            ("managed-by", "kubelease"),
        ]);
        assert_eq!(merged(&old, &tag), expect);
    }
}
