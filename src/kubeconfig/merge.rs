//! Our three entries in the user's kubeconfig: put in, and taken out again with everything as before.

use std::fs;
use std::path::{Path, PathBuf};

use kubelease_core::error::printable;
use serde_json::{Value, json};

use super::document::{Config, Part, mark};
use super::error::KubeconfigError;
use super::files::{Kubeconfigs, follow, make_folder, read, replace, spelled};
use super::lock::{Patience, lock};
use super::{Entry, context_name};

/// What a merge did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The file with our entries.
    pub file: PathBuf,
    /// The context that is current now: `kubelease-<name>`.
    pub context: String,
    /// The one that was current before, if any; [`remove`] returns to it.
    pub previous: Option<String>,
    /// Whether any file was changed; a second merge changes nothing.
    pub changed: bool,
}

/// What a removal did. It has no error: teardown goes on, and `problems` are shown at its end.
#[derive(Debug, Default)]
pub struct Removed {
    /// The files from which entries were removed.
    pub files: Vec<PathBuf>,
    /// The context that is current again, when ours was and the previous one still exists.
    pub restored: Option<String>,
    /// Files that were missing, unreadable, locked or hold an entry of our name that is not ours.
    pub problems: Vec<KubeconfigError>,
}

/// Puts a lease into the user's kubeconfig and makes it current. Doing so again changes nothing.
///
/// With several files this does as kubectl does: entries that are there already are changed where they
/// are, new ones and the current context go into [`Kubeconfigs::target`], and what is current is what
/// the first file with a current context says.
///
/// # Errors
/// A file is unreadable or stays locked, or an entry of our name has another server.
pub fn merge(
    entry: &Entry,
    files: &Kubeconfigs,
    patience: &Patience<'_>,
) -> Result<Merged, KubeconfigError> {
    let name = context_name(&entry.name);
    let target = files.target();
    let home = home(files, &name)?.unwrap_or(target);
    let mut previous = None;
    let mut changed = edit(home, patience, Config::empty, |config| {
        let current = effective(files, home, config)?;
        claim(config, &name, &entry.server, home)?;
        previous = match current {
            Some(current) if current == name => config.previous(&name).map(str::to_owned),
            other => other,
        };
        insert(config, &name, entry, previous.as_deref())?;
        if home == target {
            config.set_current(Some(&name));
        }
        Ok(())
    })?;
    if home != target {
        changed |= edit(target, patience, Config::empty, |config| {
            config.set_current(Some(&name));
            Ok(())
        })?;
    }
    Ok(Merged {
        file: home.to_owned(),
        context: name,
        previous,
        changed,
    })
}

/// Takes a lease out of the user's kubeconfigs: our cluster, context and user, in every file whose
/// cluster has that server. When ours was current, the previous context is again, if it still exists.
pub fn remove(
    lease_name: &str,
    server: &str,
    files: &Kubeconfigs,
    patience: &Patience<'_>,
) -> Removed {
    let name = context_name(lease_name);
    let mut removed = Removed::default();
    let mut homes = Vec::new();
    for path in files.all() {
        let found = peek(path).and_then(|config| {
            let ours = is_ours(&config, &name, server, path)?;
            Ok(ours.then(|| Gone::from(&config, &name, files, path)))
        });
        match found {
            Ok(Some(gone)) => homes.push((path, gone)),
            Ok(None) => {}
            Err(problem) => removed.problems.push(problem),
        }
    }
    // The current context of other files first: were we killed in between, our entries would still be
    // there, and the next teardown would find them.
    for (home, gone) in &homes {
        for path in files.all().iter().filter(|path| path != home) {
            if peek(path).is_ok_and(|config| gone.holds_current(&config)) {
                let edited = edit_existing(path, patience, |c| gone.leave(c, &mut removed));
                removed.problems.extend(edited.err());
            }
        }
    }
    for (path, _) in homes {
        let edited = edit_existing(path, patience, |config| {
            // Looked at again under the lock: the file may have changed.
            if is_ours(config, &name, server, path).unwrap_or(false) {
                let gone = Gone::from(config, &name, files, path);
                gone.leave(config, &mut removed);
                take_out(config, &name, &gone);
            }
        });
        match edited {
            Ok(true) => removed.files.push(path.clone()),
            Ok(false) => {}
            Err(problem) => removed.problems.push(problem),
        }
    }
    removed
}

/// The contexts that are being removed from one file, and where to go from there.
#[derive(Debug)]
struct Gone {
    contexts: Vec<String>,
    /// None when it no longer exists in any file.
    previous: Option<String>,
}

impl Gone {
    /// `config` is what `path` holds.
    fn from(config: &Config, name: &str, files: &Kubeconfigs, path: &Path) -> Self {
        let contexts = config.our_contexts(name);
        let has = |config: &Config, name: &str| config.get(Part::Context, name).is_some();
        let elsewhere = |name: &str| {
            let others = files.all().iter().filter(|other| *other != path);
            let mut configs = others.filter_map(|other| peek(other).ok());
            configs.any(|config| has(&config, name))
        };
        let previous = contexts
            .iter()
            .filter_map(|context| config.previous(context))
            .find(|previous| {
                let goes_too = contexts.iter().any(|context| context == previous);
                !goes_too && (has(config, previous) || elsewhere(previous))
            })
            .map(str::to_owned);
        Self { contexts, previous }
    }

