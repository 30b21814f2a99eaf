//! Whose a resource is, for `/world` and `/meter`: the lease id after `kubelease-lease:` anywhere in a cluster's label, a pool's tag, or
//! the label of something made by hand. What came with a cluster keeps its owner when the cluster is gone.

use super::ME;
use super::call::Desk;
use super::state::Belongs;

const MARK: &str = "kubelease-lease:";
/// The short form, where all there is is one label: `kubelease-<id>-e<seconds>`.
const SHORT: &str = "kubelease-";

/// The lease id in a text, if there is one.
pub(super) fn lease_in(text: &str) -> Option<String> {
    if let Some((_, after)) = text.split_once(MARK) {
        let (id, _) = word(after);
        return (!id.is_empty()).then(|| id.to_owned());
    }
    text.match_indices(SHORT).find_map(|(at, _)| {
        let (id, rest) = word(&text[at + SHORT.len()..]);
        let (seconds, _) = word(rest.strip_prefix("-e")?);
        let dated = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
        (dated && !id.is_empty()).then(|| id.to_owned())
    })
}

/// The lower-case letters and digits at the start, and the rest.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// A label was changed: the thing made by hand that carries it belongs to whom it now names.
pub(super) fn relabelled(desk: &mut Desk<'_>, id: &str, label: &str) {
    let owner = lease_in(label);
    let state = &mut *desk.state;
    let blocks = state.blocks.iter_mut().map(|b| (&b.id, &mut b.belongs));
    let balancers = state
        .load_balancers
        .iter_mut()
        .map(|l| (&l.id, &mut l.belongs));
    let snapshots = state.snapshots.iter_mut().map(|s| (&s.id, &mut s.belongs));
    let addresses = state
        .reserved_ips
        .iter_mut()
        .map(|a| (&a.id, &mut a.belongs));
    let networks = state.vpcs.iter_mut().map(|v| (&v.id, &mut v.belongs));
    let firewalls = state.firewalls.iter_mut().map(|f| (&f.id, &mut f.belongs));
    let mut all = blocks
        .chain(balancers)
        .chain(snapshots)
        .chain(addresses)
        .chain(networks)
        .chain(firewalls);
    let found = all.find(|(i, b)| *i == id && b.cluster.is_none() && !b.foreign);
    if let Some((_, belongs)) = found {
        belongs.owner.clone_from(&owner);
        desk.core.meter.set_owner(ME, id, owner.as_deref());
    }
}

/// A cluster's label or a pool's tag was changed: everything that came with it follows.
pub(super) fn reassign(desk: &mut Desk<'_>, cluster: &str) {
    let Some(owner) = desk.state.cluster(cluster).map(|c| c.owner()) else {
        return;
    };
    let mut items = vec![cluster.to_owned()];
    let state = &mut *desk.state;
    let instances = state.instances.iter_mut().map(|i| (&i.id, &mut i.belongs));
    let blocks = state.blocks.iter_mut().map(|b| (&b.id, &mut b.belongs));
    let balancers = state
        .load_balancers
        .iter_mut()
        .map(|l| (&l.id, &mut l.belongs));
    let networks = state.vpcs.iter_mut().map(|v| (&v.id, &mut v.belongs));
    let firewalls = state.firewalls.iter_mut().map(|f| (&f.id, &mut f.belongs));
    let all = instances
        .chain(blocks)
        .chain(balancers)
        .chain(networks)
        .chain(firewalls);
    let ours = |b: &Belongs| b.of(cluster);
    for (id, belongs) in all.filter(|(_, b)| ours(b)) {
        belongs.owner.clone_from(&owner);
        items.push(id.clone());
    }
    for item in items {
        desk.core.meter.set_owner(ME, &item, owner.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_found_anywhere_in_a_text() {
        for (text, lease) in [
            ("kubelease-lease:ab12", Some("ab12")),
            ("first-steps kubelease-lease:ab12 until 8", Some("ab12")),
            ("x,kubelease-lease:l1,kubelease-expires:9", Some("l1")),
            ("kubelease-lease:", None),
            ("kubelease-lease:-", None),
            ("kubelease-lease", None),
            ("lab-kubelease-labc-e1767614400-p17", Some("labc")),
            ("kubelease-kubelease-labc-e0", Some("labc")),
            ("kubelease-lesson", None),
            ("kubelease-labc-ex", None),
            ("", None),
        ] {
            assert_eq!(lease_in(text).as_deref(), lease, "{text}");
        }
    }
}
