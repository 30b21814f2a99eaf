//! The owner tag in AWS's form: keys and values. Decides nothing about what may be touched.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

const MANAGED: &str = "managed-by";
const OURS: &str = "kubelease";
/// The key that names the lease; lists filter by it.
pub(crate) const LEASE: &str = "kubelease-lease";
const EXPIRES: &str = "kubelease-expires";
/// Present only while a lease is protected.
pub(crate) const PROTECT: &str = "kubelease-protect";

/// All tags of a thing with that owner.
pub(crate) fn write(tag: &OwnerTag) -> Vec<(String, String)> {
    let own = |key: &str, value: String| (key.to_owned(), value);
    let seconds = |at: DateTime<Utc>| at.timestamp().to_string();
    let mut tags = vec![
        own(MANAGED, OURS.to_owned()),
        own(LEASE, tag.lease.to_string()),
    ];
    tags.extend(tag.expires_at.map(|at| own(EXPIRES, seconds(at))));
    tags.extend(tag.protect_until.map(|at| own(PROTECT, seconds(at))));
    tags
}

/// The owner that a thing's tags name: both marks must be there, and both must be ours.
pub(crate) fn owner<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<OwnerTag> {
    if get(MANAGED) != Some(OURS) {
        return None;
    }
    let time = |key: &str| DateTime::from_timestamp(get(key)?.parse().ok()?, 0);
    Some(OwnerTag {
        lease: get(LEASE)?.parse().ok()?,
        expires_at: time(EXPIRES),
        protect_until: time(PROTECT),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(tags: &[(String, String)]) -> Option<OwnerTag> {
        owner(|key| {
            let found = tags.iter().find(|(k, _)| k == key);
            found.map(|(_, v)| v.as_str())
        })
    }

    #[test]
    fn reads_what_it_writes() {
        let at = |s| DateTime::from_timestamp(s, 0);
        for (expires_at, protect_until) in [(None, None), (at(5), None), (at(5), at(9_999_999_999))]
        {
            let tag = OwnerTag {
                lease: "lbcdfghjkm".parse().unwrap(),
                expires_at,
                protect_until,
            };
            assert_eq!(read(&write(&tag)), Some(tag));
        }
    }

    #[test]
    fn half_a_mark_is_none() {
        let own = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        for tags in [
            vec![own(LEASE, "lbcdfghjkm")],
            vec![own(MANAGED, OURS)],
            vec![own(MANAGED, "terraform"), own(LEASE, "lbcdfghjkm")],
            vec![own(MANAGED, OURS), own(LEASE, "NOT AN ID")],
        ] {
            assert_eq!(read(&tags), None, "{tags:?}");
        }
        let odd = [
            own(MANAGED, OURS),
            own(LEASE, "lbcdfghjkm"),
            own(EXPIRES, "soon"),
        ];
        assert_eq!(read(&odd).unwrap().expires_at, None);
    }
}
