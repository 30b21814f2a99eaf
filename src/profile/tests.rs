//! Profiles good and bad, as whole files: what is read, and how every problem is shown.
#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::Timelike;
use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The least that is a profile; a case adds to it or replaces a line.
const SMALL: &str = "[nodes]\ncount = 1\ncpu = 1\nmemory = \"2GiB\"\n[lease]\nttl = \"1h\"\n";

/// `SMALL` with one line replaced.
fn with(old: &str, new: &str) -> String {
    assert!(SMALL.contains(old), "{old}");
    SMALL.replace(old, new)
}

fn shown(text: &str) -> String {
    parse(text, "my.toml").unwrap_err().to_string()
}

/// Label and help of the only problem: what stands beside the caret and after `help:`.
fn brief(text: &str) -> String {
    let error = parse(text, "my.toml").unwrap_err();
    assert_eq!(error.count(), 1, "{error}");
    let rendered = error.to_string();
    let words = |line: &str| {
        let (_, label) = line.split_once('^')?;
        Some(label.trim_start_matches('^').trim().to_owned())
    };
    let label = rendered.lines().find_map(words).unwrap();
    let help = rendered.lines().find_map(|l| l.split_once("= help: "));
    match help {
        Some((_, help)) => format!("{label} | {help}"),
        None => label,
    }
}

#[test]
fn the_contract_example_is_read_whole() {
    let text = r#"
description = "Two small nodes for Pods, ReplicaSets and Deployments"
kubernetes  = "1.35"
[nodes]
count = 2
cpu = 2
memory = "4GiB"
disk = "30GiB"
spot = "prefer"
[lease]
ttl = "4h"
max_ttl = "12h"
idle_after = "45m"
[expect]
load_balancers = 1
volumes = ["10GiB", "1GiB"]
[budget]
max = "2.00"
[[schedule]]
up = "09:00"
down = "18:30"
days = ["fri", "mon"]
timezone = "Europe/Berlin"
[[notify]]
before = "30m"
webhook = "env:HOOK"
command = ["notify-send", "soon"]
email = "me@example.org"
[provider.gke]
region = "us-central1-a"
size = "e2-medium"
network = "lab"
[provider.gke.labels]
team = "a"
cost = 1.5
"#;
    let profile = parse(text, "some/dir/mine.toml").unwrap();
    assert_eq!(profile.name, "mine");
    assert!(profile.description.starts_with("Two small nodes"));
    assert_eq!(profile.kubernetes, VersionWish::Minor("1.35".into()));
    let nodes = Nodes {
        count: 2,
        cpu: 2,
        memory_mib: 4096,
        disk_gib: Some(30),
        spot: SpotWish::Prefer,
    };
    assert_eq!(profile.nodes, nodes);
    let lease = LeaseTerms {
        ttl: TimeDelta::hours(4),
        max_ttl: TimeDelta::hours(12),
        idle_after: Some(TimeDelta::minutes(45)),
    };
    assert_eq!(profile.lease, lease);
    assert_eq!(profile.expect.load_balancers, 1);
    assert_eq!(profile.expect.volumes_gib, [10, 1]);
    assert_eq!(profile.budget_max, Some(Money::from_cents(200)));
    let window = &profile.schedule[0];
    assert_eq!((window.up.hour(), window.down.minute()), (9, 30));
    assert_eq!(window.days, [Weekday::Mon, Weekday::Fri]);
    assert_eq!(window.timezone, chrono_tz::Europe::Berlin);
    let notify = Notify {
        before: TimeDelta::minutes(30),
        webhook: Some(Webhook::Env("HOOK".into())),
        command: vec!["notify-send".into(), "soon".into()],
        email: Some("me@example.org".into()),
    };
    assert_eq!(profile.notify, [notify]);
    let gke = &profile.provider[&ProviderId::Gke];
    assert_eq!(gke.region.as_deref(), Some("us-central1-a"));
    assert_eq!(gke.size.as_deref(), Some("e2-medium"));
    let options = json!({"network": "lab", "labels": {"team": "a", "cost": 1.5}});
    assert_eq!(gke.options, options);
    assert_eq!(profile.source, text);
}

