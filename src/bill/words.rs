//! From the words of a spans file, which are those of `facts/prices.toml`, to a price of the provider's own
//! book. Where the book has one more word than the facts (the fee of a regional cluster), it is here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use kubelease_core::{Catalog, ItemKind, Price, PriceBook, ProviderId, Purchase};

use super::regions;
use crate::registry;

/// The prices of the clouds of this build, from the embedded data.
pub(super) struct Books(BTreeMap<ProviderId, Catalog>);

/// What a GKE control plane is, which decides whether its fee has a part in the free allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Zonal,
    Regional,
    Autopilot,
}

impl Scope {
    pub(super) const WORDS: [&'static str; 3] = ["zonal", "regional", "autopilot"];

    pub(super) fn parse(word: &str) -> Option<Self> {
        let all = [Self::Zonal, Self::Regional, Self::Autopilot];
        let found = Self::WORDS.iter().zip(all).find(|(w, _)| **w == word);
        found.map(|(_, scope)| scope)
    }
}

/// All rules of one load balancer, where the ledger counts load balancers.
const RULES: &str = "-rules";
/// The fee without the free allowance.
const REGIONAL: &str = "-regional";
/// So many machines use a NAT gateway of GKE before its price is flat.
const NAT_MACHINES: u32 = 32;

impl Books {
    /// Read once: the data of six clouds is a few thousand lines.
    pub(super) fn embedded() -> &'static Self {
        static BOOKS: LazyLock<Books> = LazyLock::new(|| {
            let entries = registry::entries();
            Books(entries.iter().map(|e| (e.id, (e.catalog)())).collect())
        });
        &BOOKS
    }

    fn book(&self, provider: ProviderId) -> Option<&PriceBook> {
        self.0.get(&provider).map(|catalog| &catalog.prices)
    }

    pub(super) fn providers(&self) -> Vec<&'static str> {
        self.0.keys().map(|p| p.as_str()).collect()
    }

    /// The words for the types of a kind, as the facts have them.
    pub(super) fn types(&self, provider: ProviderId, kind: ItemKind) -> BTreeSet<String> {
        let rows = self.book(provider).into_iter().flat_map(PriceBook::rows);
        let ours = |word: &str| match kind {
            ItemKind::ControlPlane => word.ends_with(REGIONAL),
            ItemKind::LoadBalancer => word.ends_with(RULES) || word.contains("-after-"),
            _ => false,
        };
        let words = rows.filter(|(k, ..)| *k == kind).map(|(_, word, ..)| word);
        words.filter(|w| !ours(w)).map(str::to_owned).collect()
    }

    /// The words for the regions of a cloud.
    pub(super) fn regions(&self, provider: ProviderId) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = regions::listed(provider).map(str::to_owned).collect();
        if let Some(catalog) = self.0.get(&provider) {
            all.extend(catalog.regions.iter().map(|r| r.slug.clone()));
            let rows = catalog.prices.rows().map(|(_, _, region, ..)| region);
            all.extend(rows.map(str::to_owned));
        }
        all.insert("*".to_owned());
        all
    }

    /// A zone is a place in its region.
    pub(super) fn is_region(&self, provider: ProviderId, region: &str) -> bool {
        let all = self.regions(provider);
        let zone = || {
            let (before, letter) = region.rsplit_once('-')?;
            (provider == ProviderId::Gke && letter.len() == 1).then_some(before)
        };
        all.contains(region) || zone().is_some_and(|before| all.contains(before))
    }

    /// The book's word for what the file calls `word`.
    pub(super) fn word(
        &self,
        provider: ProviderId,
        kind: ItemKind,
        word: &str,
        scope: Option<Scope>,
    ) -> String {
        let own = match (provider, kind, scope) {
            (ProviderId::Gke, ItemKind::ControlPlane, Some(Scope::Regional)) => REGIONAL,
            (ProviderId::Aks, ItemKind::LoadBalancer, _) => RULES,
            _ => return word.to_owned(),
        };
        format!("{word}{own}")
    }

    /// What one of it costs. Only machines (and the addresses of GKE's) have a price of their own as spare
    /// capacity; everything else costs the same with them.
    pub(super) fn price(
        &self,
        provider: ProviderId,
        kind: ItemKind,
        (word, region): (&str, &str),
        purchase: Purchase,
    ) -> Option<Price> {
        let book = self.book(provider)?;
        let listed = || book.find(kind, word, region, Purchase::OnDemand);
        let found = book.find(kind, word, region, purchase);
        let found = match kind {
            ItemKind::Node => found,
            _ => found.or_else(listed),
        };
        found.cloned()
    }

    /// The GiB of a disk that is sold in fixed sizes, from the long word for it: `P4 (premium SSD 32 GiB)`.
    pub(super) fn fixed_gib(&self, provider: ProviderId, word: &str) -> Option<u32> {
        if provider != ProviderId::Aks {
            return None;
        }
        let short = |long: &str| long.split_whitespace().next().unwrap_or(long).to_owned();
        let words = self.types(provider, ItemKind::Volume);
        let long = words
            .iter()
            .find(|w| w.contains(" GiB)") && short(w) == short(word))?;
        let number = long.trim_end_matches(" GiB)").rsplit(' ').next()?;
        number.parse().ok()
    }
}

/// How many are billed: a NAT gateway of GKE costs for each machine that uses it, up to a number.
pub(super) fn billed_count(provider: ProviderId, kind: ItemKind, count: u32) -> u32 {
    match (provider, kind) {
        (ProviderId::Gke, ItemKind::NatGateway) => count.min(NAT_MACHINES),
        _ => count,
    }
}
