//! Every shipped profile loads, quotes and plans on every cloud.

use chrono::{TimeZone, Utc};
use kubelease::profile::{builtin_names, load};
use kubelease::quote::{Inputs, quote};
use kubelease::registry::entries;
use kubelease_core::Money;

#[test]
fn every_profile_has_a_price_on_every_cloud() {
    let mut quoted = 0;
    for name in builtin_names() {
        let profile = load(name).unwrap();
        for entry in entries() {
            let catalog = (entry.catalog)();
            let inputs = Inputs {
                profile: &profile,
                catalog: &catalog,
                capability: (entry.capability)(),
                account: None,
                region: None,
                ttl: profile.lease.ttl,
                now: Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap(),
                beside: &[],
            };
            let quote = quote(&inputs).unwrap_or_else(|e| panic!("{name} on {}: {e}", entry.id));
            assert!(quote.total > Money::ZERO, "{name} on {}", entry.id);
            assert!(
                quote.size.cpu >= profile.nodes.cpu
                    && quote.size.memory_mib >= profile.nodes.memory_mib
            );
            let sum: Money = quote.items.iter().map(|i| i.amount).sum();
            assert_eq!(sum, quote.total);
            // Each expected thing is a line of its own.
            let lines = |kind| quote.items.iter().filter(|i| i.kind == kind).count();
            assert_eq!(
                lines(kubelease_core::ItemKind::Volume),
                profile.expect.volumes_gib.len()
            );
            quoted += 1;
        }
    }
    assert!(quoted >= 4, "{quoted} quotes");
}
