//! Reads a spans file: `[[span]]` tables in the words of `facts/prices.toml`. Every problem of the file is
//! shown at once, with its line and a caret, as a profile's are.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use kubelease_core::{Billed, ItemKind, ProviderId, Purchase, Span};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::words::{Books, Scope, billed_count};
use super::{FileError, Wanted, has_size};
use crate::profile::error::Problem;
use crate::profile::reader::{Bad, Found, Section, invalid, wrong_type};
use crate::profile::suggest::nearest;

/// An account of a practice cluster has a few dozen; more would only be slow.
const MOST_SPANS: usize = 20_000;

/// Reads and prices a spans file. `file` is only for messages.
///
/// # Errors
/// All problems of the file at once; after a syntax error only that one.
pub fn parse(text: &str, file: &str) -> Result<Vec<Wanted>, FileError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = DeTable::parse(text).map_err(|e| {
        let span = e.span().unwrap_or(0..0);
        let problem = Problem::new("this is not TOML", span).label(e.message());
        FileError::new(file, text, vec![problem])
    })?;
    let (books, mut problems) = (Books::embedded(), Vec::new());
    let mut top = Section::top("spans file", root.get_ref());
    let example = "[[span]]` with `provider`, `kind`, `type`, `region`, `count` and `start";
    top.require("span", example, &mut problems);
    let sections = top.tables("span", MOST_SPANS, &mut problems);
    let mut wanted = Vec::new();
    for (n, section) in sections.into_iter().enumerate() {
        wanted.extend(span(section, n + 1, books, &mut problems));
    }
    top.finish(&mut problems);
    if problems.is_empty() {
        Ok(wanted)
    } else {
        Err(FileError::new(file, text, problems))
    }
}

/// What a span says, before it is priced.
struct Said<'a> {
    provider: Spanned<ProviderId>,
    kind: Spanned<ItemKind>,
    word: Spanned<&'a str>,
    region: Spanned<&'a str>,
    purchase: Found<Purchase>,
    scope: Found<Scope>,
    size: Found<u32>,
    count: u32,
}

fn span(
    mut section: Section<'_>,
    n: usize,
    books: &Books,
    problems: &mut Vec<Problem>,
) -> Option<Wanted> {
    let before = problems.len();
    for (key, example) in [
        ("provider", "provider = \"digitalocean\""),
        ("kind", "kind = \"node\""),
        ("region", "region = \"nyc1\""),
        ("start", "start = 2026-01-05T08:00:00Z"),
    ] {
        section.require(key, example, problems);
    }
    let provider = section.read("provider", problems, |word| provider(word, books));
    let kind = section.read("kind", problems, kind);
    let word = r#type(&mut section, kind.as_ref(), problems);
    let region = section.text("region", problems);
    let count = section.whole("count", 1..=10_000, problems);
    let purchase = section.read("purchase", problems, purchase);
    let start = moment(&mut section, "start", problems);
    let end = moment(&mut section, "end", problems);
    let size_span = section.value("size_gib").map(Spanned::span);
    let size = section.whole("size_gib", 1..=65_536, problems);
    let group = section.read("group", problems, group);
    let scope = section.read("scope", problems, |word| {
        Scope::parse(word).ok_or_else(|| Bad::word(word, &Scope::WORDS))
    });
    let place = section.span();
    section.finish(problems);
    backwards(start.as_ref(), end.as_ref(), problems);
    let said = Said {
        provider: provider?,
        kind: kind?,
        word: word?,
        region: region?,
        purchase,
        scope,
        size: size_span
            .zip(size)
            .map(|(span, gib)| Spanned::new(span, gib)),
        count: count.unwrap_or(1),
    };
    let priced = priced(&said, &place, books, problems);
    let (billed, price) = priced.filter(|_| problems.len() == before)?;
    let own = format!("span {n}");
    let group = group.map_or_else(|| own.clone(), Spanned::into_inner);
    Some(Wanted {
        provider: *said.provider.get_ref(),
        written: (*said.word.get_ref()).to_owned(),
        span: Span {
            billed: Billed {
                id: own,
                group,
                since: start?.into_inner(),
                ..billed
            },
            end: end.map(Spanned::into_inner),
            price,
        },
    })
}

fn provider(word: &str, books: &Books) -> Result<ProviderId, Bad> {
    let known = books.providers();
    match word.parse() {
        Ok(id) if known.contains(&word) => Ok(id),
        _ => Err(Bad::word(word, &known)),
    }
}

