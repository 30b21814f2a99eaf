//! The help of every command: the reference that cannot drift from the code.

use super::run;
use crate::support::Bench;

/// Every command has a help, also those of which no other test has heard.
#[test]
fn every_command_has_a_help() {
    fn walk(command: &clap::Command, path: &mut Vec<String>, bench: &Bench) -> usize {
        let mut count = 1;
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let said = bench.run(&args).ok();
        assert!(
            said.stdout.contains("Usage: kubelease"),
            "{args:?}: {}",
            said.stdout
        );
        assert_eq!(said.stderr, "", "{args:?}");
        assert!(said.stdout.contains("Global options:"), "{args:?}");
        assert!(
            command.get_about().is_some(),
            "{args:?} says nothing about itself"
        );
        for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
            path.push(sub.get_name().to_owned());
            count += walk(sub, path, bench);
            path.pop();
        }
        count
    }
    let bench = Bench::new();
    let count = walk(&kubelease::cli::command(), &mut Vec::new(), &bench);
    assert!(count >= 20, "only {count} commands");
}

#[test]
fn all() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "-h"), @"
    Leases small practice Kubernetes clusters on six clouds and returns them on schedule

    Usage: kubelease [OPTIONS] <COMMAND>

    Commands:
      create       Create a cluster from a profile, with a time to live and a hold on the free credit
      list         List leases, with when they end and what they cost
      show         Show one lease: state, money, what happened
      kubeconfig   Write the kubeconfig of a lease (no secret inside: kubectl asks kubelease)
      shell        Open a shell in which kubectl uses this lease
      extend       Let a lease live longer; its hold grows, or it is refused
      protect      Keep the guard from ending a lease before a time (but not from stopping overspending)
      delete       Delete leases: everything that costs money, proven gone
      sweep        Find what deletes and lost ledgers left behind, and remove it with --apply
      prices       Compare what a profile costs on each cloud
      budget       Show the free credit of each cloud, or declare one
      spend        Show what was spent
      bill         Bill spans by the vendors' rules, to check an invoice or to ask what if
      guard        Watch leases: end what must end, sweep what was left, book what it cost
      idle         Tell whether a lease is in use, and since when not (asks its cluster)
      audit        Export the audit trail: every action with who, why, what and when
      doctor       Check credentials, quotas, clock and guard
      sim          Simulate the clouds on loopback: for tests, CI and trying things out
      demo         Show the whole story on the simulator, in seconds
      completions  Print a completion script
      man          Print the manual page (roff)
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
      -o, --output <FORMAT>  How to print [env: KUBELEASE_OUTPUT=] [default: table] [possible values:
                             table, json]
          --sim <URL>        Use the clouds of a simulator (its control URL)
      -y, --yes              Never ask
      -v, --verbose          Show every request to a cloud
          --color <WHEN>     When to use colour [default: auto] [possible values: auto, always, never]
          --home <DIR>       Folder with the ledger, the kubeconfigs and config.toml

    Try it without an account: kubelease demo
    --- stderr
    --- exit 0
    ");
}

#[test]
fn version() {
    let bench = Bench::new();
    insta::assert_snapshot!(run(&bench, "--version"), @"
    kubelease VERSION
    --- stderr
    --- exit 0
    ");
}

#[test]
fn nothing_at_all() {
    let bench = Bench::new();
    let said = bench.command().output().unwrap();
    assert_eq!(said.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&said.stderr).contains("Usage: kubelease"));
}

#[test]
fn create() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "create"), @"
    Create a cluster from a profile, with a time to live and a hold on the free credit

    Usage: kubelease create [OPTIONS] <PROFILE>

    Arguments:
      <PROFILE>  A built-in profile (first-steps, workloads, cka, ckad) or a TOML file

    Options:
      -p, --provider <PROVIDER>  Which cloud: gke, eks, aks, digitalocean, linode or vultr
      -n, --name <NAME>          Name of the lease and of the cluster
      -r, --region <REGION>      The cloud's region or zone
          --ttl <DURATION>       How long it lives, for example 4h
          --budget <DOLLARS>     The most that it may cost, for example 2.00
          --owner <NAME>         Who it is for (else KUBELEASE_OWNER, else `owner` of config.toml)
          --dry-run              Only show the quote
          --explain              Show the arithmetic of the quote
          --no-wait              Do not wait until it is ready; the guard goes on
          --timeout <DURATION>   How long to wait at most [default: 1h]
          --ci                   For a job that can be cancelled: a signal marks the lease for removal,
                                 here and on the cloud object, in under ten seconds, and the next guard
                                 tick anywhere ends it
          --keep-failed          Keep what was made when the create fails, to look at it
      -h, --help                 Print help (see more with '--help')
      -V, --version              Print version
    ");
}

#[test]
fn list() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "list"), @"
    List leases, with when they end and what they cost

    Usage: kubelease list [OPTIONS]

    Options:
      -a, --all           Also what kubelease did not make, read-only and priced (asks the clouds)
          --ended         Also leases that have ended
          --owner <NAME>  Only leases for this owner
      -h, --help          Print help (see more with '--help')
      -V, --version       Print version
    ");
}

