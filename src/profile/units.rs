//! The little languages inside a profile's texts: sizes, versions, times of day, days, webhooks.
//! Each function is pure and says what to write instead.

use chrono::{NaiveTime, TimeDelta, Weekday};
use kubelease_core::{Money, Secret};

use super::reader::Bad;
use super::suggest::nearest;
use super::{SpotWish, VersionWish, Webhook};
use crate::duration;

/// Lengths of time in a profile stay within this.
const LONGEST: TimeDelta = TimeDelta::days(30);

/// `45m` to `30d`, never zero.
pub(super) fn span(text: &str) -> Result<TimeDelta, Bad> {
    let span = duration::parse(text).map_err(|e| Bad::new(e.to_string()))?;
    if span <= TimeDelta::zero() {
        return Err(Bad::new("must be longer than nothing").help("write for example \"4h\""));
    }
    if span > LONGEST {
        return Err(Bad::new("must be at most 30 days"));
    }
    Ok(span)
}

/// `4GiB` or `4096MiB`, in MiB.
pub(super) fn mib(text: &str) -> Result<u32, Bad> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(split.unwrap_or(text.len()));
    let unit = unit.trim();
    if digits.is_empty() {
        return Err(Bad::new("not a size").help("write for example \"4GiB\" or \"512MiB\""));
    }
    let factor = match unit {
        "GiB" => 1024,
        "MiB" => 1,
        _ => return Err(bad_unit(digits, unit)),
    };
    digits
        .parse::<u32>()
        .ok()
        .and_then(|n| n.checked_mul(factor))
        .ok_or_else(|| Bad::new("far too large"))
}

fn bad_unit(digits: &str, unit: &str) -> Bad {
    let binary = "sizes are binary: GiB or MiB (1GiB = 1024MiB)";
    match unit.to_ascii_lowercase().as_str() {
        "" => Bad::new("a size needs a unit").help(format!("write \"{digits}GiB\"")),
        "g" | "gb" | "gi" | "gib" => Bad::new(binary).help(format!("write \"{digits}GiB\"")),
        "m" | "mb" | "mi" | "mib" => Bad::new(binary).help(format!("write \"{digits}MiB\"")),
        "t" | "tb" | "ti" | "tib" => {
            let help = digits.parse::<u32>().ok().and_then(|n| n.checked_mul(1024));
            let bad = Bad::new(binary);
            match help {
                Some(gib) => bad.help(format!("write \"{gib}GiB\"")),
                None => bad,
            }
        }
        other if other.starts_with(['.', ',']) => {
            Bad::new("a size is a whole number").help("write \"1536MiB\" for one and a half GiB")
        }
        _ => Bad::new(binary).help("write for example \"4GiB\" or \"512MiB\""),
    }
}

/// Memory of a node: 512 MiB to 1 TiB.
pub(super) fn memory(text: &str) -> Result<u32, Bad> {
    let mib = mib(text)?;
    if (512..=1024 * 1024).contains(&mib) {
        Ok(mib)
    } else {
        Err(Bad::new("must be 512MiB to 1024GiB"))
    }
}

/// A disk: whole GiB, 1 to 2048.
pub(super) fn disk(text: &str) -> Result<u32, Bad> {
    let mib = mib(text)?;
    if mib % 1024 != 0 {
        return Err(Bad::new("disks come in whole GiB"));
    }
    let gib = mib / 1024;
    if (1..=2048).contains(&gib) {
        Ok(gib)
    } else {
        Err(Bad::new("must be 1GiB to 2048GiB"))
    }
}

/// `stable`, or a minor version such as `1.35`.
pub(super) fn version(text: &str) -> Result<VersionWish, Bad> {
    if text == "stable" {
        return Ok(VersionWish::Stable);
    }
    let bad = Bad::new("neither \"stable\" nor a minor version");
    let bare = text.strip_prefix('v').unwrap_or(text);
    let mut parts = bare.split(['.', '-', '+']);
    let (major, minor) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let is_minor = (1..=3).contains(&minor.len())
        && minor.bytes().all(|b| b.is_ascii_digit())
        && !minor.starts_with('0');
    match (major == "1" && is_minor, text == format!("1.{minor}")) {
        (true, true) => Ok(VersionWish::Minor(text.to_owned())),
        (true, false) => Err(bad.help(format!(
            "write \"1.{minor}\": clouds choose the patch release themselves"
        ))),
        (false, _) => Err(bad.help("write \"stable\", or for example \"1.35\"")),
    }
}

