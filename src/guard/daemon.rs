//! `guard run`: ticks on a timer, until it is asked to stop.

use chrono::TimeDelta;

use super::Guard;
use super::report::Report;
use crate::ledger::LedgerError;

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
            let outcome = self.counted_tick().await;
            told(outcome.as_ref()).await;
            tokio::select! {
                () = self.engine.clock.sleep_until(began + every) => {}
                () = self.engine.stop.asked() => {}
            }
        }
    }
}
