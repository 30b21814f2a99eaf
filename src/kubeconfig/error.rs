//! What can go wrong with a kubeconfig. Messages never quote the file's content: it holds tokens.

use std::io;
use std::path::{Path, PathBuf};

/// Why a kubeconfig was not read or changed. Whatever it says, the file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum KubeconfigError {
    /// There is no such file. Harmless when entries were to be removed.
    #[error("there is no {}", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// Reading, writing or replacing failed.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// What we were doing: `read`, `write`, `lock`.
        what: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not YAML, or YAML that is no kubeconfig.
    #[error("{} is not a kubeconfig: {why}", path.display())]
    Unparsable {
        /// Which file.
        path: PathBuf,
        /// Where and why, without the text itself.
        why: String,
    },
    /// An entry of our name belongs to somebody else.
    #[error("{} already has a {part} `{name}` that is not this lease's ({other})", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// `cluster`, `context` or `user`.
        part: &'static str,
        /// The name that is taken.
        name: String,
        /// What the other one is, safe to print.
        other: String,
    },
    /// Somebody else holds the lock.
    #[error("{} is locked by another program ({})", path.display(), lock.display())]
    Locked {
        /// Which file.
        path: PathBuf,
        /// The lock file that stayed.
        lock: PathBuf,
    },
    /// A path that a kubeconfig cannot hold.
    #[error("{}: {why}", path.display())]
    BadPath {
        /// Which path.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
}

impl KubeconfigError {
    /// What the reader can do, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Foreign { part, name, .. } => Some(format!(
                "if nobody needs it: kubectl config {}",
                match *part {
                    "cluster" => format!("delete-cluster {name}"),
                    "context" => format!("delete-context {name}"),
                    _ => format!("delete-user {name}"),
                }
            )),
            Self::Locked { lock, .. } => Some(format!(
                "if no kubectl or kubelease is running: rm {}",
                lock.display()
            )),
            Self::Unparsable { .. } => {
                Some("mend the file, or use the lease's own: kubelease kubeconfig NAME".to_owned())
            }
            _ => None,
        }
    }

    /// Whether the file just is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }

    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
