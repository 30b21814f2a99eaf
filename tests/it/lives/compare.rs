//! The ledger against the meter, item by item. The two share no code, so their words differ: how one maps
//! to the other is written down here and nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use kubelease::ledger::EntryKind;
use kubelease_core::{LeaseId, Money, ProviderId};
use serde_json::Value;

use super::world::World;
use crate::support::money;

/// Lease, month, kind, type and item: what one line of a bill is about. Where the two sides cannot know each
/// other's id of an item it is empty, and all such lines of a lease are compared as a sorted list.
type Key = (String, String, String, String, String);
/// The amounts of each; more than one only where items have no common name.
type Lines = BTreeMap<Key, Vec<Money>>;

/// The name that an item has on both sides.
fn common(cloud: ProviderId, kind: &str, item: &str) -> String {
    match (cloud, kind) {
        // Google's own numbers there, names here; of one lease they are told apart by kind and type.
        (ProviderId::Gke, _) => String::new(),
        // A control plane's ARN there, its region, name and birth here; an address is an interface there,
        // and its machine's or balancer's here.
        (ProviderId::Eks, "control_plane" | "ipv4") => String::new(),
        // A machine of a scale set there, of a pool here: both end with its number. Paths are one but for case.
        (ProviderId::Aks, "node") => item.rsplit('/').next().unwrap_or_default().to_owned(),
        (ProviderId::Aks, _) => item.to_lowercase(),
        // A number is unique within a kind there, and among all kinds only with its kind here.
        (ProviderId::Linode, _) => item.rsplit('-').next().unwrap_or_default().to_owned(),
        _ => item.to_owned(),
    }
}

/// The word that a type has on both sides: the meter writes how something was bought into it, the ledger how
/// large the tier of a disk is, and each has its own word for the cluster that shares the free fee.
fn plain(r#type: &str) -> String {
    match r#type {
        "in-use-spot-vm" => "in-use".to_owned(),
        "zonal" | "autopilot" => "standard".to_owned(),
        "regional" => "standard-regional".to_owned(),
        other => other
            .split(" (")
            .next()
            .unwrap_or_default()
            .trim_end_matches(":spot")
            .trim_end_matches(" spot")
            .to_owned(),
    }
}

/// What the ledger has booked.
async fn booked(world: &World) -> Lines {
    // Two prices of one item are two rows here, one line there.
    let mut items = BTreeMap::<(String, String, String, String, String), Money>::new();
    let disks = boot_disks(world).await;
    for entry in world.ledger().entries(None).await.unwrap() {
        if entry.kind != EntryKind::Accrual {
            continue;
        }
        let item = entry.item.unwrap();
        // provider|group|kind|type|month|rule
        let words: Vec<&str> = item.split('|').collect();
        let lease = entry.lease.unwrap().to_string();
        let word = |n: usize| words[n].to_owned();
        let item = disks.get(words[1]).cloned().unwrap_or_else(|| word(1));
        *items
            .entry((lease, word(4), word(2), word(3), item))
            .or_default() += entry.amount;
    }
    lines(world.cloud, items)
}

/// The disk of each machine of EKS: the ledger has it by the machine that it goes with. A machine of ours
/// has one; the lines of another that had more would agree with nothing.
async fn boot_disks(world: &World) -> BTreeMap<String, String> {
    let always = Some(DateTime::UNIX_EPOCH);
    let spans = world.ledger().spans(None, false, always).await.unwrap();
    let disks = spans.into_iter().map(|s| s.billed);
    let disks = disks.filter(|b| b.group.ends_with("/disks"));
    disks.map(|b| (b.group, b.id)).collect()
}

