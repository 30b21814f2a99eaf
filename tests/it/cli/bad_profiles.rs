//! Profiles and configuration that are wrong: file, line, caret and what was meant; exit 3.

use super::{PROFILE, plain, run, write};
use crate::support::Bench;

/// What `create` says about a profile with one line changed; nothing may be asked of a cloud for it.
fn refused(from: &str, to: &str) -> String {
    let bench = Bench::new();
    assert!(PROFILE.contains(from), "{from}");
    let file = write(&bench, "my.toml", &PROFILE.replace(from, to));
    let said = bench.run(&["create", &file, "-p", "digitalocean"]).code(3);
    assert_eq!(said.stdout, "");
    assert_eq!(bench.requests().len(), 0, "a cloud was asked");
    plain(&bench, &said.stderr)
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!(refused("memory =", "memmory ="), @r#"
    error: unknown key `memmory`
     --> HOME/my.toml:7:1
      |
    7 | memmory = "4GiB"
      | ^^^^^^^ not a key in `[nodes]`
      |
      = help: did you mean `memory`?
    "#);
}

#[test]
fn an_unknown_table() {
    insta::assert_snapshot!(refused("[lease]", "[leese]"), @"
    error: unknown key `leese`
     --> HOME/my.toml:8:2
      |
    8 | [leese]
      |  ^^^^^ not a key at the top of a profile
      |
      = help: did you mean `lease`?
    ");
}

#[test]
fn a_unit_that_is_none() {
    insta::assert_snapshot!(refused("4GiB", "4 gigs"), @r#"
    error: invalid `memory`
     --> HOME/my.toml:7:10
      |
    7 | memory = "4 gigs"
      |          ^^^^^^^^ sizes are binary: GiB or MiB (1GiB = 1024MiB)
      |
      = help: write for example "4GiB" or "512MiB"
    "#);
    insta::assert_snapshot!(refused("\"12h\"", "\"12 parsecs\""), @r#"
    error: invalid `max_ttl`
      --> HOME/my.toml:10:11
       |
    10 | max_ttl = "12 parsecs"
       |           ^^^^^^^^^^^^ `12 parsecs` is not a duration: write for example `45m`, `4h`, `1h30m` or `2d`
    "#);
}

#[test]
fn a_float_where_money_or_time_is_meant() {
    insta::assert_snapshot!(refused("[lease]", "[budget]\nmax = 2.5\n[lease]"), @r#"
    error: invalid `max`
     --> HOME/my.toml:9:7
      |
    9 | max = 2.5
      |       ^^^ this is a number with a point; a text in quotes is wanted
      |
      = help: put it in quotes: `max = "2.5"`
    "#);
}

#[test]
fn an_impossible_shape() {
    insta::assert_snapshot!(refused("count = 2", "count = 0"), @"
    error: invalid `count`
     --> HOME/my.toml:5:9
      |
    5 | count = 0
      |         ^ must be 1 to 100
    ");
    insta::assert_snapshot!(refused("\"12h\"", "\"1h\""), @r#"
    error: `ttl` is longer than `max_ttl`
      --> HOME/my.toml:9:7
       |
     9 | ttl = "4h"
       |       ^^^^ a lease starts with this
    10 | max_ttl = "1h"
       |           ---- and may never last longer than this
       |
       = help: raise `max_ttl` or lower `ttl`
    "#);
}

#[test]
fn an_unknown_provider() {
    insta::assert_snapshot!(refused("[lease]", "[provider.hetzner]\nsize = \"cx22\"\n[lease]"), @"
    error: unknown provider `hetzner`
     --> HOME/my.toml:8:11
      |
    8 | [provider.hetzner]
      |           ^^^^^^^ the clouds are gke, eks, aks, digitalocean, linode, vultr
    ");
}

#[test]
fn several_problems_at_once() {
    insta::assert_snapshot!(refused("count = 2\ncpu = 2", "count = \"two\"\ncpus = 2"), @r#"
    error: invalid `count`
     --> HOME/my.toml:5:9
      |
    5 | count = "two"
      |         ^^^^^ this is a text; a whole number is wanted

    error: unknown key `cpus`
     --> HOME/my.toml:6:1
      |
    6 | cpus = 2
      | ^^^^ not a key in `[nodes]`
      |
      = help: did you mean `cpu`?
    "#);
}

#[test]
fn no_toml_at_all() {
    insta::assert_snapshot!(refused("[nodes]", "[nodes"), @"
    error: this is not TOML
     --> HOME/my.toml:4:7
      |
    4 | [nodes
      |       ^ unclosed table, expected `]`
    ");
}

#[test]
fn a_file_that_is_not_there() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "create ./nope.toml -p digitalocean"), @"
    --- stderr
    error: cannot read the profile ./nope.toml
    cause: No such file or directory (os error 2)
    --- exit 3
    ");
    insta::assert_snapshot!(run(&bench, "create frist-steps -p digitalocean"), @"
    --- stderr
    error: there is no profile `frist-steps` (did you mean `first-steps`?); built in are first-steps, workloads, ckad, cka; a file needs a path: `./frist-steps.toml`
    --- exit 3
    ");
}

#[test]
fn a_file_that_is_no_text() {
    let bench = Bench::new();
    let path = bench.path("bytes.toml");
    std::fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    let said = bench
        .run(&["create", path.to_str().unwrap(), "-p", "digitalocean"])
        .code(3);
    assert!(said.stderr.contains("bytes.toml"), "{}", said.stderr);
    let said = bench
        .run(&[
            "create",
            bench.home.path().to_str().unwrap(),
            "-p",
            "digitalocean",
        ])
        .code(3);
    assert!(
        said.stderr.contains("hint: ") || said.stderr.contains("cause: "),
        "{}",
        said.stderr
    );
}

#[test]
fn a_config_file_with_a_mistake() {
    let bench = Bench::new();
    write(&bench, "config.toml", "provder = \"digitalocean\"\n");
    insta::assert_snapshot!(run(&bench, "list"), @r#"
    --- stderr
    error: HOME/config.toml: TOML parse error at line 1, column 1
      |
    1 | provder = "digitalocean"
      | ^^^^^^^
    unknown field `provder`, expected one of `provider`, `margin_percent`, `budget_max`, `owner`, `providers`, `notify`, `smtp`
    --- exit 3
    "#);
    write(&bench, "config.toml", "provider = \"hetzner\"\n");
    insta::assert_snapshot!(run(&bench, "create first-steps"), @"
    --- stderr
    error: config.toml: `hetzner` is not a provider: gke, eks, aks, digitalocean, linode or vultr
    --- exit 3
    ");
}
