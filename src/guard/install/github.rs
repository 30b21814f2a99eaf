//! GitHub: a scheduled workflow. Its runner forgets everything, so the ledger with its sightings is kept
//! in the cache, also when the tick says that something is wrong; credentials are the repository's secrets.

use super::{GOOGLE, MARK, Wish, cron, is_local};

pub(super) fn workflow(wish: &Wish) -> Result<String, String> {
    if wish.every.num_minutes() < 5 {
        return Err("GitHub runs schedules every five minutes at most: use 5m or more".to_owned());
    }
    let google = wish.names.iter().any(|n| n == GOOGLE);
    let mut env = String::new();
    for name in wish.names.iter().filter(|n| !is_local(n)) {
        env.push_str(&format_env(name));
    }
    let mut key = "";
    if google {
        key = GOOGLE_STEP;
        env.push_str("          GOOGLE_APPLICATION_CREDENTIALS: ${{ runner.temp }}/google.json\n");
    }
    Ok(TEMPLATE
        .replace("@MARK@", MARK)
        .replace("@CRON@", &cron::fields(wish.every)?)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@REPOSITORY@", env!("CARGO_PKG_REPOSITORY"))
        .replace("@GOOGLE@", key)
        .replace("@ENV@", &env))
}

fn format_env(name: &str) -> String {
    format!("          {name}: ${{{{ secrets.{name} }}}}\n")
}

const GOOGLE_STEP: &str = r#"      - name: The key file of Google's
        env:
          GOOGLE_CREDENTIALS_JSON: ${{ secrets.GOOGLE_CREDENTIALS_JSON }}
        run: (umask 077 && printf '%s' "$GOOGLE_CREDENTIALS_JSON" > "$RUNNER_TEMP/google.json")
"#;

const TEMPLATE: &str = r#"@MARK@ remove it with `kubelease guard install --github --remove`
# Secrets are the repository's own (Settings, Secrets and variables, Actions). GitHub stops schedules of a
# repository in which nothing happens for 60 days, and starts them late when it is busy.
name: kubelease guard
on:
  schedule:
    - cron: "@CRON@"
  workflow_dispatch: {}
permissions: {}
concurrency:
  group: kubelease-guard
  cancel-in-progress: false
jobs:
  tick:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - name: The ledger of the last tick
        uses: actions/cache/restore@v4
        with:
          path: .kubelease
          key: kubelease-ledger-${{ github.run_id }}-${{ github.run_attempt }}
          restore-keys: kubelease-ledger-
      - name: kubelease, built once
        uses: actions/cache@v4
        with:
          path: ~/.cargo/bin/kubelease
          key: kubelease-@VERSION@-${{ runner.os }}-${{ runner.arch }}
      - name: kubelease, if it is not here yet
        run: test -x ~/.cargo/bin/kubelease || cargo install --locked --git "${KUBELEASE_REPOSITORY:-@REPOSITORY@}" kubelease
        env:
          KUBELEASE_REPOSITORY: ${{ vars.KUBELEASE_REPOSITORY }}
@GOOGLE@      - name: Tick
        run: ~/.cargo/bin/kubelease --home .kubelease guard tick
        env:
@ENV@          NO_COLOR: "1"
      - name: Keep the ledger
        if: always()
        uses: actions/cache/save@v4
        with:
          path: .kubelease
          key: kubelease-ledger-${{ github.run_id }}-${{ github.run_attempt }}
"#;
