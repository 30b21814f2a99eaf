//! How a guard gets run by something that does not sleep: texts for cron, systemd, GitHub and Kubernetes.
//! Pure: no file is touched here, and no secret is in any text; each refers to where secrets are kept.

mod cron;
mod github;
mod kubernetes;
mod systemd;

use std::path::PathBuf;

use chrono::TimeDelta;

pub use cron::{with_block, without_block};

/// The first words of everything that we write, so that only ours is replaced or removed.
pub const MARK: &str = "# kubelease guard:";

/// What runs the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A line of the user's crontab.
    Cron,
    /// A user service and its timer.
    Systemd,
    /// A scheduled workflow.
    Github,
    /// A CronJob.
    Kubernetes,
}

impl Kind {
    /// The word of its flag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cron => "cron",
            Self::Systemd => "systemd",
            Self::Github => "github",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Whether it runs on this machine, with this machine's files.
    #[must_use]
    pub const fn is_local(self) -> bool {
        matches!(self, Self::Cron | Self::Systemd)
    }
}

/// What is wished for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How often.
    pub every: TimeDelta,
    /// The binary.
    pub program: PathBuf,
    /// Named with `--home`, if it was.
    pub home: Option<PathBuf>,
    /// The file with the credentials, mode 0600.
    pub env_file: PathBuf,
    /// The variables that hold credentials and settings, by name.
    pub names: Vec<String>,
    /// A container image with the binary, for Kubernetes.
    pub image: String,
}

/// One text, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file's name within its folder; none for the crontab.
    pub file: Option<&'static str>,
    /// The text.
    pub text: String,
}

/// The texts of a kind.
///
/// # Errors
/// A sentence, when it cannot run that often, or not at all.
pub fn pieces(kind: Kind, wish: &Wish) -> Result<Vec<Piece>, String> {
    let piece = |file, text| Piece { file, text };
    Ok(match kind {
        Kind::Cron => vec![piece(None, cron::block(wish)?)],
        Kind::Systemd => vec![
            piece(Some("kubelease-guard.service"), systemd::service(wish)?),
            piece(Some("kubelease-guard.timer"), systemd::timer(wish)?),
        ],
        Kind::Github => vec![piece(Some("kubelease-guard.yml"), github::workflow(wish)?)],
        Kind::Kubernetes => vec![piece(
            Some("kubelease-guard.yaml"),
            kubernetes::manifest(wish)?,
        )],
    })
}

/// A file of `NAME="value"` lines that a shell and systemd read alike.
///
/// # Errors
/// When a value has a line end, which neither could hold.
pub fn env_file<'a>(
    values: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String, String> {
    let mut text =
        format!("{MARK} credentials and settings of `kubelease guard install`; keep it 0600\n");
    for (name, value) in values {
        if value.chars().any(char::is_control) {
            return Err(format!("{name} holds a control character: set it by hand"));
        }
        let mut quoted = String::new();
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$' | '`') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        text.extend([name, "=\"", &quoted, "\"\n"]);
    }
    Ok(text)
}

/// Variables whose credentials end within hours: a guard that runs for weeks needs others.
#[must_use]
pub fn short_lived(names: &[String]) -> Vec<&str> {
    const SHORT: [&str; 4] = [
        "AWS_SESSION_TOKEN",
        "AZURE_ACCESS_TOKEN",
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
    ];
    let found = names.iter().map(String::as_str);
    found.filter(|n| SHORT.contains(n)).collect()
}

/// Variables that name a file or a profile of this machine and mean nothing on another.
fn is_local(name: &str) -> bool {
    name.ends_with("_FILE")
        || [
            "AWS_PROFILE",
            "KUBELEASE_HOME",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ]
        .contains(&name)
}

/// Google's key file, which travels as a secret of its own.
const GOOGLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// A text without line ends or other controls, for a line of a file.
fn one_line(text: &str) -> Result<&str, String> {
    match text.chars().any(char::is_control) {
        true => Err(format!("{text:?} has a control character")),
        false => Ok(text),
    }
}

/// A path as text for a line of a file.
fn path(path: &std::path::Path) -> Result<&str, String> {
    let text = path.to_str();
    one_line(text.ok_or_else(|| format!("{} is not UTF-8", path.display()))?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    pub(super) fn wish(every: TimeDelta) -> Wish {
        Wish {
            every,
            program: "/opt/my tools/kubelease".into(),
            home: None,
            env_file: "/home/me/.config/kubelease/guard.env".into(),
            names: vec!["DIGITALOCEAN_ACCESS_TOKEN".into(), GOOGLE.into()],
            image: "kubelease:1".into(),
        }
    }

    #[test]
    fn every_text_begins_with_the_mark() {
        for kind in [Kind::Cron, Kind::Systemd, Kind::Github, Kind::Kubernetes] {
            for piece in pieces(kind, &wish(TimeDelta::minutes(15))).unwrap() {
                assert!(piece.text.starts_with(MARK), "{}", piece.text);
            }
        }
    }

    #[test]
    fn a_shell_and_systemd_read_values_as_they_are() {
        let text = env_file([("A", "a b"), ("B", "x\"y\\z$HOME`id`'")]).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, ["A=\"a b\"", "B=\"x\\\"y\\\\z\\$HOME\\`id\\`'\""]);
        assert!(env_file([("A", "a\nB=c")]).is_err());
    }
}
