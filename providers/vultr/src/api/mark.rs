//! The owner tag in the only places that this API has for it: a cluster's label and a pool's tag.
//!
//! A mark is `kubelease-<lease>-e<epoch s>`, with `-p<epoch s>` behind it while protected; `e0` stands
//! for no expiry. A cluster's label is `<name>-<mark>`; the label is written anew with each new date.
//! The pool's tag is the mark as it was at the create: it survives when somebody renames the cluster,
//! and the workers carry it. Nothing but lower-case letters, digits and dashes, because the limits of
//! labels and tags are not published.

use chrono::{DateTime, Utc};
use kubelease_core::{LeaseId, OwnerTag};

const START: &str = "kubelease-";

/// The mark of an owner.
pub(crate) fn write(tag: &OwnerTag) -> String {
    let seconds = |at: DateTime<Utc>| at.timestamp().max(0);
    let expires = tag.expires_at.map_or(0, seconds);
    let mark = format!("{START}{}-e{expires}", tag.lease);
    match tag.protect_until {
        Some(until) => format!("{mark}-p{}", seconds(until)),
        None => mark,
    }
}

/// Reads a mark; none when it is not one to the letter. The expiry is asked for, so that no word that
/// only looks like a lease id makes somebody's `kubelease-lesson` ours.
pub(crate) fn read(text: &str) -> Option<OwnerTag> {
    let mut parts = text.strip_prefix(START)?.split('-');
    let lease: LeaseId = parts.next()?.parse().ok()?;
    let expires = date(parts.next()?.strip_prefix('e')?)?;
    let protect = match parts.next() {
        Some(part) => Some(date(part.strip_prefix('p')?)?),
        None => None,
    };
    let known = |at: &DateTime<Utc>| *at != DateTime::UNIX_EPOCH;
    parts.next().is_none().then_some(OwnerTag {
        lease,
        expires_at: Some(expires).filter(known),
        protect_until: protect.filter(known),
    })
}

fn date(digits: &str) -> Option<DateTime<Utc>> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    DateTime::from_timestamp(plain.then(|| digits.parse().ok())??, 0)
}

/// The label of a cluster.
pub(crate) fn label(name: &str, tag: &OwnerTag) -> String {
    if name.is_empty() {
        write(tag)
    } else {
        format!("{name}-{}", write(tag))
    }
}

/// The name in a label, and the owner if it names one.
pub(crate) fn split(label: &str) -> (&str, Option<OwnerTag>) {
    if let Some(tag) = read(label) {
        return ("", Some(tag));
    }
    // The last one: a name may hold the word as well.
    let at = label.rmatch_indices(START).map(|(at, _)| at).next();
    let marked = at.and_then(|at| Some((label[..at].strip_suffix('-')?, read(&label[at..])?)));
    match marked {
        Some((name, tag)) => (name, Some(tag)),
        None => (label, None),
    }
}

/// The owner that a label and some tags name. The label is newer and gives the dates. None when they
/// name nobody, and none when they name two leases: then somebody has copied marks, and nothing may be
/// touched on their word.
pub(crate) fn owner<'a>(label: &str, tags: impl IntoIterator<Item = &'a str>) -> Option<OwnerTag> {
    let by_label = split(label).1;
    let mut marks = by_label
        .into_iter()
        .chain(tags.into_iter().filter_map(read));
    let first = marks.next()?;
    marks.all(|mark| mark.lease == first.lease).then_some(first)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn tag(expires: Option<i64>, protect: Option<i64>) -> OwnerTag {
        OwnerTag {
            lease: "lbcdfghjkm".parse().unwrap(),
            expires_at: expires.map(at),
            protect_until: protect.map(at),
        }
    }

    #[test]
    fn reads_what_it_writes() {
        for (expires, protect) in [
            (None, None),
            (Some(1_767_614_400), None),
            (None, Some(7)),
            (Some(5), Some(9)),
        ] {
            let tag = tag(expires, protect);
            assert_eq!(read(&write(&tag)), Some(tag.clone()));
            for name in ["practice-a", "", "a-kubelease-b", "My lab", "kubelease"] {
                let label = label(name, &tag);
                assert_eq!(split(&label), (name, Some(tag.clone())), "{label}");
            }
        }
        let longest = label(&"n".repeat(30), &tag(Some(1_767_614_400), None));
        assert_eq!(longest.len(), 63);
    }

    #[test]
    fn look_alikes_are_nobodys() {
        for label in [
            "",
            "kubelease",
            "kubelease-lesson",
            "my-kubelease-lesson",
            "kubelease-lbcdfghjkm",
            "a-kubelease-lbcdfghjkm-e",
            "a-kubelease-lbcdfghjkm-e1x",
            "a-kubelease-lbcdfghjkm-e+1",
            "a-kubelease-lbcdfghjkm-e1-p",
            "a-kubelease-lbcdfghjkm-e1-p2-x",
            "a-kubelease-lbcdfghjkm-p2",
            "a-kubelease-NOTALEASE-e1",
            "a-kubelease-lbcdfghjkm-e99999999999999999999",
            "akubelease-lbcdfghjkm-e1",
            "a-kubelease-lbcdfghjkm-e1 ",
        ] {
            assert_eq!(split(label), (label, None), "{label:?}");
        }
    }

    #[test]
    fn the_label_gives_the_dates_and_the_tag_survives_it() {
        let (old, new) = (write(&tag(Some(100), None)), tag(Some(300), Some(200)));
        let label = label("a", &new);
        assert_eq!(owner(&label, [old.as_str(), "web"]), Some(new));
        assert_eq!(owner("renamed", [old.as_str()]), Some(tag(Some(100), None)));
        assert_eq!(owner("renamed", ["web"]), None);
        let other = "kubelease-lzzzzzzzzz-e100";
        assert_eq!(owner(&label, [other]), None);
        assert_eq!(owner("renamed", [old.as_str(), other]), None);
    }
}
