//! Where things are: flags over environment over `config.toml` over defaults.

use std::path::{Path, PathBuf};

use kubelease_core::Money;
use serde::Deserialize;

use crate::env::{self, Env};
use crate::ledger::{NoOwnerName, NoPlace, OwnerName, Place};

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
    toml::from_str(&text).map_err(|error| ConfigError::Wrong {
        path: path.to_owned(),
        message: error.to_string(),
    })
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
