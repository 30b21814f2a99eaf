//! Ticks that are missed, doubled, or come from a clock that jumps back change nothing in the end.

use proptest::prelude::*;

use super::*;
use crate::guard::decide::{End, decide};
use crate::guard::idle::{judge, kubeconfig};
use crate::guard::recreate::{Ending, wanted};
use crate::guard::schedule::{Place, place};

/// A name as the ledger remembers it.
#[derive(Clone, Debug, Default)]
pub(super) struct Name {
    /// Made then, ends then.
    pub(super) live: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// When the last end was due.
    pub(super) back: Option<DateTime<Utc>>,
}

/// What a tick does to a name: the guard's own decisions, a cloud that answers at once. Uses are told as
/// the ledger tells them: the last one so far.
pub(super) fn tick(
    name: &mut Name,
    now: DateTime<Utc>,
    terms: &Spec,
    uses: &[DateTime<Utc>],
) -> Option<End> {
    let mut ended = None;
    if let Some((created_at, expires_at)) = name.live {
        let spec = Spec {
            expires_at,
            ..terms.clone()
        };
        let last = uses.iter().copied().filter(|at| *at <= now).max();
        let sign = kubeconfig(now, last, spec.idle_after);
        let seen = Observations {
            idle: Some(judge(now, created_at, vec![sign])),
            ..fine()
        };
        let history = History {
            created_at,
            ready: true,
            marked: None,
        };
        ended = decide(now, &spec, &history, &seen);
        if let Some(end) = ended {
            name.live = None;
            name.back = (!spec.windows.is_empty()).then_some(end.at);
        }
    }
    if let (None, Some(due), Place::Inside(stretch)) =
        (name.live, name.back, place(&terms.windows, now))
    {
        let last = Ending {
            noted: Some(due),
            ended_at: now,
            failed: false,
        };
        if wanted(&last, &stretch, now) {
            name.live = Some((now, stretch.close));
        }
    }
    ended
}

fn minutes(n: i64) -> DateTime<Utc> {
    start() + TimeDelta::minutes(n)
}

/// Gaps up to half a day, doubled ticks, and steps back of up to an hour.
fn ticks() -> impl Strategy<Value = Vec<i64>> {
    let step = prop_oneof![4 => 0_i64..60, 2 => 60_i64..720, 1 => Just(0), 1 => -60_i64..0];
    prop::collection::vec(step, 1..60)
}

fn run(
    name: &mut Name,
    steps: &[i64],
    terms: &Spec,
    uses: &[DateTime<Utc>],
    last: i64,
) -> Option<(DateTime<Utc>, End)> {
    let (mut at, mut first) = (0, None);
    for step in steps {
        at = (at + step).clamp(0, last);
        let end = tick(name, minutes(at), terms, uses);
        first = first.or(end.map(|end| (minutes(at), end)));
    }
    // The first tick after a gap, and one more.
    for at in [last, last + 1] {
        let end = tick(name, minutes(at), terms, uses);
        first = first.or(end.map(|end| (minutes(at), end)));
    }
    first
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Without a schedule: what ends it with a tick every minute ends it with any ticks, and never before.
    #[test]
    fn an_end_is_only_ever_late(
        steps in ticks(),
        ttl in 1_i64..3000,
        idle in prop::option::of(10_i64..400),
        protect in prop::option::of(0_i64..3000),
        uses in prop::collection::vec(0_i64..600, 0..6),
    ) {
        let terms = Spec {
            idle_after: idle.map(TimeDelta::minutes),
            protect_until: protect.map(minutes),
            ..spec()
        };
        let uses: Vec<_> = uses.into_iter().map(minutes).collect();
        let last = 4000;
        let new = || Name { live: Some((start(), minutes(ttl))), back: None };
        let dense = vec![1; 4000];
        let (mut often, mut seldom) = (new(), new());
        let (first, _) = run(&mut often, &dense, &terms, &uses, last).unwrap();
        let (late, end) = run(&mut seldom, &steps, &terms, &uses, last).unwrap();
        prop_assert!(often.live.is_none() && seldom.live.is_none());
        prop_assert!(end.at <= late, "ended before it was due");
        prop_assert!(late >= first, "{late} is before {first}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    /// With a schedule: what is up at the end of any ticks is what is up with a tick every half hour.
    #[test]
    fn a_schedule_is_caught_up_with(
        steps in ticks(),
        up in 0_u32..24,
        long in 1_u32..24,
        days in prop::collection::btree_set(0_u8..7, 1..8),
        last in 1440_i64..10_000,
    ) {
        let hour = |h: u32| format!("{:02}:00", h % 24);
        let days: Vec<Weekday> = days.into_iter().map(|d| Weekday::try_from(d).unwrap()).collect();
        let terms = Spec {
            windows: vec![window(&hour(up), &hour(up + long), &days, chrono_tz::Europe::Berlin)],
            ..spec()
        };
        let new = || Name { live: Some((start(), minutes(100_000))), back: None };
        prop_assume!(!hardly_worth_it(&terms, last));
        let dense = vec![30; usize::try_from(last / 30).unwrap()];
        let (mut often, mut seldom) = (new(), new());
        run(&mut often, &dense, &terms, &[], last);
        run(&mut seldom, &steps, &terms, &[], last);
        prop_assert_eq!(often.live.is_some(), seldom.live.is_some(), "{:?} {:?}", often, seldom);
        let up = matches!(place(&terms.windows, minutes(last + 1)), Place::Inside(_));
        let by_hand = seldom.live.is_some_and(|(made, _)| made == start());
        prop_assert!(!up || seldom.live.is_some(), "down inside");
        prop_assert!(up || seldom.live.is_none() || by_hand, "up outside");
    }
}

/// Too near to the close to begin.
fn hardly_worth_it(terms: &Spec, last: i64) -> bool {
    matches!(place(&terms.windows, minutes(last)), Place::Inside(s) if s.close - minutes(last) < TimeDelta::minutes(17))
}
