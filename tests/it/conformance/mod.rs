//! What every cloud must do in the same way. One function a case, run for every registered cloud; after
//! each, nothing of ours is left and the ledger is the vendor's bill.

mod access;
mod life;
mod lists;
mod others;

use crate::support::{Bench, each_cloud};

/// One case on one cloud.
pub(super) type Case = fn(&Bench, &str);

/// All cases, for the table and for each cloud.
const CASES: &[(&str, Case)] = &[
    ("create", life::create),
    ("adopt", life::adopt),
    ("inspect", life::inspect),
    ("extend", life::extend),
    ("protect", life::protect),
    ("use", life::use_and_delete),
    ("waiting_claim", life::waiting_claim),
    ("delete", life::delete),
    ("delete_again", life::delete_again),
    ("failed_create", life::failed_create),
    ("kubeconfig", access::kubeconfig),
    ("credential", access::credential),
    ("leftovers", others::leftovers),
    ("orphans", others::orphans),
    ("foreign", others::foreign_look_alikes),
    ("taken", others::taken_name),
    ("vanished", others::vanished),
    ("quota", others::quota),
    ("paging", lists::paging),
    ("throttling", lists::throttling),
    ("partial", lists::partial),
    ("stale", lists::stale),
    ("ghost", lists::ghost),
];

/// Runs all cases of one cloud and names each; with `KUBELEASE_CASE=name` that one alone.
fn suite(cloud: &str) {
    let only = std::env::var("KUBELEASE_CASE").ok();
    for (name, case) in CASES {
        if only.as_deref().is_some_and(|only| only != *name) {
            println!("conformance {cloud:>12} {name}: not asked for by KUBELEASE_CASE");
            continue;
        }
        let bench = Bench::only(cloud);
        let before = bench.ids();
        println!("conformance {cloud:>12} {name}");
        case(&bench, cloud);
        bench.clear_faults();
        bench.advance("24h");
        bench.tick().ok();
        bench.advance("24h");
        bench.tick().ok();
        bench.assert_clean();
        let after: Vec<_> = bench
            .ids()
            .into_iter()
            .filter(|id| !before.contains(id))
            .collect();
        let strangers = bench.strangers();
        assert!(
            after.iter().all(|id| strangers.contains(id)),
            "{cloud} {name} left {after:?}"
        );
    }
}

each_cloud!(suite);
