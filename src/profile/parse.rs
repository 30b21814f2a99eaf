//! From TOML to [`Profile`]: one function for each table. Rules that need two keys are here; what a
//! single text may say is in `units`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{NaiveTime, TimeDelta, Weekday};
use kubelease_core::error::printable;
use kubelease_core::{Money, ProviderId};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Problem, ProfileError};
use super::reader::{Bad, Found, Section, invalid, wrong_type};
use super::suggest::{distance, nearest};
use super::{
    Expect, LeaseTerms, Nodes, Notify, Override, Profile, SpotWish, VersionWish, Window, units,
};

/// `extend` reaches this far unless the profile says otherwise.
const USUAL_MAX_TTL: TimeDelta = TimeDelta::hours(12);

/// Reads a profile. `file` is only for messages and for the profile's name.
///
/// # Errors
/// All problems of the file at once; after a syntax error only that one.
pub fn parse(text: &str, file: &str) -> Result<Profile, ProfileError> {
    // Some editors begin a file with a byte order mark; it would push every caret one to the right.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = DeTable::parse(text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        let problem = Problem::new("this is not TOML", span).label(e.message());
        ProfileError::new(file, text, vec![problem])
    })?;
    let mut problems = Vec::new();
    let mut top = Section::new("", 0..0, root.get_ref());
    let profile = Profile {
        name: name_of(file),
        description: text_of(top.text("description", &mut problems)),
        kubernetes: top
            .read("kubernetes", &mut problems, units::version)
            .map_or(VersionWish::Stable, Spanned::into_inner),
        nodes: nodes(&mut top, &mut problems),
        lease: lease(&mut top, &mut problems),
        expect: expect(&mut top, &mut problems),
        budget_max: budget(&mut top, &mut problems),
        schedule: schedule(&mut top, &mut problems),
        notify: Vec::new(),
        provider: providers(&mut top, &mut problems),
        source: text.to_owned(),
    };
    let notify = notify(&mut top, profile.lease.max_ttl, &mut problems);
    top.finish(&mut problems);
    if problems.is_empty() {
        Ok(Profile { notify, ..profile })
    } else {
        Err(ProfileError::new(file, text, problems))
    }
}

fn name_of(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default();
    printable(&stem.to_string_lossy())
}

fn text_of(found: Found<&str>) -> String {
    found.map_or_else(String::new, |text| text.into_inner().to_owned())
}

// In the functions below a missing or bad value becomes some default: its problem has been noted, so
// the profile is never handed out.

