//! From a profile to a priced order: which region, size and version, every billed item, and whether
//! it may be made. Pure: the same inputs give the same quote, and no one writes anything.

mod afford;
mod again;
mod choose;
mod room;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::billing::bill_beside;
use kubelease_core::{
    Account, Billed, Capability, Catalog, ItemKind, LeaseId, Money, Order, Price, ProviderId,
    Purchase, Rule, Size, Span,
};

use crate::pricing;
use crate::profile::Profile;

pub use afford::affordable;
pub use again::{again, of_then};
use choose::{purchase, region, size, spot, version};
use room::within_limits;

/// What a quote is made from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The wish.
    pub profile: &'a Profile,
    /// What there is.
    pub catalog: &'a Catalog,
    /// Facts about the cloud.
    pub capability: &'a Capability,
    /// What the account may do; without one (no credentials) limits are not checked.
    pub account: Option<&'a Account>,
    /// The region asked for on the command line.
    pub region: Option<&'a str>,
    /// How long.
    pub ttl: TimeDelta,
    /// Now.
    pub now: DateTime<Utc>,
    /// What other leases of the account share with this one: allowances of the month.
    pub beside: &'a [Span],
}

/// What will be made and what it costs until its end.
#[derive(Clone, Debug)]
pub struct Quote {
    /// Where.
    pub provider: ProviderId,
    /// The vendor's region.
    pub region: String,
    /// The vendor's machine type.
    pub size: Size,
    /// The vendor's version slug.
    pub version: String,
    /// Nodes.
    pub count: u32,
    /// Spare capacity.
    pub spot: bool,
    /// Boot disk in GiB, 0 when it comes with the size.
    pub disk_gib: u32,
    /// How long it lives.
    pub ttl: TimeDelta,
    /// Every billed item.
    pub items: Vec<Item>,
    /// Dollars an hour while it runs.
    pub hourly: Money,
    /// Dollars to the end: the hold.
    pub total: Money,
    /// The spans behind the items: what if it lived shorter.
    spans: Vec<Span>,
    beside: Vec<Span>,
    now: DateTime<Utc>,
}

/// One line of a quote.
#[derive(Clone, Debug)]
pub struct Item {
    /// What.
    pub kind: ItemKind,
    /// The vendor's word.
    pub name: String,
    /// How many, or how many GiB in all.
    pub quantity: u32,
    /// Of what: `GiB`, or nothing for plain things.
    pub unit: &'static str,
    /// Dollars an hour for one.
    pub unit_price: Money,
    /// Dollars to the end for all.
    pub amount: Money,
    /// The arithmetic.
    pub how: String,
    /// Where the price comes from, with its date, and whether that is long ago.
    pub source: String,
    /// The date of a price that is long ago.
    pub stale: Option<String>,
}

/// Why there is no quote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoQuote {
    /// Whether the account or its limits stand in the way (else the wish itself is wrong).
    pub policy: bool,
    /// What is wrong.
    pub message: String,
    /// What can be typed instead.
    pub hint: String,
}

