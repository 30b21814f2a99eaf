//! The ledger locked, read-only, from the future, corrupt, or gone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sqlx::{AnyConnection, Connection};

use super::{new_machine, plain, run};
use crate::support::Bench;

/// Another program at the same file.
fn sql<T>(path: &Path, work: impl AsyncFnOnce(&mut AnyConnection) -> T) -> T {
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}?mode=rw", path.display());
        let mut other = AnyConnection::connect(&url).await.unwrap();
        let result = work(&mut other).await;
        other.close().await.unwrap();
        result
    })
}

async fn execute(other: &mut AnyConnection, words: &'static str) {
    sqlx::raw_sql(words).execute(other).await.unwrap();
}

/// Whoever writes waits a while and then says who stands in the way; whoever reads does not wait.
#[test]
fn locked_by_another_process() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let (read, wrote) = sql(&bench.path("ledger.db"), async |other| {
        execute(other, "BEGIN IMMEDIATE").await;
        let said = (
            run(&bench, "list"),
            bench.run(&["budget", "set", "digitalocean", "50"]),
        );
        execute(other, "ROLLBACK").await;
        said
    });
    insta::assert_snapshot!(read, @"
    NAME  PROVIDER      REGION  STATUS  EXPIRES    IDLE   COST   HOLD
    lab   digitalocean  nyc1    ready   in 3h 54m  0s    $0.02  $0.27
    --- stderr
    --- exit 0
    ");
    insta::assert_snapshot!(plain(&bench, &wrote.code(3).stderr), @"
    error: the ledger HOME/ledger.db is locked by another process
    hint: try again, or see who holds it: fuser -v HOME/ledger.db
    ");
    bench.run(&["budget", "set", "digitalocean", "50"]).ok();
    bench.run(&["delete", "lab"]).ok();
    bench.assert_clean();
}

#[test]
fn read_only() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let file = bench.path("ledger.db");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
    assert!(
        run(&bench, "list").contains("lab"),
        "what can be read is shown"
    );
    insta::assert_snapshot!(run(&bench, "create first-steps -p digitalocean -n two"), @"
    --- stderr
    digitalocean in nyc1: 2 × s-2vcpu-4gb (2 CPU, 4 GiB), Kubernetes 1.35.1-do.0, for 4h
      control plane standard           included                      $0.00
      node s-2vcpu-4gb                 2 × $0.035714286/h            $0.29
      boot disk local                  included                      $0.00
      ipv4 included                    included                      $0.00
      total for 4h, at $0.07 an hour                                $0.29
    holding $0.29 of $189.71 available on the digitalocean credit
    error: the ledger HOME/ledger.db cannot be used
    cause: error returned from database: (code: 8) attempt to write a readonly database
    cause: (code: 8) attempt to write a readonly database
    hint: name another with KUBELEASE_LEDGER=sqlite:PATH; the guard can reap by tags without it
    --- exit 3
    ");
    assert_eq!(
        bench.of_kind("cluster").len(),
        1,
        "made without an intent in the ledger"
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    bench.run(&["delete", "lab"]).ok();
    bench.assert_clean();
}

#[test]
fn from_the_future() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let file = bench.path("ledger.db");
    sql(&file, async |other| {
        execute(other, "INSERT INTO kubelease_schema (version) VALUES (99)").await;
    });
    let before = std::fs::read(&file).unwrap();
    insta::assert_snapshot!(run(&bench, "list"), @"
    --- stderr
    error: the ledger HOME/ledger.db has schema 99, this kubelease knows up to 6
    hint: install the newer kubelease that wrote it
    --- exit 3
    ");
    bench.run(&["guard", "tick"]).code(3);
    bench.run(&["delete", "lab"]).code(3);
    assert_eq!(std::fs::read(&file).unwrap(), before, "it was written to");
    assert_eq!(bench.of_kind("cluster").len(), 1);
}

#[test]
fn corrupt() {
    let bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    let file = bench.path("ledger.db");
    let garbage = b"this is no database, it is a text of someone else".repeat(200);
    // The last process may not have had the time to put its log into the file, and SQLite would now.
    for side in ["ledger.db-wal", "ledger.db-shm"] {
        drop(std::fs::remove_file(bench.path(side)));
    }
    std::fs::write(&file, &garbage).unwrap();
    insta::assert_snapshot!(run(&bench, "list"), @"
    --- stderr
    error: the ledger HOME/ledger.db is damaged: file is not a database
    hint: name another with KUBELEASE_LEDGER=sqlite:PATH; the guard can reap by tags without it
    --- exit 3
    ");
    assert_eq!(std::fs::read(&file).unwrap(), garbage, "it was written to");
}

#[test]
fn a_database_of_something_else() {
    let bench = Bench::new();
    bench.run(&["list"]).ok();
    let file = bench.path("ledger.db");
    sql(&file, async |other| {
        execute(other, "ALTER TABLE kubelease_schema RENAME TO recipes").await;
    });
    let said = bench.run(&["list"]).code(3);
    assert!(
        said.stderr
            .contains("ledger.db is damaged: it is a database of something else"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_folder_in_its_place_and_a_url_that_is_none() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path("ledger.db")).unwrap();
    insta::assert_snapshot!(run(&bench, "list"), @"
    --- stderr
    error: the ledger HOME/ledger.db cannot be used
    cause: error communicating with database: it is a folder
    cause: it is a folder
    hint: name another with KUBELEASE_LEDGER=sqlite:PATH; the guard can reap by tags without it
    --- exit 3
    ");
    let said = super::run_with(&bench, &["list"], &[("KUBELEASE_LEDGER", "mysql://here")]).code(3);
    insta::assert_snapshot!(plain(&bench, &said.stderr), @"error: `mysql://here` is not a ledger: use sqlite:PATH or postgres://USER@HOST/DATABASE");
}

/// A server that is not there is said at once, with what to do and without the password.
#[test]
fn a_server_that_is_not_there() {
    let bench = Bench::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap().to_string();
    drop(port);
    let url = format!("postgres://me:hush@{address}/class?sslmode=disable");
    let said = super::run_with(&bench, &["list"], &[("KUBELEASE_LEDGER", &url)]).code(3);
    let said = plain(&bench, &said.stderr);
    insta::assert_snapshot!(said, @"
    error: the ledger postgres://me@127.0.0.1:PORT/class cannot be used
    cause: error communicating with database: Connection refused (os error 111)
    cause: Connection refused (os error 111)
    hint: is the server running, and can it be reached from here? then repeat the command
    ");
    let cut = super::run_with(
        &bench,
        &["list"],
        &[("KUBELEASE_LEDGER", "mysql://me:hush@h/d")],
    );
    assert!(!cut.code(3).stderr.contains("hush"));
}

#[test]
fn named_elsewhere() {
    let bench = Bench::new();
    let url = format!("sqlite:{}", bench.path("other/books.db").display());
    super::run_with(&bench, &["list"], &[("KUBELEASE_LEDGER", &url)]).ok();
    assert!(bench.path("other/books.db").exists() && !bench.path("ledger.db").exists());
}

/// A machine that looks for the first time when the lease is over already waits for its second look.
#[test]
fn gone_and_first_seen_late() {
    let mut bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    new_machine(&mut bench);
    bench.advance("4h");
    let before = bench.ids();
    let view = bench.tick().ok().json();
    assert!(
        view["report"]["orphans"][0]["waiting_for"]
            .as_str()
            .unwrap()
            .contains("second sighting"),
        "{view}"
    );
    bench.advance("9m");
    bench.tick().ok();
    assert_eq!(
        bench.ids(),
        before,
        "reaped before the grace period was over"
    );
    bench.advance("1m");
    bench.tick().ok();
    bench.assert_clean();
}

/// The ledger is gone with its machine: another one, with nothing but the credentials, reaps by the tags
/// once the lease is over: never at the first sighting, always at the second.
#[test]
fn gone() {
    let mut bench = Bench::new();
    bench.create("digitalocean", "lab").ok();
    bench.use_it("lab");
    new_machine(&mut bench);
    let before = bench.ids();
    let view = bench.tick().ok().json();
    assert!(
        !view["report"]["orphans"].as_array().unwrap().is_empty(),
        "{view}"
    );
    assert_eq!(bench.ids(), before, "a lease of another ledger still runs");
    bench.advance("4h");
    let view = bench.tick().ok().json();
    let ended = &view["report"]["ended"][0];
    assert!(
        ended["name"].as_str().unwrap().starts_with("adopted-"),
        "{view}"
    );
    bench.assert_clean();
}
