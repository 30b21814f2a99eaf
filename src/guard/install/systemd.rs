//! systemd: a user service of one tick, and its timer.

use super::{MARK, Wish, path};

/// `%` begins a specifier, `$` a variable, and quotes end what is quoted.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '%' => out.push_str("%%"),
            '$' => out.push_str("$$"),
            '"' | '\\' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

pub(super) fn service(wish: &Wish) -> Result<String, String> {
    let mut start = quoted(path(&wish.program)?);
    if let Some(home) = &wish.home {
        start.extend([" --home ", &quoted(path(home)?)]);
    }
    Ok(format!(
        "{MARK} remove it with `kubelease guard install --systemd --remove`\n\
         [Unit]\n\
         Description=kubelease guard: one tick\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         EnvironmentFile={}\n\
         ExecStart={start} guard tick\n\
         TimeoutStartSec=1h\n",
        path(&wish.env_file)?.replace('%', "%%"),
    ))
}

pub(super) fn timer(wish: &Wish) -> Result<String, String> {
    let seconds = wish.every.num_seconds();
    if seconds < 60 {
        return Err(
            "a timer shorter than a minute would only keep the clouds busy: use 1m or more"
                .to_owned(),
        );
    }
    Ok(format!(
        "{MARK} remove it with `kubelease guard install --systemd --remove`\n\
         [Unit]\n\
         Description=kubelease guard: how often\n\
         \n\
         [Timer]\n\
         OnStartupSec=1min\n\
         OnUnitActiveSec={seconds}s\n\
         AccuracySec=30s\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
    ))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn systemd_reads_a_path_as_it_is() {
        assert_eq!(quoted("/a b/100%/$x\"\\"), "\"/a b/100%%/$$x\\\"\\\\\"");
    }
}
