//! The quote of a lease that was made: again from its order, so that nothing more must be stored. Pure.

use chrono::TimeDelta;
use kubelease_core::{Capability, Catalog, PriceBook, Region, Size, Span, Version};

use super::{Inputs, Quote, quote};
use crate::ledger::{Lease, LedgerSpan};
use crate::profile::{self, Override, VersionWish};

/// The quote of then, at these prices. None when the profile is of another time and no longer reads.
///
/// It is the same quote only if its total is what was held then: prices may have changed since.
#[must_use]
pub fn again(
    lease: &Lease,
    ttl: TimeDelta,
    prices: &PriceBook,
    capability: &Capability,
    beside: &[Span],
) -> Option<Quote> {
    let mut profile = profile::parse(&lease.profile_toml, &lease.profile).ok()?;
    let order = &lease.order;
    // What was chosen then is all there is to choose from now.
    profile.kubernetes = VersionWish::Stable;
    (profile.nodes.cpu, profile.nodes.memory_mib) = (0, 0);
    profile.nodes.count = order.count;
    if let Some(ours) = profile.provider.get_mut(&lease.provider) {
        *ours = Override {
            region: None,
            size: None,
            options: std::mem::take(&mut ours.options),
        };
    }
    let comes_with_a_disk = order.disk_gib == 0;
    let size = Size {
        slug: order.size.clone(),
        cpu: 0,
        memory_mib: 0,
        disk_gib: if comes_with_a_disk { u32::MAX } else { 0 },
        regions: Vec::new(),
        available: true,
    };
    let catalog = Catalog {
        provider: lease.provider,
        regions: vec![Region {
            slug: order.region.clone(),
            name: String::new(),
            available: true,
        }],
        sizes: vec![size],
        versions: vec![Version {
            slug: order.version.clone(),
            minor: String::new(),
            standard: true,
        }],
        prices: prices.clone(),
    };
    let inputs = Inputs {
        profile: &profile,
        catalog: &catalog,
        capability,
        account: None,
        region: Some(&order.region),
        ttl,
        now: lease.created_at,
        beside,
    };
    quote(&inputs).ok()
}

/// What was there when the lease was made, as it looked then: nothing had ended that ended later.
pub fn of_then(beside: &[LedgerSpan], lease: &Lease) -> Vec<Span> {
    let then = lease.created_at;
    let there = beside.iter().filter(|s| s.billed.since <= then);
    let as_it_looked = |s: &LedgerSpan| Span {
        billed: s.billed.clone(),
        end: s.end.filter(|end| *end <= then),
        price: s.price.clone(),
    };
    there.map(as_it_looked).collect()
}