#[test]
fn show() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "show"), @"
    Show one lease: state, money, what happened

    Usage: kubelease show [OPTIONS] <NAME>

    Arguments:
      <NAME>  Name or id of a lease

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn kubeconfig() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "kubeconfig"), @"
    Write the kubeconfig of a lease (no secret inside: kubectl asks kubelease)

    Usage: kubelease kubeconfig [OPTIONS] <NAME>

    Arguments:
      <NAME>  Name or id of a lease

    Options:
          --merge    Also add it to your own kubeconfig and switch to it
          --print    Print it instead of its path
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn shell() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "shell"), @"
    Open a shell in which kubectl uses this lease

    Usage: kubelease shell [OPTIONS] <NAME> [-- <COMMAND>...]

    Arguments:
      <NAME>        Name or id of a lease
      [COMMAND]...  A command to run instead of your shell

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn credential() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "credential"), @"
    Print a credential for kubectl (exec plugin)

    Usage: kubelease credential [OPTIONS] <LEASE>

    Arguments:
      <LEASE>  Id of a lease

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn extend() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "extend"), @"
    Let a lease live longer; its hold grows, or it is refused

    Usage: kubelease extend [OPTIONS] <NAME> <DURATION>

    Arguments:
      <NAME>      Name or id of a lease
      <DURATION>  How much longer, for example 2h

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn protect() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "protect"), @"
    Keep the guard from ending a lease before a time (but not from stopping overspending)

    Usage: kubelease protect [OPTIONS] --until <TIME> <NAME>

    Arguments:
      <NAME>  Name or id of a lease

    Options:
          --until <TIME>  Until when: RFC 3339, a date, or a duration from now; `off` ends the
                          protection
      -h, --help          Print help (see more with '--help')
      -V, --version       Print version
    ");
}

#[test]
fn delete() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "delete"), @"
    Delete leases: everything that costs money, proven gone

    Usage: kubelease delete [OPTIONS] <NAMES>...

    Arguments:
      <NAMES>...  Names or ids of leases

    Options:
          --dry-run  Only show what would be removed
          --mark     Only mark them, here and on the cloud object: the next guard tick anywhere removes
                     them (for a job that is being cancelled; takes a few seconds)
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn sweep() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "sweep"), @"
    Find what deletes and lost ledgers left behind, and remove it with --apply

    Usage: kubelease sweep [OPTIONS]

    Options:
          --apply    Remove what was found
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn prices() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "prices"), @"
    Compare what a profile costs on each cloud

    Usage: kubelease prices [OPTIONS] [PROFILE]
           kubelease prices <COMMAND>

    Commands:
      refresh  Ask the clouds' price APIs, and use their prices from now on
      help     Print this message or the help of the given subcommand(s)

    Arguments:
      [PROFILE]  A built-in profile or a TOML file [default: first-steps]

    Options:
          --ttl <DURATION>  For how long
          --explain         Show every item with its arithmetic
          --regions         Every region of every cloud, the cheapest first
          --chart           Draw it, each bar with what it is made of
          --svg <FILE>      Write the drawing as a picture
      -h, --help            Print help (see more with '--help')
      -V, --version         Print version
    ");
}

#[test]
fn prices_refresh() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "prices refresh"), @"
    Ask the clouds' price APIs, and use their prices from now on

    Usage: kubelease prices refresh [OPTIONS] [PROVIDERS]...

    Arguments:
      [PROVIDERS]...  Which clouds; all that there are credentials for when none is named

    Options:
          --dry-run  Only show what would change
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn budget() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "budget"), @"
    Show the free credit of each cloud, or declare one

    Usage: kubelease budget [OPTIONS] [COMMAND]

    Commands:
      set   Declare the credit that you have, or an owner's share of it
      help  Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn budget_set() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "budget set"), @"
    Declare the credit that you have, or an owner's share of it

    Usage: kubelease budget set [OPTIONS] <PROVIDER> <AMOUNT>

    Arguments:
      <PROVIDER>  Which cloud
      <AMOUNT>    Dollars, for example 200

    Options:
          --days <DAYS>   Days until what is left is gone
          --from <DATE>   From when it counts (a date or RFC 3339; else now)
          --owner <NAME>  The most that leases for this owner may hold and spend of it
      -h, --help          Print help (see more with '--help')
      -V, --version       Print version
    ");
}

#[test]
fn spend() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "spend"), @"
    Show what was spent

    Usage: kubelease spend [OPTIONS] [COMMAND]

    Commands:
      reconcile  Compare with the vendors' own figures, show the drift, and book what they have more
      help       Print this message or the help of the given subcommand(s)

    Options:
          --by <WHAT>     How to group [default: lease] [possible values: lease, provider, day, owner]
          --owner <NAME>  Only leases for this owner
          --chart         Draw how the credits burn down to their ends
          --svg <FILE>    Write the drawing as a picture
          --csv           Every row of the ledger as comma-separated values
      -h, --help          Print help (see more with '--help')
      -V, --version       Print version
    ");
}