fn kind(word: &str) -> Result<ItemKind, Bad> {
    let known = ItemKind::ALL.map(ItemKind::as_str);
    ItemKind::parse(word).ok_or_else(|| Bad::word(word, &known))
}

/// There is one NAT gateway, so its type may be left out.
fn r#type<'a>(
    section: &mut Section<'a>,
    kind: Option<&Spanned<ItemKind>>,
    problems: &mut Vec<Problem>,
) -> Found<&'a str> {
    let word = section.text("type", problems);
    let gateway = kind.is_some_and(|k| *k.get_ref() == ItemKind::NatGateway);
    if !gateway {
        section.require("type", "type = \"s-2vcpu-4gb\"", problems);
        return word;
    }
    let only = ItemKind::NatGateway.as_str();
    let same = ["", "standard", "nat-gateway"];
    match word {
        Some(word) if !same.contains(word.get_ref()) => Some(word),
        Some(word) => Some(Spanned::new(word.span(), only)),
        None => Some(Spanned::new(section.span(), only)),
    }
}

fn purchase(word: &str) -> Result<Purchase, Bad> {
    match word {
        "on-demand" => Ok(Purchase::OnDemand),
        "spot" => Ok(Purchase::Spot),
        other => Err(Bad::word(other, &["on-demand", "spot"])),
    }
}

fn group(word: &str) -> Result<String, Bad> {
    if word.trim().is_empty() {
        return Err(Bad::new("a group needs a name").help("write for example \"workers\""));
    }
    Ok(word.to_owned())
}

/// A moment in TOML's own form or as a text: with a zone, or in UTC without one.
fn moment(
    section: &mut Section<'_>,
    key: &'static str,
    problems: &mut Vec<Problem>,
) -> Found<DateTime<Utc>> {
    let value = section.value(key)?;
    let text = match value.get_ref() {
        DeValue::Datetime(at) => at.to_string(),
        DeValue::String(text) => text.clone().into_owned(),
        _ => {
            problems.push(wrong_type(key, value, "a date and time"));
            return None;
        }
    };
    match time(&text) {
        Ok(at) => Some(Spanned::new(value.span(), at)),
        Err(bad) => {
            problems.push(invalid(key, value.span(), bad));
            None
        }
    }
}

fn time(text: &str) -> Result<DateTime<Utc>, Bad> {
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|t| t.to_utc());
    let plain = || text.parse::<NaiveDateTime>().ok().map(|t| t.and_utc());
    let day = || {
        let day = text.parse::<NaiveDate>().ok()?;
        day.and_hms_opt(0, 0, 0).map(|t| t.and_utc())
    };
    let at = zoned().or_else(plain).or_else(day).ok_or_else(|| {
        Bad::new("not a time").help("write for example 2026-01-05T08:00:00Z, or 2026-01-05")
    })?;
    if (2000..2100).contains(&at.year()) {
        Ok(at)
    } else {
        Err(Bad::new("must be between the years 2000 and 2100"))
    }
}

fn backwards(
    start: Option<&Spanned<DateTime<Utc>>>,
    end: Option<&Spanned<DateTime<Utc>>>,
    problems: &mut Vec<Problem>,
) {
    if let (Some(start), Some(end)) = (start, end)
        && end.get_ref() < start.get_ref()
    {
        let problem = Problem::new("`end` is before `start`", end.span())
            .label("it ends here")
            .context(start.span(), "and only starts here")
            .help(Some("leave `end` out while it still runs".to_owned()));
        problems.push(problem);
    }
}

/// The row of the bill and its price; what the provider does not have is a problem at its word.
fn priced(
    said: &Said<'_>,
    place: &std::ops::Range<usize>,
    books: &Books,
    problems: &mut Vec<Problem>,
) -> Option<(Billed, kubelease_core::Price)> {
    let (provider, kind) = (*said.provider.get_ref(), *said.kind.get_ref());
    let (word, region) = (*said.word.get_ref(), *said.region.get_ref());
    scoped(said, place, problems);
    if !books.is_region(provider, region) {
        let known = books.regions(provider);
        problems.push(unknown(
            "region",
            &said.region,
            &known,
            "`*` stands for any other",
        ));
        return None;
    }
    let known = books.types(provider, kind);
    if !known.contains(word) {
        let more = format!("{} of {provider} are looked up by these", kind.as_str());
        problems.push(unknown("type", &said.word, &known, &more));
        return None;
    }
    let purchase = said
        .purchase
        .as_ref()
        .map_or(Purchase::OnDemand, |p| *p.get_ref());
    let scope = said.scope.as_ref().map(|s| *s.get_ref());
    let ours = books.word(provider, kind, word, scope);
    let Some(price) = books.price(provider, kind, (&ours, region), purchase) else {
        problems.push(no_price(said, provider, books));
        return None;
    };
    let size_gib = sized(said, place, price.rule.is_per_gib(), books, problems);
    let billed = Billed {
        id: String::new(),
        kind,
        r#type: ours,
        region: region.to_owned(),
        purchase,
        count: billed_count(provider, kind, said.count),
        size_gib,
        group: String::new(),
        since: DateTime::UNIX_EPOCH,
    };
    Some((billed, price))
}

