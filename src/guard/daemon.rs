//! `guard run`: ticks on a timer, until it is asked to stop.

use chrono::TimeDelta;

use super::Guard;
use super::report::Report;
use crate::ledger::LedgerError;
use crate::pricing::overlay;

impl Guard {
    /// Runs a tick every `every`, counted from the start of the last one; `told` gets each report. A tick
    /// that fails does not end the watch.
    pub async fn run(
        &self,
        every: TimeDelta,
        mut told: impl AsyncFnMut(Result<&Report, &LedgerError>),
    ) {
        while !self.engine.stop.is_set() {
            let began = self.engine.clock.now();
            let outcome = self.tick_at_newest_prices().await;
            told(outcome.as_ref()).await;
            tokio::select! {
                () = self.engine.clock.sleep_until(began + every) => {}
                () = self.engine.stop.asked() => {}
            }
        }
    }

    /// Somebody may have refreshed the prices since the clouds were opened.
    async fn tick_at_newest_prices(&self) -> Result<Report, LedgerError> {
        let rows = self.engine.ledger.newest_prices().await?;
        let mut guard = self.clone();
        for (provider, cloud) in &mut guard.clouds {
            overlay(&mut cloud.prices, *provider, &rows);
        }
        guard.counted_tick().await
    }
}
