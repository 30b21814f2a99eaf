//! What a cloud offers and for how much. Built by a provider from its own API and its price data.

use std::collections::BTreeMap;

use crate::billing::{Billed, ItemKind, Price, Purchase, Rule};
use crate::ids::ProviderId;
use crate::money::Money;

/// Regions, sizes, versions and prices of one cloud, as one account sees them.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Whose it is.
    pub provider: ProviderId,
    /// Where clusters can be made.
    pub regions: Vec<Region>,
    /// Machine types for workers.
    pub sizes: Vec<Size>,
    /// Kubernetes versions that can be created, newest first.
    pub versions: Vec<Version>,
    /// What everything costs.
    pub prices: PriceBook,
}

/// A region or zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The vendor's word.
    pub slug: String,
    /// For a person.
    pub name: String,
    /// Whether clusters can be made there now.
    pub available: bool,
}

/// A machine type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Size {
    /// The vendor's word.
    pub slug: String,
    /// Virtual CPUs.
    pub cpu: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Disk that comes with it, in GiB; 0 when the disk is chosen and billed apart.
    pub disk_gib: u32,
    /// Regions that have it; empty means all.
    pub regions: Vec<String>,
    /// Whether this account may start it now.
    pub available: bool,
}

/// A Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// What the create call takes: `1.33.1-do.0`.
    pub slug: String,
    /// `1.33`.
    pub minor: String,
    /// Whether it is in standard support ("stable" means the newest of these).
    pub standard: bool,
}

/// Prices by kind, type, region and purchase. `*` as a region holds wherever no other row does.
#[derive(Clone, Debug, Default)]
pub struct PriceBook {
    rows: BTreeMap<(ItemKind, String, String, Purchase), Price>,
}

impl PriceBook {
    /// Adds a price; the last one for the same key wins.
    pub fn insert(
        &mut self,
        kind: ItemKind,
        r#type: &str,
        region: &str,
        purchase: Purchase,
        price: Price,
    ) {
        self.rows.insert(
            (kind, r#type.to_owned(), region.to_owned(), purchase),
            price,
        );
    }

    /// The price of one unit, if known.
    #[must_use]
    pub fn find(
        &self,
        kind: ItemKind,
        r#type: &str,
        region: &str,
        purchase: Purchase,
    ) -> Option<&Price> {
        let key = |region: &str| (kind, r#type.to_owned(), region.to_owned(), purchase);
        self.rows
            .get(&key(region))
            .or_else(|| self.rows.get(&key("*")))
    }

    /// The price of an observed thing, if known.
    #[must_use]
    pub fn of(&self, billed: &Billed) -> Option<&Price> {
        self.find(billed.kind, &billed.r#type, &billed.region, billed.purchase)
    }

    /// What an observed thing costs an hour while it exists; zero when its price is not known.
    #[must_use]
    pub fn hourly(&self, billed: &Billed) -> Money {
        self.of(billed)
            .map_or(Money::ZERO, |price| price.rule.hourly_of(billed))
    }

    /// Every row: kind, type, region, purchase, price.
    pub fn rows(&self) -> impl Iterator<Item = (ItemKind, &str, &str, Purchase, &Price)> {
        self.rows
            .iter()
            .map(|((k, t, r, p), price)| (*k, t.as_str(), r.as_str(), *p, price))
    }

    /// Whether nothing of that kind is billed apart by this cloud.
    #[must_use]
    pub fn is_free(&self, kind: ItemKind) -> bool {
        self.rows
            .iter()
            .filter(|((k, ..), _)| *k == kind)
            .all(|(_, p)| p.rule == Rule::Free)
    }
}