#[test]
fn spend_reconcile() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "spend reconcile"), @"
    Compare with the vendors' own figures, show the drift, and book what they have more

    Usage: kubelease spend reconcile [OPTIONS]

    Options:
          --dry-run  Only show; book nothing
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn guard() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "guard"), @"
    Watch leases: end what must end, sweep what was left, book what it cost

    Usage: kubelease guard [OPTIONS] <COMMAND>

    Commands:
      tick     Look once (for cron); the exit code tells the truth
      run      Look again and again, until stopped
      install  Show what runs the guard on a schedule; write it with --apply, take it away with --remove
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn guard_tick() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "guard tick"), @"
    Look once (for cron); the exit code tells the truth

    Usage: kubelease guard tick [OPTIONS]

    Options:
          --textfile <FILE>  Write the metrics there, for the textfile collector of node_exporter
          --log <FORMAT>     How to log to stderr [default: text] [possible values: text, json]
      -h, --help             Print help (see more with '--help')
      -V, --version          Print version
    ");
}

#[test]
fn guard_run() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "guard run"), @"
    Look again and again, until stopped

    Usage: kubelease guard run [OPTIONS]

    Options:
          --every <DURATION>   How often [default: 5m]
          --metrics <ADDRESS>  Serve the metrics there at /metrics, for example 127.0.0.1:PORT
          --metrics-open       Serve them to other machines too: there is no login
          --log <FORMAT>       How to log to stderr [default: text] [possible values: text, json]
      -h, --help               Print help (see more with '--help')
      -V, --version            Print version
    ");
}

#[test]
fn guard_install() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "guard install"), @"
    Show what runs the guard on a schedule; write it with --apply, take it away with --remove

    Usage: kubelease guard install [OPTIONS]

    Options:
          --cron              A line of your crontab (the default)
          --systemd           A systemd user service and its timer
          --github            A scheduled workflow of GitHub's
          --kubernetes        A Kubernetes CronJob
          --every <DURATION>  How often [default: 15m]
          --image <IMAGE>     A container image with the kubelease binary, for --kubernetes [default:
                              kubelease:VERSION]
          --apply             Write it
          --remove            Remove what --apply wrote
      -h, --help              Print help (see more with '--help')
      -V, --version           Print version
    ");
}

#[test]
fn idle() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "idle"), @"
    Tell whether a lease is in use, and since when not (asks its cluster)

    Usage: kubelease idle [OPTIONS] <NAME>

    Arguments:
      <NAME>  Name or id of a lease

    Options:
          --explain  Show every signal with its last value
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn audit() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "audit"), @"
    Export the audit trail: every action with who, why, what and when

    Usage: kubelease audit [OPTIONS]

    Options:
          --since <TIME>  Only from then on: RFC 3339, a date, or a duration ago such as 7d
          --csv           As comma-separated values
      -h, --help          Print help (see more with '--help')
      -V, --version       Print version
    ");
}

#[test]
fn doctor() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "doctor"), @"
    Check credentials, quotas, clock and guard

    Usage: kubelease doctor [OPTIONS] [PROVIDER]

    Arguments:
      [PROVIDER]  Only this cloud

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn sim() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "sim"), @"
    Simulate the clouds on loopback: for tests, CI and trying things out

    Usage: kubelease sim [OPTIONS]

    Options:
          --port <PORT>    Control port; the clouds take the next six (0: any) [default: 0]
          --clock <CLOCK>  How time goes: jump, manual, real or real:SPEED [default: real:60]
          --start <START>  Begin at this time (RFC 3339)
      -h, --help           Print help (see more with '--help')
      -V, --version        Print version
    ");
}

#[test]
fn demo() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "demo"), @"
    Show the whole story on the simulator, in seconds

    Usage: kubelease demo [OPTIONS]

    Options:
          --provider <PROVIDER>  Which cloud to play [default: digitalocean]
          --all                  All clouds of this build at once
      -h, --help                 Print help (see more with '--help')
      -V, --version              Print version
    ");
}

#[test]
fn completions() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "completions"), @"
    Print a completion script

    Usage: kubelease completions [OPTIONS] <SHELL>

    Arguments:
      <SHELL>  Which shell [possible values: bash, elvish, fish, powershell, zsh]

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

#[test]
fn man() {
    let bench = Bench::new();
    insta::assert_snapshot!(help(&bench, "man"), @"
    Print the manual page (roff)

    Usage: kubelease man [OPTIONS]

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version
    ");
}

/// The help of one command, without the flags that all have: those are in `all`.
fn help(bench: &Bench, command: &str) -> String {
    let text = run(bench, &format!("{command} -h"));
    let own = text.split("\nGlobal options:").next();
    own.unwrap_or_default().to_owned()
}
