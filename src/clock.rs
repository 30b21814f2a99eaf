//! The two clocks of the binary: the system's, and the simulator's, which all processes of a
//! simulation share. This is the only file that asks the system what time it is, or waits for it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kubelease_core::Clock;

use crate::simctl::{Control, Line};

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from(SystemTime::now())
    }

    /// Wakes at least once a minute to look again: a laptop that slept past the time must not sleep on.
    async fn sleep_until(&self, until: DateTime<Utc>) {
        loop {
            let left = until - self.now();
            let Ok(left) = left.min(TimeDelta::minutes(1)).to_std() else {
                return;
            };
            if left.is_zero() {
                return;
            }
            pause(left).await;
        }
    }
}

/// The clock of a simulator. `now` is one small request on loopback; a sleep is a request that the
/// simulator answers when its time has come (at once in `jump` mode, where it moves the time).
#[derive(Clone, Debug)]
pub struct SimClock {
    control: Control,
    line: Arc<Mutex<Line>>,
    last: Arc<Mutex<DateTime<Utc>>>,
}

/// The simulator did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the simulator at {address} does not answer")]
pub struct NoSimulator {
    /// Its control address.
    pub address: String,
    /// Why.
    #[source]
    pub source: std::io::Error,
}

impl SimClock {
    /// Asks the simulator for its time once.
    ///
    /// # Errors
    /// When nothing that speaks its control API answers there.
    pub fn connect(control: &str) -> Result<Self, NoSimulator> {
        let control = Control::new(control);
        let mut line = Line::new(control.clone());
        match line.get("/clock").and_then(|answer| time(&answer)) {
            Ok(now) => Ok(Self {
                control,
                line: Arc::new(Mutex::new(line)),
                last: Arc::new(Mutex::new(now)),
            }),
            Err(source) => Err(NoSimulator {
                address: control.address().to_owned(),
                source,
            }),
        }
    }

    fn remember(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = now;
        now
    }
}

#[async_trait]
impl Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        let answer = self
            .line
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get("/clock");
        match answer.and_then(|answer| time(&answer)) {
            Ok(now) => self.remember(now),
            // A simulator that has just stopped leaves its last time; the next request will say so.
            Err(_) => *self.last.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    async fn sleep_until(&self, until: DateTime<Utc>) {
        let control = self.control.clone();
        let body = serde_json::json!({ "until": until.to_rfc3339() });
        let asked = tokio::task::spawn_blocking(move || {
            control
                .send("POST", "/clock/sleep", &body)
                .and_then(|answer| time(&answer))
        });
        match asked.await {
            Ok(Ok(now)) => {
                self.remember(now);
            }
            // Without a simulator nobody moves the time: it is taken to have come, so that every wait ends
            // at its own bound. The pause keeps a loop from spinning.
            _ => {
                pause(Duration::from_millis(200)).await;
                self.remember(until.max(self.now()));
            }
        }
    }
}

/// Waits on the machine's own time, for what happens on the machine: a job runner that kills soon, a
/// socket, a file that a process has locked. A simulated clock, which stands still or leaps, would wait
/// for ever or not at all. Monotonic: setting the system's clock does not change it.
pub async fn pause(span: Duration) {
    tokio::time::sleep(span).await;
}

/// [`pause`] where nothing else is to be done meanwhile.
pub fn pause_blocking(span: Duration) {
    std::thread::sleep(span);
}

/// Reads `{"now":…}`.
fn time(answer: &serde_json::Value) -> std::io::Result<DateTime<Utc>> {
    let now = answer
        .get("now")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    DateTime::parse_from_rfc3339(now)
        .map(|now| now.with_timezone(&Utc))
        .map_err(|_| {
            std::io::Error::new(
                std::io::ErrorKind::InvalidData,
                "no time in the simulator's answer",
            )
        })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::{Read, Write};

    use chrono::TimeDelta;

    use super::*;

    /// Otherwise a process would wait for ever for a simulator that has stopped.
    #[tokio::test(start_paused = true)]
    async fn waits_end_when_the_simulator_is_gone() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let once = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() > 0);
            let body = r#"{"now":"2026-01-05T08:00:00Z"}"#;
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
            )
            .unwrap();
        });
        let clock = SimClock::connect(&url).unwrap();
        once.join().unwrap();
        let until = clock.now() + TimeDelta::hours(1);
        clock.sleep_until(until).await;
        assert_eq!(clock.now(), until);
    }
}