    fn holds_current(&self, config: &Config) -> bool {
        let current = config.current();
        current.is_some_and(|c| self.contexts.iter().any(|gone| gone == c))
    }

    /// Returns to the previous context if one of those that go is current.
    fn leave(&self, config: &mut Config, removed: &mut Removed) {
        if self.holds_current(config) {
            config.set_current(self.previous.as_deref());
            removed.restored.clone_from(&self.previous);
        }
    }
}

fn take_out(config: &mut Config, name: &str, gone: &Gone) {
    for context in &gone.contexts {
        config.remove(Part::Context, context);
        config.relink(context, gone.previous.as_deref());
    }
    config.remove(Part::Cluster, name);
    if config.get(Part::User, name).is_some_and(is_our_user) {
        config.remove(Part::User, name);
    }
}

/// The first file that has an entry of this name.
fn home<'a>(files: &'a Kubeconfigs, name: &str) -> Result<Option<&'a Path>, KubeconfigError> {
    for path in files.all() {
        let config = match peek(path) {
            Err(e) if e.is_missing() => continue,
            other => other?,
        };
        if Part::ALL
            .into_iter()
            .any(|part| config.get(part, name).is_some())
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What kubectl takes as current: the first file that says so. `config` is what `own` holds.
fn effective(
    files: &Kubeconfigs,
    own: &Path,
    config: &Config,
) -> Result<Option<String>, KubeconfigError> {
    for path in files.all() {
        let current = if path == own {
            config.current().map(str::to_owned)
        } else {
            match peek(path) {
                Err(e) if e.is_missing() => continue,
                other => other?.current().map(str::to_owned),
            }
        };
        if current.is_some() {
            return Ok(current);
        }
    }
    Ok(None)
}

/// Refuses when an entry of our name is not this lease's.
fn claim(config: &Config, name: &str, server: &str, path: &Path) -> Result<(), KubeconfigError> {
    is_ours(config, name, server, path)?;
    let foreign = |part: Part| KubeconfigError::Foreign {
        path: path.to_owned(),
        part: part.word(),
        name: name.to_owned(),
        other: "kubelease did not make it".to_owned(),
    };
    if let Some(context) = config.get(Part::Context, name)
        && !(context["cluster"] == name && context["user"] == name)
    {
        return Err(foreign(Part::Context));
    }
    match config.get(Part::User, name) {
        Some(user) if !is_our_user(user) => Err(foreign(Part::User)),
        _ => Ok(()),
    }
}

/// Whether the file has our cluster; an error when it has one of that name with another server.
fn is_ours(
    config: &Config,
    name: &str,
    server: &str,
    path: &Path,
) -> Result<bool, KubeconfigError> {
    let Some(cluster) = config.get(Part::Cluster, name) else {
        return Ok(false);
    };
    let theirs = cluster["server"].as_str().unwrap_or("");
    if theirs.trim_end_matches('/') == server.trim_end_matches('/') {
        return Ok(true);
    }
    Err(KubeconfigError::Foreign {
        path: path.to_owned(),
        part: Part::Cluster.word(),
        name: name.to_owned(),
        other: match theirs {
            "" => "it has no server".to_owned(),
            theirs => format!("its server is {}", printable(theirs)),
        },
    })
}

/// Whether a user entry asks `kubelease credential`.
fn is_our_user(user: &Value) -> bool {
    user["exec"]["args"][0] == "credential"
}

fn insert(
    config: &mut Config,
    name: &str,
    entry: &Entry,
    previous: Option<&str>,
) -> Result<(), KubeconfigError> {
    // What the user added to our context, a namespace for instance, stays.
    let mut context = config
        .get(Part::Context, name)
        .filter(|old| old.is_object())
        .cloned()
        .unwrap_or_else(|| json!({}));
    context["cluster"] = Value::from(name);
    context["user"] = Value::from(name);
    mark(&mut context, previous);
    config.put(Part::Cluster, name, &entry.cluster());
    config.put(Part::User, name, &entry.user()?);
    config.put(Part::Context, name, &context);
    Ok(())
}

/// A look without a lock.
fn peek(path: &Path) -> Result<Config, KubeconfigError> {
    Config::parse(&read(path)?, path)
}

/// Changes one file under its locks: read, change, replace. A file that is missing starts as
/// `missing`. Returns whether anything changed; what did not change is not written.
fn edit(
    path: &Path,
    patience: &Patience<'_>,
    missing: impl FnOnce() -> Config,
    change: impl FnOnce(&mut Config) -> Result<(), KubeconfigError>,
) -> Result<bool, KubeconfigError> {
    make_folder(&follow(path)?)?;
    let real = follow(path)?;
    let _held = lock(&spelled(path), &real, patience)?;
    let before = match peek(&real) {
        Err(e) if e.is_missing() => None,
        other => Some(other?),
    };
    let old = fs::metadata(&real).ok();
    let mut after = before.clone().unwrap_or_else(missing);
    change(&mut after)?;
    if before.as_ref() == Some(&after) {
        return Ok(false);
    }
    replace(&real, &after.to_yaml(path)?, old.as_ref())?;
    Ok(true)
}

/// The same for a file that must be there, with a change that cannot fail.
fn edit_existing(
    path: &Path,
    patience: &Patience<'_>,
    change: impl FnOnce(&mut Config),
) -> Result<bool, KubeconfigError> {
    peek(path)?;
    edit(path, patience, Config::empty, |config| {
        change(config);
        Ok(())
    })
}
