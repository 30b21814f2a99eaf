//! Where things are: flags over environment over `config.toml` over defaults.

use std::path::{Path, PathBuf};

use kubelease_core::{Money, ProviderId};
use serde::Deserialize;

use crate::env::{self, Env};
use crate::ledger::{NoOwnerName, NoPlace, OwnerName, Place};
use crate::notify::{ChannelConfig, Channels, SmtpConfig, config};

/// `config.toml`: everything is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// The cloud that `create` takes when no `--provider` is given.
    pub provider: Option<String>,
    /// Kept unspent of every credit, in per cent; else by what happens at the credit's end.
    pub margin_percent: Option<u32>,
    /// A cap over everything that one `create` may cost, unless the profile or the flag say less.
    pub budget_max: Option<Money>,
    /// Who new leases are for.
    pub owner: Option<OwnerName>,
    /// The clouds that are asked at all (by the guard, `sweep`, `list --all`); else every one with
    /// credentials. A lease on another one is told as not watched.
    pub providers: Option<Vec<ProviderId>>,
    /// Whom to tell of what.
    #[serde(default)]
    pub notify: Vec<ChannelConfig>,
    /// Who sends mail.
    pub smtp: Option<SmtpConfig>,
    /// That others can read the secrets in it.
    #[serde(skip)]
    exposed: Option<String>,
}

impl ConfigFile {
    /// Whether that cloud is to be asked.
    #[must_use]
    pub fn asks(&self, provider: ProviderId) -> bool {
        self.providers
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&provider))
    }

    /// Whether `[[notify]]` and `[smtp]` make sense together.
    fn check(&self) -> Result<(), String> {
        self.smtp.as_ref().map(config::smtp).transpose()?;
        config::channels(&self.notify, self.smtp.is_some()).map(drop)
    }
}

/// What the program runs with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder with ledger and kubeconfigs.
    pub home: PathBuf,
    /// Where the ledger is.
    pub ledger: Place,
    /// Control URL of a simulator.
    pub sim: Option<String>,
    /// The environment, for credentials and endpoints.
    pub env: Env,
    /// The config file's values.
    pub file: ConfigFile,
    /// Whether home was named, so that kubectl's plugin must be told too.
    pub home_named: bool,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No place for the ledger.
    #[error("there is no home folder: set {}", env::HOME)]
    NoHome,
    /// `config.toml` cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// `config.toml` is wrong; the message shows the line.
    #[error("{}: {message}", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Line and caret.
        message: String,
    },
    /// A ledger URL of a kind that there is none of.
    #[error(transparent)]
    Ledger(#[from] NoPlace),
    /// `KUBELEASE_OWNER` is no name.
    #[error("{}", env::OWNER)]
    Owner(#[source] NoOwnerName),
}

impl Settings {
    /// Puts flags, environment and config file together. A simulation without a named home keeps its
    /// own folder, so that simulated leases never mix with real ones.
    ///
    /// # Errors
    /// When there is no home, or the config file is wrong.
    pub fn load(env: Env, home: Option<PathBuf>, sim: Option<String>) -> Result<Self, ConfigError> {
        let sim = sim.or_else(|| env.get(env::SIM).map(str::to_owned));
        let named = home.or_else(|| env.path(env::HOME));
        let home_named = named.is_some();
        let (home, config) = match named {
            Some(home) => (home.clone(), home.join("config.toml")),
            None => xdg(&env, sim.is_some())?,
        };
        let ledger = match env.get(env::LEDGER) {
            Some(url) => url.parse()?,
            None => Place::File(home.join("ledger.db")),
        };
        let mut file = read(&config)?;
        if let Some(owner) = env.get(env::OWNER) {
            file.owner = Some(owner.parse().map_err(ConfigError::Owner)?);
        }
        Ok(Self {
            home,
            ledger,
            sim,
            env,
            file,
            home_named,
        })
    }

    /// Whom the guard tells.
    #[must_use]
    pub fn channels(&self) -> Channels {
        let smtp = self.file.smtp.as_ref().and_then(|s| config::smtp(s).ok());
        let list = config::channels(&self.file.notify, smtp.is_some()).unwrap_or_default();
        Channels::new(list, smtp, self.file.exposed.clone(), self.env.clone())
    }

    /// Who is at work, for the audit trail: `user@host`. In a job of GitHub's, who started it.
    #[must_use]
    pub fn who(&self) -> String {
        let named = ["GITHUB_ACTOR", "USER", "LOGNAME"];
        let user = self.env.first(&named).map_or("unknown", |(_, user)| user);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
        let host = host.or_else(|| self.env.get("HOSTNAME").map(str::to_owned));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        kubelease_core::error::printable(&format!("{user}@{}", host.trim()))
    }

    /// The kubeconfig file of a lease.
    #[must_use]
    pub fn kubeconfig(&self, name: &str) -> PathBuf {
        self.home.join("kubeconfigs").join(format!("{name}.yaml"))
    }
}

fn xdg(env: &Env, sim: bool) -> Result<(PathBuf, PathBuf), ConfigError> {
    let user = env.path("HOME").ok_or(ConfigError::NoHome)?;
    let folder = |name: &str, fallback: &str| env.path(name).unwrap_or_else(|| user.join(fallback));
    let app = if sim { "kubelease-sim" } else { "kubelease" };
    let data = folder("XDG_DATA_HOME", ".local/share").join(app);
    Ok((
        data,
        folder("XDG_CONFIG_HOME", ".config").join("kubelease/config.toml"),
    ))
}

fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ConfigFile::default());
        }
        Err(source) => {
            return Err(ConfigError::Unreadable {
                path: path.to_owned(),
                source,
            });
        }
    };
    let wrong = |message| ConfigError::Wrong {
        path: path.to_owned(),
        message,
    };
    let mut file: ConfigFile = toml::from_str(&text).map_err(|e| wrong(told(&text, &e)))?;
    file.check().map_err(wrong)?;
    if config::holds_secret(&file.notify, file.smtp.as_ref()) && others_can_read(path) {
        file.exposed = Some(format!(
            "{} holds a secret and others can read it, so nothing is sent: chmod 600 {}",
            path.display(),
            path.display()
        ));
    }
    Ok(file)
}