#[test]
fn what_is_left_out_has_a_sensible_meaning() {
    let profile = parse(SMALL, "x.toml").unwrap();
    assert_eq!(profile.kubernetes, VersionWish::Stable);
    assert_eq!(profile.nodes.spot, SpotWish::Never);
    assert_eq!(profile.nodes.disk_gib, None);
    assert_eq!(profile.lease.max_ttl, TimeDelta::hours(12));
    assert_eq!(profile.lease.idle_after, None);
    assert_eq!(profile.expect, Expect::default());
    assert_eq!(profile.budget_max, None);
    assert!(profile.schedule.is_empty() && profile.notify.is_empty());
    let long = parse(&with("1h", "2d"), "x.toml").unwrap();
    assert_eq!(long.lease.max_ttl, TimeDelta::days(2));
    let always = format!("{SMALL}[[schedule]]\nup = \"22:00\"\ndown = \"06:00\"\n");
    let window = parse(&always, "x.toml").unwrap().schedule.remove(0);
    assert_eq!(window.days.len(), 7);
    assert_eq!(window.timezone, chrono_tz::UTC);
    let bare = format!("{SMALL}[provider.vultr]\n");
    let vultr = &parse(&bare, "x.toml").unwrap().provider[&ProviderId::Vultr];
    assert_eq!(vultr.options, json!({}));
}