/// Only the control plane of GKE has a scope, and it must have one: it decides what is free.
fn scoped(said: &Said<'_>, place: &std::ops::Range<usize>, problems: &mut Vec<Problem>) {
    let fee = (*said.provider.get_ref(), *said.kind.get_ref());
    let has = fee == (ProviderId::Gke, ItemKind::ControlPlane);
    match &said.scope {
        None if has => problems.push(
            Problem::new("a control plane of gke has no `scope`", place.clone())
                .label("missing here")
                .help(Some(
                    "add `scope = \"zonal\"`, `\"regional\"` or `\"autopilot\"`: it decides whether the fee is free"
                        .to_owned(),
                )),
        ),
        Some(scope) if !has => {
            let bad = Bad::new("only the control plane of gke has a scope").help("leave it out");
            problems.push(invalid("scope", scope.span(), bad));
        }
        _ => {}
    }
}

/// The GiB that are billed: a disk of fixed sizes as a whole, every other as it is.
fn sized(
    said: &Said<'_>,
    place: &std::ops::Range<usize>,
    per_gib: bool,
    books: &Books,
    problems: &mut Vec<Problem>,
) -> Option<u32> {
    let kind = *said.kind.get_ref();
    if let Some(size) = said.size.as_ref().filter(|_| !has_size(kind)) {
        let bad = Bad::new(format!("a {} has no size", kind.as_str())).help("leave it out");
        problems.push(invalid("size_gib", size.span(), bad));
        return None;
    }
    let fixed = books.fixed_gib(*said.provider.get_ref(), said.word.get_ref());
    match (&said.size, fixed) {
        (Some(size), Some(whole)) if *size.get_ref() > whole => {
            let bad = Bad::new(format!("a {} has {whole} GiB", said.word.get_ref()))
                .help("a larger disk is of a larger type");
            problems.push(invalid("size_gib", size.span(), bad));
            None
        }
        (_, Some(whole)) => Some(whole),
        (None, None) if per_gib => {
            let problem = Problem::new("`[[span]]` has no `size_gib`", place.clone())
                .label("missing here")
                .help(Some(
                    "this type is billed by its size: add `size_gib = 10`".to_owned(),
                ));
            problems.push(problem);
            None
        }
        (size, None) => size.as_ref().map(|s| *s.get_ref()),
    }
}

/// A word that the provider does not have.
fn unknown(
    key: &str,
    word: &Spanned<&str>,
    known: &std::collections::BTreeSet<String>,
    otherwise: &str,
) -> Problem {
    let near = nearest(word.get_ref(), known.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => {
            let all: Vec<&str> = known.iter().map(String::as_str).collect();
            format!("{otherwise}: {}", all.join(", "))
        }
    };
    let bad = Bad::new(format!("no {key} that is known here")).help(help);
    invalid(key, word.span(), bad)
}

/// The words are right, but nobody has a price for them together.
fn no_price(said: &Said<'_>, provider: ProviderId, books: &Books) -> Problem {
    let (word, region) = (said.word.get_ref(), said.region.get_ref());
    let kind = *said.kind.get_ref();
    let spot = said
        .purchase
        .as_ref()
        .filter(|p| *p.get_ref() == Purchase::Spot);
    let listed = books.price(provider, kind, (word, region), Purchase::OnDemand);
    match (spot, listed) {
        (Some(spot), Some(_)) => {
            let bad = Bad::new(format!("no spot price of {word} in {region} is known"))
                .help("write \"on-demand\" for the upper bound");
            invalid("purchase", spot.span(), bad)
        }
        _ => {
            let bad = Bad::new(format!(
                "no price of {provider} for {word} in {region} is known"
            ));
            invalid("type", said.word.span(), bad)
        }
    }
}