/// Line and caret; where the file may hold a secret, the line's number alone.
fn told(text: &str, error: &toml::de::Error) -> String {
    if !["notify", "smtp"].iter().any(|word| text.contains(word)) {
        return error.to_string();
    }
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or(0, |before| before.matches('\n').count()) + 1;
    format!("line {line}: {}", error.message())
}

fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_simulation_has_its_own_home() {
        let env = Env::of([("HOME", "/h")]);
        let real = Settings::load(env.clone(), None, None).unwrap();
        let sim = Settings::load(env, None, Some("http://x".into())).unwrap();
        assert_eq!(
            real.ledger.to_string(),
            "/h/.local/share/kubelease/ledger.db"
        );
        assert_ne!(real.ledger.to_string(), sim.ledger.to_string());
    }

    #[test]
    fn flags_win_over_environment() {
        let env = Env::of([
            ("HOME", "/h"),
            (env::HOME, "/e"),
            (env::LEDGER, "sqlite:/l.db"),
        ]);
        let s = Settings::load(env, Some("/f".into()), None).unwrap();
        assert_eq!(
            (s.home, s.ledger.to_string()),
            (PathBuf::from("/f"), "/l.db".to_owned())
        );
    }

    #[test]
    fn only_the_clouds_that_are_named_are_asked() {
        let file: ConfigFile = toml::from_str("providers = [\"linode\"]").unwrap();
        assert!(file.asks(ProviderId::Linode) && !file.asks(ProviderId::Eks));
        assert!(ConfigFile::default().asks(ProviderId::Eks));
        toml::from_str::<ConfigFile>("providers = [\"hetzner\"]").unwrap_err();
    }

    #[test]
    fn the_environment_names_an_owner_stronger_than_the_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.toml"), "owner = \"ada\"").unwrap();
        let owner = |more: &[(&str, &str)]| {
            let env = Env::of(more.iter().copied());
            let settings = Settings::load(env, Some(home.path().to_owned()), None);
            settings.map(|s| s.file.owner.unwrap().to_string())
        };
        assert_eq!(owner(&[]).unwrap(), "ada");
        assert_eq!(owner(&[(env::OWNER, "bob")]).unwrap(), "bob");
        assert!(matches!(
            owner(&[(env::OWNER, "b b")]),
            Err(ConfigError::Owner(_))
        ));
    }

    #[test]
    fn other_databases_are_refused_by_name() {
        let env = Env::of([("HOME", "/h"), (env::LEDGER, "mysql://x")]);
        assert!(
            Settings::load(env, None, None)
                .unwrap_err()
                .to_string()
                .contains("mysql://x")
        );
    }
}
