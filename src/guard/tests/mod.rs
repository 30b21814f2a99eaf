//! The guard's decisions without a cloud: reasons, missed and doubled ticks, a year of schedules, traces
//! of use.
#![expect(clippy::unwrap_used, reason = "tests")]

mod decide;
mod missed;
mod traces;
mod year;

use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use kubelease_core::{LeaseId, Money, Order, ProviderId};

use super::decide::{Figures, History, Observations, Spec};
use crate::ledger::{Lease, Status};
use crate::profile::Window;

/// Monday.
fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 5, 8, 0, 0).unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn window(up: &str, down: &str, days: &[Weekday], zone: chrono_tz::Tz) -> Window {
    let time = |text| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
    let all = (0..7).map(|n| Weekday::try_from(n).unwrap());
    Window {
        up: time(up),
        down: time(down),
        days: if days.is_empty() {
            all.collect()
        } else {
            days.to_vec()
        },
        timezone: zone,
    }
}

fn lease() -> Lease {
    let id: LeaseId = "l23456789b".parse().unwrap();
    let order = Order {
        lease: id.clone(),
        name: "n".into(),
        region: "r".into(),
        size: "s".into(),
        version: "v".into(),
        count: 1,
        spot: false,
        disk_gib: 0,
        volumes: false,
        expires_at: start() + TimeDelta::hours(4),
        options: serde_json::json!({}),
    };
    Lease {
        id,
        name: "n".into(),
        provider: ProviderId::DigitalOcean,
        order,
        profile: "first-steps".into(),
        profile_toml: String::new(),
        status: Status::Ready,
        created_at: start(),
        ready_at: Some(start()),
        expires_at: start() + TimeDelta::hours(4),
        protect_until: None,
        ended_at: None,
        reason: None,
        endpoint: None,
        budget: None,
        worker: None,
        ci: false,
        owner: None,
    }
}

/// A spec that ends by its TTL in four hours, and nothing else.
fn spec() -> Spec {
    Spec::of(&lease(), None)
}

fn history() -> History {
    History::of(&lease())
}

/// Money is fine.
fn fine() -> Observations {
    let figures = Figures {
        covered: true,
        ..Figures::default()
    };
    Observations {
        figures,
        idle: None,
    }
}

fn usd(text: &str) -> Money {
    text.parse().unwrap()
}