impl NoQuote {
    fn wish(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            policy: false,
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl Quote {
    /// What it would cost if it ended after `ttl`.
    #[must_use]
    pub fn total_for(&self, ttl: TimeDelta) -> Money {
        bill_beside(&self.spans, &self.beside, self.now + ttl)
            .iter()
            .map(|l| l.amount)
            .sum()
    }

    /// When it was made: its lease begins then, so that both count the same time.
    #[must_use]
    pub const fn made_at(&self) -> DateTime<Utc> {
        self.now
    }

    /// What each kind of thing would cost if it ended after `ttl`.
    #[must_use]
    pub fn by_kind(&self, ttl: TimeDelta) -> BTreeMap<ItemKind, Money> {
        let mut sums = BTreeMap::new();
        for line in bill_beside(&self.spans, &self.beside, self.now + ttl) {
            *sums.entry(line.kind).or_default() += line.amount;
        }
        sums
    }

    /// How many things of a kind are in it.
    #[must_use]
    pub fn things(&self, kind: ItemKind) -> u32 {
        let ours = self.spans.iter().filter(|s| s.billed.kind == kind);
        ours.map(|s| s.billed.count).sum()
    }

    /// The date of its oldest price, if any price is too old to be relied on.
    #[must_use]
    pub fn oldest_stale(&self) -> Option<&str> {
        self.items.iter().filter_map(|i| i.stale.as_deref()).min()
    }

    /// The longest life, in whole quarters of an hour, that stays within `most`.
    #[must_use]
    pub fn longest_within(&self, most: Money, ceiling: TimeDelta) -> Option<TimeDelta> {
        let quarter = |n: i64| TimeDelta::minutes(15 * n);
        let (mut low, mut high) = (0, ceiling.num_minutes() / 15);
        while low < high {
            let middle = (low + high + 1) / 2;
            if self.total_for(quarter(middle)) <= most {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        (low > 0).then(|| quarter(low))
    }

    /// What it would cost to the end with fewer nodes.
    #[must_use]
    pub fn total_with(&self, count: u32) -> Money {
        let mut spans = self.spans.clone();
        for span in &mut spans {
            match span.billed.kind {
                ItemKind::Node | ItemKind::BootDisk => span.billed.count = count,
                // Those of services stay.
                ItemKind::Ipv4 if span.billed.group == NODE_ADDRESSES => {
                    span.billed.count -= self.count.saturating_sub(count).min(span.billed.count);
                }
                _ => {}
            }
        }
        bill_beside(&spans, &self.beside, self.now + self.ttl)
            .iter()
            .map(|l| l.amount)
            .sum()
    }

    /// The order for a lease of that id and name.
    #[must_use]
    pub fn order(&self, lease: LeaseId, name: &str, profile: &Profile) -> Order {
        let options = profile
            .provider
            .get(&self.provider)
            .map(|o| o.options.clone());
        Order {
            lease,
            name: name.to_owned(),
            region: self.region.clone(),
            size: self.size.slug.clone(),
            version: self.version.clone(),
            count: self.count,
            spot: self.spot,
            disk_gib: self.disk_gib,
            volumes: !profile.expect.volumes_gib.is_empty(),
            expires_at: self.now + self.ttl,
            options: options.unwrap_or_else(|| serde_json::json!({})),
        }
    }
}

/// Makes a quote.
///
/// # Errors
/// When a region, size or version does not exist, nothing fits, or the account may not.
pub fn quote(inputs: &Inputs<'_>) -> Result<Quote, NoQuote> {
    let region = region(inputs)?;
    let version = version(inputs)?;
    let spot = spot(inputs)?;
    let size = size(inputs, &region, spot)?;
    let count = inputs.profile.nodes.count.max(inputs.capability.min_nodes);
    within_limits(inputs, &region, (count, &size, spot))?;
    let disk_gib = if size.disk_gib == 0 {
        boot_gib(inputs)
    } else {
        0
    };
    let spans = spans(inputs, &region, &size, count, spot);
    let end = inputs.now + inputs.ttl;
    let items: Vec<Item> = spans
        .iter()
        .map(|span| item(span, inputs.beside, inputs.now, end))
        .collect();
    Ok(Quote {
        provider: inputs.catalog.provider,
        region,
        size,
        version,
        count,
        spot,
        disk_gib,
        ttl: inputs.ttl,
        hourly: spans
            .iter()
            .map(|s| s.price.rule.hourly_of(&s.billed))
            .sum(),
        total: items.iter().map(|i| i.amount).sum(),
        items,
        spans,
        beside: inputs.beside.to_vec(),
        now: inputs.now,
    })
}

/// One span per expected item, from now on: an upper bound, since nodes bill later than that.
fn spans(inputs: &Inputs<'_>, region: &str, size: &Size, count: u32, spot: bool) -> Vec<Span> {
    let profile = inputs.profile;
    let standing = &inputs.capability.standing;
    let on_demand = Purchase::OnDemand;
    let mut rows = vec![
        row(ItemKind::ControlPlane, control_plane(inputs), 1, on_demand),
        row(ItemKind::Node, size.slug.clone(), count, purchase(spot)),
    ];
    rows.extend(disk(inputs, ItemKind::BootDisk, boot_gib(inputs), count));
    rows.extend(addresses(inputs, region, count, spot));
    let own = if standing.shared_load_balancer {
        0
    } else {
        profile.expect.load_balancers
    };
    let balancers = standing.load_balancers + own;
    if let (1.., Some(r#type)) = (balancers, default_type(inputs, ItemKind::LoadBalancer)) {
        rows.push(row(ItemKind::LoadBalancer, r#type, balancers, on_demand));
    }
    let volumes = profile.expect.volumes_gib.iter();
    rows.extend(volumes.filter_map(|gib| disk(inputs, ItemKind::Volume, *gib, 1)));
    rows.into_iter()
        .enumerate()
        .map(|(n, row)| {
            let group = match row.group.as_str() {
                "" => format!("quote-{n}"),
                named => named.to_owned(),
            };
            let billed = Billed {
                id: format!("quote-{n}"),
                group,
                region: region.to_owned(),
                since: inputs.now,
                ..row
            };
            let price = inputs.catalog.prices.of(&billed).cloned().unwrap_or(Price {
                rule: Rule::Free,
                source: "no price known".to_owned(),
                as_of: String::new(),
            });
            Span {
                billed,
                end: None,
                price,
            }
        })
        .collect()
}

/// The group of the nodes' own addresses.
const NODE_ADDRESSES: &str = "node-addresses";

/// Public addresses, in one line unless those of spare machines have a price of their own.
fn addresses(inputs: &Inputs<'_>, region: &str, count: u32, spot: bool) -> Vec<Billed> {
    let Some(r#type) = default_type(inputs, ItemKind::Ipv4) else {
        return Vec::new();
    };
    let standing = &inputs.capability.standing;
    let nodes = if standing.node_addresses { count } else { 0 };
    let others =
        standing.addresses + inputs.profile.expect.load_balancers * standing.service_addresses;
    let prices = &inputs.catalog.prices;
    let apart = spot
        && prices
            .find(ItemKind::Ipv4, &r#type, region, Purchase::Spot)
            .is_some();
    let on_demand = |count| row(ItemKind::Ipv4, r#type.clone(), count, Purchase::OnDemand);
    let mut of_nodes = if apart {
        row(ItemKind::Ipv4, r#type.clone(), nodes, Purchase::Spot)
    } else {
        on_demand(nodes + others)
    };
    if nodes > 0 {
        of_nodes.group = NODE_ADDRESSES.to_owned();
    }
    let rows = [of_nodes, on_demand(if apart { others } else { 0 })];
    rows.into_iter().filter(|r| r.count > 0).collect()
}

/// An item without its place and time.
fn row(kind: ItemKind, r#type: String, count: u32, purchase: Purchase) -> Billed {
    Billed {
        id: String::new(),
        kind,
        region: String::new(),
        purchase,
        count,
        size_gib: None,
        group: String::new(),
        since: DateTime::UNIX_EPOCH,
        r#type,
    }
}

/// The boot disk that a profile asks for where it can be chosen, GiB.
fn boot_gib(inputs: &Inputs<'_>) -> u32 {
    inputs.profile.nodes.disk_gib.unwrap_or(30)
}

/// A disk as the vendor sells it.
fn disk(inputs: &Inputs<'_>, kind: ItemKind, gib: u32, count: u32) -> Option<Billed> {
    let (r#type, gib) = match inputs.capability.disk {
        Some(billed) => billed(kind, gib)?,
        None => (default_type(inputs, kind)?, gib),
    };
    Some(Billed {
        size_gib: Some(gib),
        ..row(kind, r#type, count, Purchase::OnDemand)
    })
}

/// The tier of the control plane: `ha` when the profile's vendor options ask for it.
fn control_plane(inputs: &Inputs<'_>) -> String {
    let options = inputs
        .profile
        .provider
        .get(&inputs.catalog.provider)
        .map(|o| &o.options);
    let ha = options
        .and_then(|o| o.get("ha"))
        .and_then(serde_json::Value::as_bool)
        .unwrap_or(false);
    if ha {
        "ha".to_owned()
    } else {
        default_type(inputs, ItemKind::ControlPlane).unwrap_or_else(|| "standard".to_owned())
    }
}

/// The type that a cloud's controllers make when nobody chooses.
fn default_type(inputs: &Inputs<'_>, kind: ItemKind) -> Option<String> {
    let usual = inputs
        .capability
        .usual_types
        .iter()
        .find(|(k, _)| *k == kind);
    usual.map(|(_, r#type)| (*r#type).to_owned())
}

fn item(span: &Span, beside: &[Span], now: DateTime<Utc>, end: DateTime<Utc>) -> Item {
    let lines = bill_beside(std::slice::from_ref(span), beside, end);
    let rule = &span.price.rule;
    let gib = if rule.is_per_gib() {
        span.billed.size_gib.unwrap_or(1)
    } else {
        1
    };
    let Price { source, as_of, .. } = &span.price;
    let age = pricing::age(&span.price, span.billed.purchase, now);
    let how: Vec<_> = lines.iter().map(|l| l.how.as_str()).collect();
    Item {
        kind: span.billed.kind,
        name: span.billed.r#type.clone(),
        quantity: span.billed.count.saturating_mul(gib),
        unit: if rule.is_per_gib() { "GiB" } else { "" },
        unit_price: rule.list_price(),
        amount: lines.iter().map(|l| l.amount).sum(),
        how: how.join(" + "),
        source: match age {
            Some(age) => format!("{source} ({as_of}, {age})"),
            None => format!("{source} ({as_of})"),
        },
        stale: age.map(|_| as_of.clone()),
    }
}