#[test]
fn every_problem_is_shown_in_one_go() {
    let text = "[nodes]\nmemroy = \"4GiB\"\ncount = 0\n[lease]\nttl = \"24h\"\nmax_ttl = \"12h\"\n[provider.aws]\n";
    assert_snapshot!(shown(text), @r#"
    error: `[nodes]` has no `cpu`
     --> my.toml:1:1
      |
    1 | [nodes]
      | ^^^^^^^ missing here
      |
      = help: add for example `cpu = 2`

    error: unknown key `memroy`
     --> my.toml:2:1
      |
    2 | memroy = "4GiB"
      | ^^^^^^ not a key in `[nodes]`
      |
      = help: did you mean `memory`?

    error: invalid `count`
     --> my.toml:3:9
      |
    3 | count = 0
      |         ^ must be 1 to 100

    error: `ttl` is longer than `max_ttl`
     --> my.toml:5:7
      |
    5 | ttl = "24h"
      |       ^^^^^ a lease starts with this
    6 | max_ttl = "12h"
      |           ----- and may never last longer than this
      |
      = help: raise `max_ttl` or lower `ttl`

    error: unknown provider `aws`
     --> my.toml:7:11
      |
    7 | [provider.aws]
      |           ^^^ the clouds are gke, eks, aks, digitalocean, linode, vultr
      |
      = help: did you mean `[provider.eks]`?
    "#);
    assert_eq!(parse(text, "my.toml").unwrap_err().count(), 5);
}

#[test]
fn a_syntax_error_stops() {
    assert_snapshot!(shown("[nodes\ncount = 0\n"), @r"
    error: this is not TOML
     --> my.toml:1:7
      |
    1 | [nodes
      |       ^ unclosed table, expected `]`
    ");
    assert_snapshot!(shown("a = 1\na = 2\n"), @r"
    error: this is not TOML
     --> my.toml:2:1
      |
    2 | a = 2
      | ^ duplicate key
    ");
}

#[test]
fn an_empty_file_says_what_a_profile_needs() {
    assert_snapshot!(shown(""), @r#"
    error: the profile has no `nodes`
     --> my.toml:1:1
      |
    1 |
      | ^ not in this file
      |
      = help: add for example `[nodes]` with `count = 2`, `cpu = 2` and `memory = "4GiB"`

    error: the profile has no `lease`
     --> my.toml:1:1
      |
    1 |
      | ^ not in this file
      |
      = help: add for example `[lease]` with `ttl = "4h"`
    "#);
}

#[test]
fn nothing_in_a_file_reaches_the_terminal_raw() {
    let text = "x\u{1b}[31m\u{202e} = 1\n[\"\u{9b}2J\"]\n";
    let shown = parse(text, "e\u{1b}vil.toml").unwrap_err().to_string();
    let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!shown.contains(raw), "{shown:?}");
    let keys = parse("\"a\\u001b[0m\" = 1\n\"\\u202e\" = 2\n", "x.toml").unwrap_err();
    assert!(!keys.to_string().contains(raw), "{keys}");
}

#[test]
fn colour_only_when_asked() {
    let error = parse("x = 1\n", "my.toml").unwrap_err();
    assert!(error.render(true).contains("\u{1b}["));
    assert!(!error.render(false).contains('\u{1b}'));
    assert_eq!(error.render(false), error.to_string());
}

#[test]
fn a_byte_order_mark_moves_no_caret() {
    let text = format!("\u{feff}kubernetes = \"latest\"\n{SMALL}");
    assert!(shown(&text).contains("my.toml:1:14"), "{}", shown(&text));
    assert!(parse(&format!("\u{feff}{SMALL}"), "x.toml").is_ok());
}

#[test]
fn nodes_are_refused_with_the_reason() {
    let sizes = "sizes are binary: GiB or MiB (1GiB = 1024MiB)";
    let limits = "must be 512MiB to 1024GiB";
    let memory = [
        ("\"4GB\"", format!("{sizes} | write \"4GiB\"")),
        ("\"4Gi\"", format!("{sizes} | write \"4GiB\"")),
        ("\"4gib\"", format!("{sizes} | write \"4GiB\"")),
        ("\"512M\"", format!("{sizes} | write \"512MiB\"")),
        ("\"1TiB\"", format!("{sizes} | write \"1024GiB\"")),
        ("\"4 stones\"", format!("{sizes} | write for example \"4GiB\" or \"512MiB\"")),
        ("\"4\"", "a size needs a unit | write \"4GiB\"".into()),
        ("\"\"", "not a size | write for example \"4GiB\" or \"512MiB\"".into()),
        ("\"-4GiB\"", "not a size | write for example \"4GiB\" or \"512MiB\"".into()),
        ("\"1.5GiB\"", "a size is a whole number | write \"1536MiB\" for one and a half GiB".into()),
        ("\"0GiB\"", limits.into()),
        ("\"511MiB\"", limits.into()),
        ("\"1025GiB\"", limits.into()),
        ("\"99999999999GiB\"", "far too large".into()),
        ("4", "this is a whole number; a text in quotes is wanted | put it in quotes, with its unit if it has one: \"4\"".into()),
    ];
    for (value, wanted) in memory {
        assert_eq!(brief(&with("\"2GiB\"", value)), wanted, "{value}");
    }
    let counts = "must be 1 to 100";
    let number = "a whole number is wanted";
    let count = [
        ("0", counts.to_owned()),
        ("-1", counts.to_owned()),
        ("101", counts.to_owned()),
        ("9_223_372_036_854_775_808", counts.to_owned()),
        ("0xff", counts.to_owned()),
        ("1.0", format!("this is a number with a point; {number}")),
        (
            "\"2\"",
            format!("this is a text; {number} | leave out the quotes: `count = 2`"),
        ),
        ("[2]", format!("this is a list; {number}")),
    ];
    for (value, wanted) in count {
        let text = with("count = 1", &format!("count = {value}"));
        assert_eq!(brief(&text), wanted, "{value}");
    }
    let text = with("cpu = 1", "cpu = 65");
    assert_eq!(brief(&text), "must be 1 to 64");
    let text = with("cpu = 1", "cpu = 1\nspot = \"prefered\"");
    assert_eq!(
        brief(&text),
        "`prefered` is none of never, prefer, require | did you mean \"prefer\"?"
    );
    for (disk, wanted) in [
        ("1536MiB", "disks come in whole GiB"),
        ("0GiB", "must be 1GiB to 2048GiB"),
    ] {
        let text = with("cpu = 1", &format!("cpu = 1\ndisk = \"{disk}\""));
        assert_eq!(brief(&text), wanted);
    }
    let hex = parse(&with("count = 1", "count = 0x1_0"), "x.toml").unwrap();
    assert_eq!(hex.nodes.count, 16);
    let mebibytes = parse(&with("2GiB", "4096MiB"), "x.toml").unwrap();
    assert_eq!(mebibytes.nodes.memory_mib, 4096);
}

#[test]
fn top_level_values_are_refused_with_the_reason() {
    let version = "neither \"stable\" nor a minor version";
    let minor = format!("{version} | write \"1.35\": clouds choose the patch release themselves");
    let example = format!("{version} | write \"stable\", or for example \"1.35\"");
    let cases = [
        ("kubernetes = \"1.35.2\"", minor.as_str()),
        ("kubernetes = \"v1.35\"", minor.as_str()),
        ("kubernetes = \"1.35-gke.1\"", minor.as_str()),
        ("kubernetes = \"latest\"", example.as_str()),
        ("kubernetes = \"2.0\"", example.as_str()),
        ("kubernetes = \"1.035\"", example.as_str()),
        ("kubernetes = \"\"", example.as_str()),
        (
            "kubernetes = 1.30",
            "this is a number with a point; a text in quotes is wanted | put it in quotes: `kubernetes = \"1.30\"`",
        ),
        (
            "descripton = \"x\"",
            "not a key at the top of a profile | did you mean `description`?",
        ),
        (
            "labels = 1",
            "not a key at the top of a profile | known here: description, kubernetes, nodes, lease, expect, budget, schedule, provider, notify",
        ),
        (
            "budget = \"2.00\"",
            "this is a text; a table `[budget]` is wanted",
        ),
        (
            "budget.max = 2.00",
            "this is a number with a point; a text in quotes is wanted | put it in quotes: `max = \"2.00\"`",
        ),
        (
            "budget.max = \"2,00\"",
            "`,` is not allowed in an amount: write dollars with a point, for example \"2.00\"",
        ),
        ("budget.max = \"0\"", "a budget must be more than nothing"),
        ("budget.max = \"-1\"", "a budget must be more than nothing"),
        ("expect.load_balancers = 21", "must be 0 to 20"),
        (
            "expect.volumes = \"10GiB\"",
            "this is a text; a list in square brackets is wanted",
        ),
        (
            "expect.volumes = [\"10GiB\", \"5GB\"]",
            "sizes are binary: GiB or MiB (1GiB = 1024MiB) | write \"5GiB\"",
        ),
        (
            "expect.volumes = [10]",
            "this is a whole number; a text in quotes is wanted | put it in quotes, with its unit if it has one: \"10\"",
        ),
    ];
    for (line, wanted) in cases {
        assert_eq!(brief(&format!("{line}\n{SMALL}")), wanted, "{line}");
    }
}

#[test]
fn leases_are_refused_with_the_reason() {
    let cases = [
        (
            "\"0s\"",
            "must be longer than nothing | write for example \"4h\"",
        ),
        ("\"31d\"", "must be at most 30 days"),
        (
            "\"4hours\"",
            "`hours` is not a unit of time: use d, h, m or s, for example `1h30m`",
        ),
        (
            "\"90\"",
            "`90` has no unit: write `90m` for minutes, `90h` for hours or `90d` for days",
        ),
    ];
    for (value, wanted) in cases {
        assert_eq!(brief(&with("\"1h\"", value)), wanted, "{value}");
    }
    let same = format!("{SMALL}max_ttl = \"60m\"\n");
    assert_eq!(
        parse(&same, "x.toml").unwrap().lease.max_ttl,
        TimeDelta::hours(1)
    );
    let text = format!("{SMALL}idle = \"10m\"\n");
    assert_eq!(
        brief(&text),
        "not a key in `[lease]` | did you mean `idle_after`?"
    );
}

#[test]
fn schedules_and_notices_are_refused_with_the_reason() {
    let window = "[[schedule]]\nup = \"09:00\"\ndown = \"18:00\"\n";
    let days = "is none of mon, tue, wed, thu, fri, sat, sun";
    let zone = "not a time zone of the IANA database";
    let hook = "write \"env:NAME\" for a variable that holds the address, or \"https://…\"";
    let cases = [
        (
            "[[schedule]]\nup = \"9:00\"\ndown = \"18:00\"\n".into(),
            "not a time of day | write hours and minutes: \"09:00\"".into(),
        ),
        (
            "[[schedule]]\nup = \"09:00\"\ndown = \"24:00\"\n".into(),
            "a day ends at \"00:00\" of the next one | write \"00:00\"".into(),
        ),
        (
            "[[schedule]]\nup = \"25:00\"\ndown = \"18:00\"\n".into(),
            "not a time of day | write hours and minutes: \"09:00\"".into(),
        ),
        (
            "[[schedule]]\nup = 09:00:00\ndown = \"18:00\"\n".into(),
            "this is a date or time without quotes; a text in quotes is wanted".into(),
        ),
        (
            "[[schedule]]\nup = \"09:00\"\ndown = \"09:00\"\n".into(),
            "down at this time | leave the window out if it may always live".into(),
        ),
        (
            "[[schedule]]\nup = \"09:00\"\n".into(),
            "missing here | add for example `down = \"18:00\"`".into(),
        ),
        (
            "[schedule]\nup = \"09:00\"\n".into(),
            "this is a table; a list of tables, each headed `[[schedule]]` is wanted".into(),
        ),
        (
            format!("{window}days = [\"Monday\"]\n"),
            format!("`Monday` {days} | did you mean \"mon\"?"),
        ),
        (
            format!("{window}days = [\"xyzzy\"]\n"),
            format!("`xyzzy` {days}"),
        ),
        (
            format!("{window}days = [\"mon\", \"mon\"]\n"),
            "a day is named twice".into(),
        ),
        (
            format!("{window}days = []\n"),
            "no day at all | leave `days` out for every day".into(),
        ),
        (
            format!("{window}timezone = \"Europe/Berln\"\n"),
            format!("{zone} | did you mean \"Europe/Berlin\"?"),
        ),
        (
            format!("{window}timezone = \"berlin\"\n"),
            format!("{zone} | did you mean \"Europe/Berlin\"?"),
        ),
        (
            format!("{window}timezone = \"Middle Earth, Shire\"\n"),
            format!("{zone} | write for example \"Europe/Berlin\" or \"UTC\""),
        ),
        (
            "[[notify]]\nemail = \"a@b\"\n".into(),
            "missing here | add for example `before = \"30m\"`".into(),
        ),
        (
            "[[notify]]\nbefore = \"12h\"\n".into(),
            "no lease of this profile lasts longer than 12h".into(),
        ),
        (
            "[[notify]]\nbefore = \"5m\"\nwebhook = \"env:1X\"\n".into(),
            format!("not the name of an environment variable | {hook}"),
        ),
        (
            "[[notify]]\nbefore = \"5m\"\nwebhook = \"http://example.org/\"\n".into(),
            format!("neither \"env:NAME\" nor an https address | {hook}"),
        ),
        (
            "[[notify]]\nbefore = \"5m\"\ncommand = []\n".into(),
            "names no program | write for example [\"notify-send\", \"kubelease\"]".into(),
        ),
        (
            "[[notify]]\nbefore = \"5m\"\nemail = \"nobody\"\n".into(),
            "not a mail address".into(),
        ),
    ];
    for (tail, wanted) in cases {
        assert_eq!(brief(&format!("{SMALL}{tail}")), wanted, "{tail}");
    }
}

#[test]
fn webhooks_stay_on_https_or_on_this_machine() {
    let good = [
        "https://example.org/x?y",
        "http://127.0.0.1:8080/hook",
        "http://localhost",
        "http://[::1]:80/",
    ];
    let bad = [
        "https://",
        "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
        "http://example.org\\@127.0.0.1/",
        "ftp://localhost/",
        "https://a b/",
        "env:",
        "env:A-B",
        "",
    ];
    for address in good {
        assert!(
            matches!(units::webhook(address), Ok(Webhook::Url(_))),
            "{address}"
        );
    }
    for address in bad {
        assert!(units::webhook(address).is_err(), "{address}");
    }
}

#[test]
fn providers_are_refused_with_the_reason() {
    let clouds = "the clouds are gke, eks, aks, digitalocean, linode, vultr";
    let cases = [
        ("[provider.digitalocen]", format!("{clouds} | did you mean `[provider.digitalocean]`?")),
        ("[provider.GKE]", format!("{clouds} | did you mean `[provider.gke]`?")),
        ("[provider.azure]", format!("{clouds} | did you mean `[provider.aks]`?")),
        ("[provider.hetzner]", clouds.to_owned()),
        ("[provider]\ngke = 1", "this is a whole number; a table `[provider.gke]` is wanted".into()),
        ("[provider.gke]\nregoin = \"x\"", " | did you mean `region`?".into()),
        ("[provider.gke]\nsize = 2", "this is a whole number; a text in quotes is wanted | put it in quotes, with its unit if it has one: \"2\"".into()),
        ("[provider.gke]\nregion = \"\"", "must be the vendor's word".into()),
        ("[provider.gke]\nsince = 2026-01-01", "an option is a text, a number, true, false, a list or a table".into()),
        ("[provider.gke]\nratio = nan", "an option is a text, a number, true, false, a list or a table".into()),
    ];
    for (tail, wanted) in cases {
        assert_eq!(brief(&format!("{SMALL}{tail}\n")), wanted, "{tail}");
    }
}

#[test]
fn no_secret_in_debug_output() {
    let hook = "https://hooks.example.org/T0/secret-token";
    let text = format!("{SMALL}[[notify]]\nbefore = \"5m\"\nwebhook = \"{hook}\"\n");
    let profile = parse(&text, "x.toml").unwrap();
    assert_eq!(
        profile.notify[0].webhook,
        Some(Webhook::Url(Secret::new(hook)))
    );
    assert!(!format!("{profile:?}").contains("secret-token"));
    let wrong = parse(&format!("{text}x = 1\n"), "x.toml").unwrap_err();
    assert!(!format!("{wrong:?}").contains("secret-token"));
}

#[test]
fn built_in_profiles_load() {
    let names: Vec<&str> = builtin_names().collect();
    assert_eq!(names, ["first-steps", "workloads", "ckad", "cka"]);
    for name in names {
        let profile = load(name).unwrap();
        assert_eq!(profile.name, name);
        assert!(!profile.description.is_empty(), "{name}");
        assert_eq!(Some(profile.source.as_str()), builtin(name));
        assert!(profile.budget_max.is_some(), "{name}");
        assert!(profile.lease.idle_after.is_some(), "{name}");
    }
    let workloads = load("workloads").unwrap().expect;
    assert_eq!(
        (workloads.load_balancers, workloads.volumes_gib),
        (1, vec![10])
    );
    let cka = load("cka").unwrap().nodes;
    assert_eq!((cka.count, cka.cpu, cka.memory_mib), (2, 2, 4096));
}

#[test]
fn load_says_why_not() {
    assert_snapshot!(load("first-step").unwrap_err(), @"there is no profile `first-step` (did you mean `first-steps`?); built in are first-steps, workloads, ckad, cka; a file needs a path: `./first-step.toml`");
    assert_snapshot!(load("zzz").unwrap_err(), @"there is no profile `zzz`; built in are first-steps, workloads, ckad, cka; a file needs a path: `./zzz.toml`");
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    assert!(matches!(
        load(&at("none.toml")),
        Err(LoadError::Read { .. })
    ));
    assert!(matches!(load(&at("")), Err(LoadError::Read { .. })));
    assert!(matches!(
        load("none-here.toml"),
        Err(LoadError::Read { .. })
    ));
    std::fs::write(at("bytes"), b"a = \"\xff\"").unwrap();
    assert!(matches!(load(&at("bytes")), Err(LoadError::NotUtf8 { .. })));
    let page = format!("{SMALL}#{}", "x".repeat(1024 * 1024 - SMALL.len() - 1));
    std::fs::write(at("largest.toml"), &page).unwrap();
    assert_eq!(load(&at("largest.toml")).unwrap().name, "largest");
    std::fs::write(at("larger.toml"), page + "x").unwrap();
    assert!(matches!(
        load(&at("larger.toml")),
        Err(LoadError::TooLarge { .. })
    ));
    std::fs::write(at("bad.toml"), "x = 1").unwrap();
    assert!(matches!(load(&at("bad.toml")), Err(LoadError::Profile(_))));
}

proptest! {
    /// No text makes the reader or the renderer panic, and whatever is refused is shown.
    #[test]
    fn any_text_is_safe(text in "(\\PC|[\\n\\r\\t\\[\\]=\"#.])*") {
        if let Err(error) = parse(&text, "x.toml") {
            prop_assert!(error.to_string().contains("x.toml:"));
        }
    }

    /// One damaged character in a good profile: read or refused, never a panic.
    #[test]
    fn any_damage_is_safe(at in 0usize..SMALL.len(), c in any::<char>()) {
        let mut text = SMALL.to_owned();
        text.replace_range(at..=at, &c.to_string());
        if let Err(error) = parse(&text, "x.toml") {
            prop_assert!(error.count() > 0 && error.render(true).contains("x.toml"));
        }
    }
}