/// What the vendor would have billed for what is ours.
fn metered(world: &World) -> Lines {
    let meter = world
        .control
        .get(&format!("/meter?provider={}", world.cloud))
        .unwrap();
    let word = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let mut items = BTreeMap::<(String, String, String, String, String), Money>::new();
    for item in meter["items"].as_array().unwrap() {
        let Some(owner) = item["owner"].as_str() else {
            continue;
        };
        let line = (
            owner.to_owned(),
            word(item, "month"),
            word(item, "kind"),
            word(item, "type"),
            word(item, "item"),
        );
        *items.entry(line).or_default() += money(&item["amount"]);
    }
    lines(world.cloud, items)
}

/// Items by their common names; what costs nothing is no line.
fn lines(cloud: ProviderId, items: BTreeMap<Key, Money>) -> Lines {
    let mut lines = Lines::new();
    for ((lease, month, kind, r#type, item), amount) in items {
        if amount != Money::ZERO {
            let item = common(cloud, &kind, &item);
            let key = (lease, month, kind, plain(&r#type), item);
            lines.entry(key).or_default().push(amount);
        }
    }
    lines.values_mut().for_each(|amounts| amounts.sort());
    lines
}

/// Kinds of which the ledger has less than the meter in a month, to see where a difference comes from. By
/// kinds, for what leases share is nobody's alone.
pub(crate) async fn short(world: &World) -> Vec<String> {
    let kinds = |lines: Lines| {
        let mut sums = BTreeMap::<(String, String, String), Money>::new();
        for ((_, month, kind, r#type, _), amounts) in lines {
            let amount = amounts.into_iter().sum();
            *sums.entry((month, kind, r#type)).or_default() += amount;
        }
        sums
    };
    let (ours, theirs) = (kinds(booked(world).await), kinds(metered(world)));
    let ledger = |key| ours.get(key).copied().unwrap_or_default();
    let less = theirs.iter().filter(|(key, meter)| ledger(key) < **meter);
    less.map(|(key, meter)| format!("{key:?}: ledger {}, meter {meter}", ledger(key)))
        .collect()
}

/// Every line that is not the same on both sides, for a person; and how many lines there are, for a
/// comparison of nothing proves nothing.
pub(crate) async fn differences(world: &World) -> (Vec<String>, usize) {
    let (ours, theirs) = (booked(world).await, metered(world));
    let mut out = Vec::new();
    let keys: BTreeSet<&Key> = ours.keys().chain(theirs.keys()).collect();
    for key in keys {
        let (a, b) = (ours.get(key), theirs.get(key));
        if a != b {
            let show = |m: Option<&Vec<Money>>| {
                let amounts = m.into_iter().flatten().map(ToString::to_string);
                amounts.collect::<Vec<_>>().join(" ")
            };
            let (lease, month, kind, r#type, item) = key;
            out.push(format!(
                "{lease} {month} {kind} {type} {item}: ledger [{}], meter [{}]",
                show(a),
                show(b)
            ));
            out.extend(spans(world, lease, kind).await);
        }
    }
    (out, theirs.values().map(Vec::len).sum())
}

/// The ledger's spans of a lease's things of one kind, to see where a difference comes from.
async fn spans(world: &World, lease: &str, kind: &str) -> Vec<String> {
    let lease = lease.parse::<LeaseId>().unwrap();
    let spans = world
        .ledger()
        .spans(Some(&lease), false, None)
        .await
        .unwrap();
    let ours = spans.iter().filter(|s| s.billed.kind.as_str() == kind);
    ours.map(|s| {
        let end = s.end.map_or_else(|| "…".to_owned(), |end| end.to_string());
        let (id, count, rule) = (&s.billed.id, s.billed.count, s.price.rule.key());
        format!(
            "    {id} × {count} from {} to {end} at {rule}",
            s.billed.since
        )
    })
    .collect()
}

/// What the ledger and the meter have in all.
pub(crate) async fn totals(world: &World) -> (Money, Money) {
    let sum = |lines: Lines| lines.into_values().flatten().sum::<Money>();
    (sum(booked(world).await), sum(metered(world)))
}