/// `never`, `prefer` or `require`.
pub(super) fn spot(text: &str) -> Result<SpotWish, Bad> {
    match text {
        "never" => Ok(SpotWish::Never),
        "prefer" => Ok(SpotWish::Prefer),
        "require" => Ok(SpotWish::Require),
        other => Err(Bad::word(other, &["never", "prefer", "require"])),
    }
}

/// More than nothing, in plain decimal dollars.
pub(super) fn money(text: &str) -> Result<Money, Bad> {
    let money: Money = text
        .parse()
        .map_err(|e: kubelease_core::money::MoneyError| Bad::new(e.to_string()))?;
    if money > Money::ZERO {
        Ok(money)
    } else {
        Err(Bad::new("a budget must be more than nothing"))
    }
}

/// `09:00`, local time.
pub(super) fn time(text: &str) -> Result<NaiveTime, Bad> {
    if text == "24:00" {
        return Err(Bad::new("a day ends at \"00:00\" of the next one").help("write \"00:00\""));
    }
    let two_digits = text.len() == 5;
    NaiveTime::parse_from_str(text, "%H:%M")
        .ok()
        .filter(|_| two_digits)
        .ok_or_else(|| Bad::new("not a time of day").help("write hours and minutes: \"09:00\""))
}

/// The seven days, in the words of a profile.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// `mon` to `sun`.
pub(super) fn day(text: &str) -> Result<Weekday, Bad> {
    if DAYS.contains(&text) {
        return text.parse().map_err(|_| Bad::word(text, &DAYS));
    }
    // `Monday` is too far from `mon` for an edit distance.
    let start: String = text.to_lowercase().chars().take(3).collect();
    let bad = Bad::new(format!("`{text}` is none of {}", DAYS.join(", ")));
    match nearest(&start, DAYS) {
        Some(near) => Err(bad.help(format!("did you mean \"{near}\"?"))),
        None => Err(bad),
    }
}

/// A name of the IANA database: `Europe/Berlin`, `UTC`.
pub(super) fn timezone(text: &str) -> Result<chrono_tz::Tz, Bad> {
    let unknown = |_| {
        let names = || chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name());
        let city = |name: &&str| {
            name.rsplit('/')
                .next()
                .is_some_and(|city| city.eq_ignore_ascii_case(text))
        };
        let near = names().find(city).or_else(|| nearest(text, names()));
        Bad::new("not a time zone of the IANA database").help(match near {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "write for example \"Europe/Berlin\" or \"UTC\"".to_owned(),
        })
    };
    text.parse().map_err(unknown)
}

/// `env:NAME`, an https address, or an http address on this machine.
pub(super) fn webhook(text: &str) -> Result<Webhook, Bad> {
    let usage = "write \"env:NAME\" for a variable that holds the address, or \"https://…\"";
    if let Some(name) = text.strip_prefix("env:") {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let good = !name.is_empty()
            && name.bytes().all(plain)
            && !name.starts_with(|c: char| c.is_ascii_digit());
        return if good {
            Ok(Webhook::Env(name.to_owned()))
        } else {
            Err(Bad::new("not the name of an environment variable").help(usage))
        };
    }
    let clean = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let host = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
        let host = authority.rsplit('@').next().unwrap_or("");
        match host.strip_prefix('[').and_then(|h| h.split_once(']')) {
            Some((inner, _)) => inner.to_owned(),
            None => host.split(':').next().unwrap_or("").to_owned(),
        }
    };
    let good = match text.split_once("://") {
        Some(("https", rest)) => !host(rest).is_empty(),
        Some(("http", rest)) => matches!(host(rest).as_str(), "localhost" | "127.0.0.1" | "::1"),
        _ => false,
    };
    if good && clean {
        Ok(Webhook::Url(Secret::new(text)))
    } else {
        Err(Bad::new("neither \"env:NAME\" nor an https address").help(usage))
    }
}

/// An address with one `@` and no spaces: only enough to catch a slip.
pub(super) fn email(text: &str) -> Result<String, Bad> {
    let good = text
        .split_once('@')
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'))
        && text.chars().all(|c| !c.is_whitespace() && !c.is_control());
    if good {
        Ok(text.to_owned())
    } else {
        Err(Bad::new("not a mail address"))
    }
}
