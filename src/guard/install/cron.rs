//! Cron: a marked block of the user's crontab.

use chrono::TimeDelta;

use super::{MARK, Wish, path};

const BEGIN: &str = "# kubelease guard: begin (kubelease guard install --cron --remove)";
const END: &str = "# kubelease guard: end";

/// Five fields of cron for `every`, counted in UTC or whatever the machine's cron counts in.
pub(super) fn fields(every: TimeDelta) -> Result<String, String> {
    let refused = || {
        Err("cron cannot run that often: use 1m, 2m, 3m, 4m, 5m, 6m, 10m, 12m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h or 1d".to_owned())
    };
    let minutes = every.num_minutes();
    if minutes < 1 || TimeDelta::minutes(minutes) != every {
        return refused();
    }
    match (minutes, minutes / 60, minutes % 60) {
        (1, ..) => Ok("* * * * *".to_owned()),
        (m, 0, _) if 60 % m == 0 => Ok(format!("*/{m} * * * *")),
        (_, 1, 0) => Ok("0 * * * *".to_owned()),
        (_, 24, 0) => Ok("0 0 * * *".to_owned()),
        (_, h, 0) if h < 24 && 24 % h == 0 => Ok(format!("0 */{h} * * *")),
        _ => refused(),
    }
}

/// The block.
pub(super) fn block(wish: &Wish) -> Result<String, String> {
    let mut command = format!(
        "set -a; . {}; {}",
        quoted(path(&wish.env_file)?),
        quoted(path(&wish.program)?)
    );
    if let Some(home) = &wish.home {
        command.extend([" --home ", &quoted(path(home)?)]);
    }
    // Cron mails what is said: reports are not worth a mail, warnings and errors are.
    command.push_str(" guard tick >/dev/null");
    // In a crontab a bare % is a line end.
    let command = command.replace('%', "\\%");
    Ok(format!(
        "{BEGIN}\n{} {command}\n{END}\n",
        fields(wish.every)?
    ))
}

/// For a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A crontab with our block in the place of an earlier one, or at its end.
#[must_use]
pub fn with_block(old: &str, block: &str) -> String {
    let mut text = without_block(old);
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(block);
    text
}

/// A crontab without our block; everybody else's lines stay as they are.
#[must_use]
pub fn without_block(old: &str) -> String {
    let (mut text, mut held) = (String::new(), None::<String>);
    for line in old.split_inclusive('\n') {
        let word = line.trim_end();
        match &mut held {
            None if word.starts_with(MARK) && word.contains(" begin") => {
                held = Some(line.to_owned());
            }
            None => text.push_str(line),
            Some(_) if word == END => held = None,
            Some(block) => block.push_str(line),
        }
    }
    // A block without its end may hold somebody else's lines: it stays.
    text.push_str(&held.unwrap_or_default());
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::guard::install::tests::wish;

    #[test]
    fn cron_says_how_often() {
        let cases = [
            (1, "* * * * *"),
            (15, "*/15 * * * *"),
            (60, "0 * * * *"),
            (360, "0 */6 * * *"),
            (1440, "0 0 * * *"),
        ];
        for (minutes, expect) in cases {
            assert_eq!(fields(TimeDelta::minutes(minutes)).unwrap(), expect);
        }
        for seconds in [0, 30, 7 * 60, 90 * 60, 300 * 60, 2880 * 60, 61] {
            assert!(fields(TimeDelta::seconds(seconds)).is_err(), "{seconds}");
        }
    }

    #[test]
    fn the_block_is_replaced_and_taken_out_and_nothing_else() {
        let mut ours = wish(TimeDelta::minutes(15));
        ours.home = Some("/srv/100%/it's".into());
        let first = block(&ours).unwrap();
        assert_eq!(
            first.lines().nth(1).unwrap(),
            "*/15 * * * * set -a; . '/home/me/.config/kubelease/guard.env'; '/opt/my tools/kubelease' \
             --home '/srv/100\\%/it'\\''s' guard tick >/dev/null"
        );
        let second = block(&wish(TimeDelta::minutes(30))).unwrap();
        let theirs = "MAILTO=me\n# kubelease is nice\n5 4 * * * backup";
        let once = with_block(theirs, &first);
        assert_eq!(with_block(&once, &first), once, "again changes nothing");
        let twice = with_block(&once, &second);
        assert_eq!(twice.matches("guard tick").count(), 1);
        assert!(twice.contains("*/30") && !twice.contains("*/15"));
        assert_eq!(without_block(&twice), format!("{theirs}\n"));
        assert_eq!(without_block(theirs), theirs);
        let broken = format!("{BEGIN}\n1 2 3 4 5 theirs\n");
        assert_eq!(without_block(&broken), broken);
    }
}
