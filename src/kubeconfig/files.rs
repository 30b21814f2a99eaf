//! Which files, and how they are read and replaced. Knows nothing of what is in them.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::error::KubeconfigError;

/// A kubeconfig holds some certificates; more than this is a mistake.
const LARGEST_FILE: u64 = 16 * 1024 * 1024;

/// Symbolic links are followed this far, as the kernel does.
const MOST_LINKS: usize = 40;

/// The user's kubeconfigs in the order in which kubectl reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubeconfigs(Vec<PathBuf>);

impl Kubeconfigs {
    /// As kubectl finds them: the list in `KUBECONFIG` (without empty and repeated entries), else
    /// `.kube/config` in `home`.
    #[must_use]
    pub fn new(variable: Option<&OsStr>, home: &Path) -> Self {
        let mut files = Vec::new();
        for path in std::env::split_paths(variable.unwrap_or_default()) {
            if !path.as_os_str().is_empty() && !files.contains(&path) {
                files.push(path);
            }
        }
        if files.is_empty() {
            files.push(home.join(".kube").join("config"));
        }
        Self(files)
    }

    /// Just that file.
    #[must_use]
    pub fn one(path: impl Into<PathBuf>) -> Self {
        Self(vec![path.into()])
    }

    /// All of them, at least one.
    #[must_use]
    pub fn all(&self) -> &[PathBuf] {
        &self.0
    }

    /// Where kubectl writes a new entry and the current context: the first that exists, else the last.
    #[must_use]
    pub fn target(&self) -> &Path {
        let first = self.0.iter().find(|path| path.exists());
        first
            .or(self.0.last())
            .map_or(Path::new(""), PathBuf::as_path)
    }
}

/// Writes a lease's own kubeconfig: atomically, readable by its owner alone. Folders that are missing
/// are made, for the owner alone too; those that exist are left as they are.
///
/// # Errors
/// The file or a folder could not be written.
pub fn write_file(path: &Path, text: &str) -> Result<(), KubeconfigError> {
    make_folder(path)?;
    replace(path, text, None)
}

/// Makes the folder of a file, for its owner alone.
pub(super) fn make_folder(path: &Path) -> Result<(), KubeconfigError> {
    let folder = folder_of(path);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|e| KubeconfigError::io("make the folder", folder, e))
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, KubeconfigError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KubeconfigError::Missing {
            path: path.to_owned(),
        },
        _ => KubeconfigError::io("read", path, source),
    };
    let unparsable = |why: &str| KubeconfigError::Unparsable {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
        .map_err(failed)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST_FILE {
        return Err(unparsable("it is larger than 16 MiB"));
    }
    String::from_utf8(bytes).map_err(|_| unparsable("it is not UTF-8 text"))
}

/// Where a path leads: symbolic links are followed, also to a file that is not there yet.
pub(super) fn follow(path: &Path) -> Result<PathBuf, KubeconfigError> {
    let mut real = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&real) {
            Ok(next) => real = folder_of(&real).join(next),
            // Not a link, or not there.
            Err(_) => return Ok(spelled(&real)),
        }
    }
    let endless = io::Error::other("too many symbolic links");
    Err(KubeconfigError::io("follow", path, endless))
}

/// The one spelling of a path whose folder exists; the file itself is not followed. Two spellings of
/// one file must lead to one lock.
pub(super) fn spelled(path: &Path) -> PathBuf {
    match (folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Replaces a file as a whole, or not at all. The permissions and the owner of `old` are kept; a new
/// file is for its owner alone. `path` must not be a symbolic link, or the link would be replaced.
pub(super) fn replace(
    path: &Path,
    text: &str,
    old: Option<&Metadata>,
) -> Result<(), KubeconfigError> {
    let failed = |e| KubeconfigError::io("write", path, e);
    let folder = folder_of(path);
    // Made with mode 0600: there is no moment at which others could read it.
    let mut new = tempfile::Builder::new()
        .prefix(".kubelease-")
        .tempfile_in(folder)
        .map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    if let Some(old) = old {
        keep_permissions(new.path(), new.as_file(), old).map_err(failed)?;
    }
    new.as_file().sync_all().map_err(failed)?;
    new.persist(path).map_err(|e| failed(e.error))?;
    // The new name is safe only when the folder is on disk too. Some file systems cannot do that.
    if cfg!(unix) {
        File::open(folder).and_then(|f| f.sync_all()).ok();
    }
    Ok(())
}

/// Gives the new file the owner and the permissions of the old one, so that `sudo kubelease` does not
/// take it away from the user. A group that we may not give loses its permissions: they would be
/// another group's.
#[cfg(unix)]
fn keep_permissions(path: &Path, new: &File, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let ours = new.metadata()?;
    let mut mode = old.mode() & 0o777;
    if ours.uid() != old.uid() {
        chown(path, Some(old.uid()), Some(old.gid()))?;
    } else if ours.gid() != old.gid() && chown(path, None, Some(old.gid())).is_err() {
        mode &= !0o070;
    }
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_permissions(_: &Path, new: &File, old: &Metadata) -> io::Result<()> {
    new.set_permissions(old.permissions())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
