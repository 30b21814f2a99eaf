//! Where a profile comes from: the ones in the binary, or a file. The only place here that does I/O.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::suggest::nearest;
use super::{Profile, ProfileError, parse};

/// The built-in profiles: name and text.
const BUILTIN: [(&str, &str); 4] = [
    (
        "first-steps",
        include_str!("../../profiles/first-steps.toml"),
    ),
    ("workloads", include_str!("../../profiles/workloads.toml")),
    ("ckad", include_str!("../../profiles/ckad.toml")),
    ("cka", include_str!("../../profiles/cka.toml")),
];

/// A profile is a page of text; more is a mistake.
const LARGEST_FILE: u64 = 1024 * 1024;

/// The text of a built-in profile.
#[must_use]
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| text)
}

/// The names of the built-in profiles, from easy to hard.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTIN.into_iter().map(|(name, _)| name)
}

/// Why a profile could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No built-in profile has that name, and it does not look like a path.
    #[error("there is no profile `{name}`{}; built in are {}; a file needs a path: `./{name}.toml`",
        suggestion.map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default(),
        builtin_names().collect::<Vec<_>>().join(", "))]
    Unknown {
        /// What was asked for, safe to print.
        name: String,
        /// The nearest built-in name.
        suggestion: Option<&'static str>,
    },
    /// The file could not be read.
    #[error("cannot read the profile {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than a mebibyte.
    #[error("{} is no profile: it is larger than 1 MiB", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// Not text.
    #[error("{} is no profile: it is not UTF-8 text", path.display())]
    NotUtf8 {
        /// Which file.
        path: PathBuf,
    },
    /// It was read and is wrong.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// Loads a profile: a file when `arg` has a `/` or ends with `.toml`, else a built-in one.
///
/// # Errors
/// The name is unknown, the file is unreadable, too large or no text, or the profile is wrong.
pub fn load(arg: &str) -> Result<Profile, LoadError> {
    if arg.contains('/') || Path::new(arg).extension().is_some_and(|e| e == "toml") {
        return Ok(parse(&read(Path::new(arg))?, arg)?);
    }
    match builtin(arg) {
        Some(text) => Ok(parse(text, &format!("profiles/{arg}.toml"))?),
        None => Err(LoadError::Unknown {
            name: kubelease_core::error::printable(arg),
            suggestion: nearest(arg, builtin_names()),
        }),
    }
}

fn read(path: &Path) -> Result<String, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(LoadError::TooLarge {
            path: path.to_owned(),
        });
    }
    String::from_utf8(bytes).map_err(|_| LoadError::NotUtf8 {
        path: path.to_owned(),
    })
}
