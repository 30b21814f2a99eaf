//! The log of cloud requests: cheap to write, bounded, numbered from 1.
//! Must not hold headers or bodies (they carry secrets).

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::message::Request;
use crate::provider::Provider;

/// Older entries are forgotten.
const KEPT: usize = 100_000;

/// One request to a cloud.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Number, from 1, over all clouds.
    pub n: u64,
    /// To which cloud.
    pub provider: Provider,
    /// Method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Query as sent.
    pub query: String,
    /// Status of the answer; none while it is held or when the connection was dropped instead.
    pub status: Option<u16>,
    /// Virtual time of its arrival.
    pub at: DateTime<Utc>,
}

/// The log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct RequestLog {
    last: u64,
    entries: VecDeque<Entry>,
}

impl RequestLog {
    /// Notes a request and gives its number.
    pub(crate) fn arrived(
        &mut self,
        provider: Provider,
        request: &Request,
        at: DateTime<Utc>,
    ) -> u64 {
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.last += 1;
        self.entries.push_back(Entry {
            n: self.last,
            provider,
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            status: None,
            at,
        });
        self.last
    }

    /// Notes the status of the answer to request `n`.
    pub(crate) fn answered(&mut self, n: u64, status: u16) {
        let behind = usize::try_from(self.last.saturating_sub(n)).unwrap_or(usize::MAX);
        let place = self.entries.len().checked_sub(behind.saturating_add(1));
        if let Some(entry) = place.and_then(|at| self.entries.get_mut(at)) {
            entry.status = Some(status);
        }
    }

    /// Entries after number `since`, of one cloud or all.
    pub(crate) fn entries(
        &self,
        provider: Option<Provider>,
        since: u64,
    ) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(move |e| e.n > since && provider.is_none_or(|p| p == e.provider))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_go_and_late_answers_find_theirs() {
        let mut log = RequestLog::default();
        let request = Request {
            method: "GET".into(),
            path: "/x".into(),
            ..Request::default()
        };
        for _ in 0..KEPT + 5 {
            log.arrived(Provider::Gke, &request, DateTime::UNIX_EPOCH);
        }
        log.answered(5, 200); // forgotten
        log.answered(6, 201);
        log.answered(100_005, 202);
        let shown: Vec<_> = log
            .entries(None, 0)
            .filter_map(|e| e.status.map(|s| (e.n, s)))
            .collect();
        assert_eq!(shown, [(6, 201), (100_005, 202)]);
        assert_eq!(log.entries(None, 100_003).count(), 2);
        assert_eq!(log.entries(Some(Provider::Eks), 0).count(), 0);
    }
}
