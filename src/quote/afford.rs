//! Whether the credit and the budget allow a quote, and if not, what would fit. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Money;

use super::{NoQuote, Quote};
use crate::credit::Credit;
use crate::duration::exact;

/// Whether the money allows it.
///
/// # Errors
/// A refusal with the longest life and the largest shape that would fit.
pub fn affordable(
    quote: &Quote,
    credit: &Credit,
    budget: Option<Money>,
    now: DateTime<Utc>,
) -> Result<(), NoQuote> {
    let total = quote.total.cents();
    if let Some(budget) = budget.filter(|b| quote.total > *b) {
        let message = format!(
            "{total} until its end is over the budget of {}",
            budget.cents()
        );
        return Err(refusal(quote, message, budget, quote.ttl));
    }
    if let Some(ends) = credit.grant.expires_at.filter(|at| now + quote.ttl > *at) {
        let date = ends.format("%Y-%m-%d %H:%M UTC");
        let message = match credit.has_expired(now) {
            true => format!("the {} credit ended on {date}", quote.provider),
            false => format!(
                "the {} credit ends on {date}, before the lease would",
                quote.provider
            ),
        };
        return Err(refusal(quote, message, credit.available(), ends - now));
    }
    let available = credit.available();
    if quote.total > available {
        let message = format!(
            "{total} until its end does not fit: {} of the {} credit is available ({} spent, {} held, {} kept back)",
            available.cents(),
            quote.provider,
            credit.balance.spent.cents(),
            credit.balance.held.cents(),
            credit.margin.cents(),
        );
        return Err(refusal(quote, message, available, quote.ttl));
    }
    Ok(())
}

/// Says what would fit into that much money and time.
fn refusal(quote: &Quote, message: String, most: Money, time: TimeDelta) -> NoQuote {
    let mut fits = Vec::new();
    if let Some(ttl) = quote.longest_within(most, quote.ttl.min(time)) {
        fits.push(format!("--ttl {}", exact(ttl)));
    }
    let fewer = (1..quote.count)
        .rev()
        .find(|n| time >= quote.ttl && quote.total_with(*n) <= most);
    if let Some(count) = fewer {
        fits.push(format!("count = {count} in the profile"));
    }
    let hint = match fits.as_slice() {
        [] => "take a smaller profile, or another cloud: kubelease prices".to_owned(),
        fits => format!("this would fit: {}", fits.join(", or ")),
    };
    NoQuote {
        policy: true,
        message,
        hint,
    }
}
