//! The cost query: what was billed until yesterday, by day, grouped by what is asked. Rows are a day late, as reports say they are.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use serde_json::{Value, json};

use super::balance::number;
use super::call::{Call, Desk, Outcome, Refused, invalid, no_group, one, text};
use super::state::{State, same};
use super::{ME, bill, shapes};
use crate::meter::{Line, Month};
use crate::money::Nanos;

/// A dimension or tag to group by.
enum By {
    Parent,
    Id,
    Location,
    Tag(String),
}

/// Midnight at the start of a day.
fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc()
}

/// First day and the day after the last.
fn period(body: &Value, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), Refused> {
    let month = Month::of(midnight(today)).start().date_naive();
    let tomorrow = today + Days::new(1);
    let custom = |name: &str| {
        let day = text(&body["timePeriod"], name).and_then(|t| t.get(..10));
        day.and_then(|d| NaiveDate::parse_from_str(d, "%Y-%m-%d").ok())
    };
    match text(body, "timeframe").unwrap_or_default() {
        "Custom" => match (custom("from"), custom("to")) {
            // A year at once is the most the vendor answers.
            (Some(from), Some(to)) if from <= to && to < from + Days::new(366) => {
                Ok((from, to + Days::new(1)))
            }
            _ => Err(invalid(
                "timePeriod",
                "Invalid query definition: timePeriod must have a from that is not after its to, within a year.",
            )),
        },
        "WeekToDate" => Ok((
            today - Days::new(u64::from(today.weekday().num_days_from_sunday())),
            tomorrow,
        )),
        "TheLastMonth" | "TheLastBillingMonth" => {
            let last = month - Days::new(1);
            Ok((last.with_day(1).unwrap_or(last), month))
        }
        _ => Ok((month, tomorrow)),
    }
}

fn groups(body: &Value) -> Result<Vec<(String, String, By)>, Refused> {
    let asked = body["dataset"]["grouping"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let read = |g: &Value| {
        let (kind, name) = (
            text(g, "type").unwrap_or_default(),
            text(g, "name").unwrap_or_default(),
        );
        let group = match (kind, name.to_lowercase().as_str()) {
            ("TagKey", _) => By::Tag(name.to_owned()),
            (_, "resourcegroupname" | "resourcegroup") => By::Parent,
            (_, "resourceid") => By::Id,
            (_, "resourcelocation") => By::Location,
            _ => {
                return Err(invalid(
                    "dataset.grouping",
                    format!("Invalid query definition: dimension '{name}' is not supported."),
                ));
            }
        };
        Ok((kind.to_owned(), name.to_owned(), group))
    };
    asked.iter().map(read).collect()
}

/// The group of a relative id.
fn group_of(item: &str) -> &str {
    item.split('/').nth(2).unwrap_or_default()
}

fn value(state: &State, line: &Line, group: &By) -> String {
    match group {
        By::Parent => group_of(&line.item).to_lowercase(),
        By::Id => state.full(&line.item).to_lowercase(),
        By::Location => line.region.clone(),
        By::Tag(key) => {
            let cluster = state
                .clusters
                .iter()
                .find(|c| c.id() == line.item)
                .map(|c| &c.tags);
            let tags = cluster.or_else(|| state.thing(&line.item).map(|t| &t.tags));
            let found = tags.and_then(|tags| tags.iter().find(|(k, _)| same(k, key)));
            found.map(|(_, v)| v.clone()).unwrap_or_default()
        }
    }
}

pub(super) fn query(desk: &mut Desk<'_>, call: &Call<'_>) -> Outcome {
    let body = call.body(shapes::COST_QUERY, true)?;
    let scope = call.ids.first().cloned();
    if let Some(name) = scope
        .as_ref()
        .filter(|name| desk.state.group(name).is_none())
    {
        return Err(no_group(name));
    }
    let today = desk.core.now().date_naive();
    let (from, to) = period(&body, today)?;
    let groups = groups(&body)?;
    let daily = body["dataset"]["granularity"] == "Daily";
    let column = aggregate(&body);
    let mut columns = vec![json!({"name": column, "type": "Number"})];
    if daily {
        columns.push(json!({"name": "UsageDate", "type": "Number"}));
    }
    columns.extend(
        groups
            .iter()
            .map(|(_, name, _)| json!({"name": name, "type": "String"})),
    );
    columns.push(json!({"name": "Currency", "type": "String"}));
    let mut sums: BTreeMap<(u32, Vec<String>), Nanos> = BTreeMap::new();
    for (day, line) in lines(desk, from, to.min(today)) {
        if scope
            .as_ref()
            .is_some_and(|name| !same(name, group_of(&line.item)))
        {
            continue;
        }
        let words = groups
            .iter()
            .map(|(_, _, group)| value(desk.state, &line, group))
            .collect();
        let sum = sums
            .entry((if daily { day } else { 0 }, words))
            .or_default();
        *sum = *sum + line.amount;
    }
    let row = |((day, words), amount): ((u32, Vec<String>), Nanos)| {
        let mut row = vec![number(amount)];
        if daily {
            row.push(json!(day));
        }
        row.extend(words.into_iter().map(Value::from));
        row.push(json!("USD"));
        Value::from(row)
    };
    let rows: Vec<Value> = sums.into_iter().map(row).collect();
    let name = desk.core.ids.uuid();
    let id = format!(
        "subscriptions/{}/providers/Microsoft.CostManagement/query/{name}",
        desk.state.subscription()
    );
    one(
        &json!({"id": id, "name": name, "type": "Microsoft.CostManagement/query", "properties": {"nextLink": null, "columns": columns, "rows": rows}}),
    )
}

/// The name of the sum's column: that of the aggregated column.
fn aggregate(body: &Value) -> String {
    let first = body["dataset"]["aggregation"]
        .as_object()
        .and_then(|a| a.values().next());
    first
        .and_then(|a| text(a, "name"))
        .unwrap_or("Cost")
        .to_owned()
}

/// What each day added to the bill, with the day as a number like `20260105`; days end before `to`.
fn lines(desk: &Desk<'_>, from: NaiveDate, to: NaiveDate) -> Vec<(u32, Line)> {
    let until = |day: NaiveDate| bill::bill(&desk.core.meter.usages(ME, midnight(day)));
    let key = |l: &Line| (l.item.clone(), l.kind.clone(), l.kind_type.clone(), l.month);
    let first = desk.core.started_at().date_naive().max(from);
    let mut before: BTreeMap<_, Nanos> = until(first)
        .into_iter()
        .map(|l| (key(&l), l.amount))
        .collect();
    let (mut found, mut day) = (Vec::new(), first);
    while day < to {
        let number = day.year().unsigned_abs() * 10_000 + day.month() * 100 + day.day();
        for line in until(day + Days::new(1)) {
            let had = before.insert(key(&line), line.amount).unwrap_or_default();
            if line.amount > had {
                let amount = line.amount - had;
                found.push((number, Line { amount, ..line }));
            }
        }
        day = day + Days::new(1);
    }
    found
}