fn nodes(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> Nodes {
    let example = "[nodes]` with `count = 2`, `cpu = 2` and `memory = \"4GiB\"";
    top.require("nodes", example, problems);
    let Some(mut section) = top.table("nodes", problems) else {
        return Nodes::default();
    };
    section.require("count", "count = 2", problems);
    section.require("cpu", "cpu = 2", problems);
    section.require("memory", "memory = \"4GiB\"", problems);
    let nodes = Nodes {
        count: section.whole("count", 1..=100, problems).unwrap_or(1),
        cpu: section.whole("cpu", 1..=64, problems).unwrap_or(1),
        memory_mib: section
            .read("memory", problems, units::memory)
            .map_or(1, Spanned::into_inner),
        disk_gib: section
            .read("disk", problems, units::disk)
            .map(Spanned::into_inner),
        spot: section
            .read("spot", problems, units::spot)
            .map_or(SpotWish::Never, Spanned::into_inner),
    };
    section.finish(problems);
    nodes
}

fn lease(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> LeaseTerms {
    top.require("lease", "[lease]` with `ttl = \"4h\"", problems);
    let Some(mut section) = top.table("lease", problems) else {
        return LeaseTerms::default();
    };
    section.require("ttl", "ttl = \"4h\"", problems);
    let ttl = section.read("ttl", problems, units::span);
    let max_ttl = section.read("max_ttl", problems, units::span);
    let idle_after = section.read("idle_after", problems, units::span);
    section.finish(problems);
    if let (Some(ttl), Some(max)) = (&ttl, &max_ttl)
        && ttl.get_ref() > max.get_ref()
    {
        let problem = Problem::new("`ttl` is longer than `max_ttl`", ttl.span())
            .label("a lease starts with this")
            .context(max.span(), "and may never last longer than this")
            .help(Some("raise `max_ttl` or lower `ttl`".to_owned()));
        problems.push(problem);
    }
    let ttl = ttl.map_or(TimeDelta::zero(), Spanned::into_inner);
    LeaseTerms {
        ttl,
        max_ttl: max_ttl.map_or(ttl.max(USUAL_MAX_TTL), Spanned::into_inner),
        idle_after: idle_after.map(Spanned::into_inner),
    }
}

fn expect(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> Expect {
    let Some(mut section) = top.table("expect", problems) else {
        return Expect::default();
    };
    let load_balancers = section.whole("load_balancers", 0..=20, problems);
    let volumes = section.list("volumes", problems, units::disk);
    section.finish(problems);
    if let Some(volumes) = &volumes
        && volumes.get_ref().len() > 50
    {
        let bad = Bad::new("at most 50 volumes make sense");
        problems.push(invalid("volumes", volumes.span(), bad));
    }
    Expect {
        load_balancers: load_balancers.unwrap_or(0),
        volumes_gib: volumes.map_or_else(Vec::new, Spanned::into_inner),
    }
}

fn budget(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> Option<Money> {
    let mut section = top.table("budget", problems)?;
    section.require("max", "max = \"2.00\"", problems);
    let max = section.read("max", problems, units::money);
    section.finish(problems);
    max.map(Spanned::into_inner)
}

fn schedule(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> Vec<Window> {
    let sections = top.tables("schedule", 50, problems);
    sections
        .into_iter()
        .map(|section| window(section, problems))
        .collect()
}

fn window(mut section: Section<'_>, problems: &mut Vec<Problem>) -> Window {
    section.require("up", "up = \"09:00\"", problems);
    section.require("down", "down = \"18:00\"", problems);
    let up = section.read("up", problems, units::time);
    let down = section.read("down", problems, units::time);
    let days = section.list("days", problems, units::day);
    let timezone = section.read("timezone", problems, units::timezone);
    section.finish(problems);
    if let (Some(up), Some(down)) = (&up, &down)
        && up.get_ref() == down.get_ref()
    {
        let problem = Problem::new("`up` and `down` are the same time", down.span())
            .label("down at this time")
            .context(up.span(), "up at this time")
            .help(Some(
                "leave the window out if it may always live".to_owned(),
            ));
        problems.push(problem);
    }
    let midnight = Spanned::new(0..0, NaiveTime::MIN);
    Window {
        up: up.unwrap_or_else(|| midnight.clone()).into_inner(),
        down: down.unwrap_or(midnight).into_inner(),
        days: weekdays(days, problems),
        timezone: timezone.map_or(chrono_tz::UTC, Spanned::into_inner),
    }
}

/// In the order of the week; all seven when none are written.
fn weekdays(days: Found<Vec<Weekday>>, problems: &mut Vec<Problem>) -> Vec<Weekday> {
    let Some(days) = days else {
        return (0..7).filter_map(|n| Weekday::try_from(n).ok()).collect();
    };
    let span = days.span();
    let written = days.into_inner();
    let mut days = written.clone();
    days.sort_by_key(Weekday::num_days_from_monday);
    days.dedup();
    if days.len() < written.len() {
        problems.push(invalid("days", span, Bad::new("a day is named twice")));
    } else if written.is_empty() {
        let bad = Bad::new("no day at all").help("leave `days` out for every day");
        problems.push(invalid("days", span, bad));
    }
    days
}

fn notify(top: &mut Section<'_>, max_ttl: TimeDelta, problems: &mut Vec<Problem>) -> Vec<Notify> {
    let sections = top.tables("notify", 20, problems);
    sections
        .into_iter()
        .map(|section| notice(section, max_ttl, problems))
        .collect()
}

fn notice(mut section: Section<'_>, max_ttl: TimeDelta, problems: &mut Vec<Problem>) -> Notify {
    section.require("before", "before = \"30m\"", problems);
    let before = section.read("before", problems, units::span);
    let webhook = section.read("webhook", problems, units::webhook);
    let command = section.list("command", problems, |word| {
        if word.contains('\0') {
            return Err(Bad::new("a zero byte cannot be passed to a program"));
        }
        Ok(word.to_owned())
    });
    let email = section.read("email", problems, units::email);
    section.finish(problems);
    if let Some(before) = &before
        && max_ttl > TimeDelta::zero()
        && *before.get_ref() >= max_ttl
    {
        let longest = crate::duration::exact(max_ttl);
        let bad = Bad::new(format!(
            "no lease of this profile lasts longer than {longest}"
        ));
        problems.push(invalid("before", before.span(), bad));
    }
    if let Some(command) = &command
        && command.get_ref().first().is_none_or(String::is_empty)
    {
        let bad =
            Bad::new("names no program").help("write for example [\"notify-send\", \"kubelease\"]");
        problems.push(invalid("command", command.span(), bad));
    }
    Notify {
        before: before.map_or(TimeDelta::zero(), Spanned::into_inner),
        webhook: webhook.map(Spanned::into_inner),
        command: command.map_or_else(Vec::new, Spanned::into_inner),
        email: email.map(Spanned::into_inner),
    }
}

fn providers(top: &mut Section<'_>, problems: &mut Vec<Problem>) -> BTreeMap<ProviderId, Override> {
    let mut overrides = BTreeMap::new();
    let Some(section) = top.table("provider", problems) else {
        return overrides;
    };
    for (key, value) in section.unasked() {
        let word = key.get_ref().as_ref();
        let Ok(id) = word.parse::<ProviderId>() else {
            problems.push(unknown_provider(word, key.span()));
            continue;
        };
        match value.get_ref().as_table() {
            Some(table) => {
                let title = format!("[provider.{id}]");
                let section = Section::new(&title, value.span(), table);
                overrides.insert(id, overriding(section, problems));
            }
            None => {
                let wanted = format!("a table `[provider.{id}]`");
                problems.push(wrong_type(word, value, &wanted));
            }
        }
    }
    overrides
}

fn unknown_provider(word: &str, span: std::ops::Range<usize>) -> Problem {
    let also = match word.to_lowercase().as_str() {
        "aws" | "amazon" => Some("eks"),
        "google" | "gcp" | "gcloud" => Some("gke"),
        "azure" | "microsoft" => Some("aks"),
        "do" | "doks" => Some("digitalocean"),
        "lke" | "akamai" => Some("linode"),
        "vke" => Some("vultr"),
        _ => None,
    };
    let known = ProviderId::ALL.map(ProviderId::as_str);
    let near = also.or_else(|| nearest(word, known));
    Problem::new(format!("unknown provider `{word}`"), span)
        .label(format!("the clouds are {}", known.join(", ")))
        .help(near.map(|near| format!("did you mean `[provider.{near}]`?")))
}

fn overriding(mut section: Section<'_>, problems: &mut Vec<Problem>) -> Override {
    let word = |text: &str| {
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            return Err(Bad::new("must be the vendor's word"));
        }
        Ok(text.to_owned())
    };
    let region = section.read("region", problems, word);
    let size = section.read("size", problems, word);
    let mut options = serde_json::Map::new();
    for (key, value) in section.unasked() {
        let name = key.get_ref().as_ref();
        // Other keys are the vendor's, but these are surely slips of ours.
        if let Some(ours) = ["region", "size"]
            .into_iter()
            .find(|k| distance(name, k) == 1)
        {
            let problem = Problem::new(format!("unknown key `{name}`"), key.span())
                .help(Some(format!("did you mean `{ours}`?")));
            problems.push(problem);
        }
        if let Some(json) = json(name, value, problems) {
            options.insert(name.to_owned(), json);
        }
    }
    Override {
        region: region.map(Spanned::into_inner),
        size: size.map(Spanned::into_inner),
        options: Value::Object(options),
    }
}

/// A vendor's option as JSON. Dates and numbers that JSON cannot hold are refused.
fn json(key: &str, value: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Value> {
    let number = match value.get_ref() {
        DeValue::String(text) => return Some(Value::from(text.as_ref())),
        DeValue::Boolean(yes) => return Some(Value::from(*yes)),
        DeValue::Array(items) => {
            let items = items.iter().filter_map(|item| json(key, item, problems));
            return Some(items.collect());
        }
        DeValue::Table(table) => {
            let entries = table.iter().filter_map(|(key, value)| {
                let key = key.get_ref().as_ref();
                Some((key.to_owned(), json(key, value, problems)?))
            });
            return Some(Value::Object(entries.collect()));
        }
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix())
            .ok()
            .map(serde_json::Number::from),
        DeValue::Float(n) => n
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64),
        DeValue::Datetime(_) => None,
    };
    if number.is_none() {
        let bad = Bad::new("an option is a text, a number, true, false, a list or a table");
        problems.push(invalid(key, value.span(), bad));
    }
    number.map(Value::Number)
}
