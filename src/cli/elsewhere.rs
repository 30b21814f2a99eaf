//! Where else a refused wish would fit: the other clouds, by their list prices and this ledger's credits.
//! Asks no cloud.

use chrono::TimeDelta;
use kubelease_core::{Money, ProviderId};

use super::app::App;
use super::{CliError, exit};
use crate::profile::Profile;
use crate::quote::{self, Inputs, NoQuote, affordable};
use crate::registry;

/// What was wished for, and where it was refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) profile: &'a Profile,
    pub(super) ttl: TimeDelta,
    pub(super) budget: Option<Money>,
    pub(super) refused_by: ProviderId,
}

/// A refusal with the clouds on which the same would fit.
pub(super) async fn told(app: &App, refusal: NoQuote, wish: Wish<'_>) -> CliError {
    add(app, refusal.into(), wish).await
}

/// The same for a refusal that is an error already.
pub(super) async fn add(app: &App, mut error: CliError, wish: Wish<'_>) -> CliError {
    if error.code == exit::REFUSED {
        error.hints.extend(hint(app, wish).await);
    }
    error
}

/// None when no other cloud would do, or the ledger cannot say.
async fn hint(app: &App, wish: Wish<'_>) -> Option<String> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for entry in registry::entries() {
        if entry.id == wish.refused_by {
            continue;
        }
        let Some(total) = fits(app, &entry, wish).await else {
            continue;
        };
        match app.cloud(entry.id) {
            Ok(_) => with.push((total, entry.id)),
            Err(_) => without.push((total, entry.id)),
        }
    }
    let list = |mut all: Vec<(Money, ProviderId)>| {
        all.sort_unstable();
        let words = all
            .iter()
            .map(|(total, id)| format!("--provider {id} ({})", total.cents()));
        words.collect::<Vec<_>>().join(", ")
    };
    match (with.is_empty(), without.is_empty()) {
        (false, _) => Some(format!("on another cloud it would fit: {}", list(with))),
        (true, false) => Some(format!(
            "with an account there it would fit: {}",
            list(without)
        )),
        (true, true) => None,
    }
}

/// What it costs there, if its credit allows it.
async fn fits(app: &App, entry: &registry::Entry, wish: Wish<'_>) -> Option<Money> {
    let (catalog, now) = ((entry.catalog)(), app.clock.now());
    let beside = app.beside(entry.id).await.ok()?;
    let inputs = Inputs {
        profile: wish.profile,
        catalog: &catalog,
        capability: (entry.capability)(),
        account: None,
        region: None,
        ttl: wish.ttl,
        now,
        beside: &beside,
    };
    let quote = quote::quote(&inputs).ok()?;
    let credit = app.credit(entry.id, false).await.ok()?;
    affordable(&quote, &credit, wish.budget, now).ok()?;
    Some(quote.total)
}
