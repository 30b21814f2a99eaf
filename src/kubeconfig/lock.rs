//! Locks around one kubeconfig, so that parallel edits lose nothing and a crash blocks nobody for ever.
//!
//! Two locks, taken in this order:
//! 1. `<file>.kubelease.lock`, locked through the operating system. It is what kubelease processes
//!    wait for among themselves. The system drops it when its holder dies, however it dies.
//! 2. `<file>.lock`, created exclusively and removed afterwards: the protocol of kubectl and of every
//!    other client-go program, so that they and we do not write at the same time.
//!
//! The second kind stays behind when its holder crashes. Ours says so in its text; as only the holder
//! of lock 1 may make one, finding it while we hold lock 1 proves that its maker is dead, and it is
//! taken over at once. One that is not ours (client-go's are empty and unreadable) is taken over when
//! it is 30 seconds old: client-go holds it for one read and write. "Old" compares two file times of
//! the same directory, that of the lock and that of a file we have just written, so no clock is asked
//! and a simulation's virtual time does not matter.
//!
//! On a network drive whose locks do not reach other machines, two machines that edit one file at the
//! same moment do not see each other.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::error::KubeconfigError;

/// How old a lock of another program must be to count as left behind by a crash.
const STALE: Duration = Duration::from_secs(30);

/// The first word in a `.lock` file of ours.
const OURS: &str = "kubelease";

/// How long to wait for a lock: up to `tries` attempts, with `pause` called between two of them. The
/// caller brings the pause (a thread sleep of some ten milliseconds of real time, because whoever holds
/// the lock is a real process even when the clouds are simulated); nothing here sleeps.
pub struct Patience<'a> {
    /// Attempts before giving up; at least one is made.
    pub tries: u32,
    /// Called between attempts.
    pub pause: &'a (dyn Fn() + Sync),
}

impl fmt::Debug for Patience<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patience")
            .field("tries", &self.tries)
            .finish_non_exhaustive()
    }
}

/// Both locks, held until dropped. Fields are dropped in order: kubectl's lock first.
#[derive(Debug)]
pub(super) struct Held {
    _shared: Vec<SharedLock>,
    _own: OwnLock,
}

/// Takes both locks. `named` is the file as the user calls it, `real` where symbolic links lead to:
/// kubectl locks the former, and two names of one file must exclude each other.
pub(super) fn lock(
    named: &Path,
    real: &Path,
    patience: &Patience<'_>,
) -> Result<Held, KubeconfigError> {
    let own_path = beside(real, ".kubelease.lock");
    let own = attempts(patience, real, &own_path, || OwnLock::take(&own_path))?;
    let mut shared = Vec::new();
    let mut paths = vec![beside(real, ".lock")];
    if named != real {
        paths.push(beside(named, ".lock"));
    }
    for path in paths {
        let lock = attempts(patience, real, &path, || SharedLock::take(&path, &own))?;
        shared.push(lock);
    }
    Ok(Held {
        _shared: shared,
        _own: own,
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Tries until it is taken; `None` means that somebody else has it.
fn attempts<T>(
    patience: &Patience<'_>,
    file: &Path,
    lock: &Path,
    mut take: impl FnMut() -> io::Result<Option<T>>,
) -> Result<T, KubeconfigError> {
    for attempt in 0..patience.tries.max(1) {
        if attempt > 0 {
            (patience.pause)();
        }
        if let Some(held) = take().map_err(|e| KubeconfigError::io("lock", lock, e))? {
            return Ok(held);
        }
    }
    Err(KubeconfigError::Locked {
        path: file.to_owned(),
        lock: lock.to_owned(),
    })
}

/// The lock among kubelease processes.
#[derive(Debug)]
struct OwnLock {
    path: PathBuf,
    file: File,
}

impl OwnLock {
    fn take(path: &Path) -> io::Result<Option<Self>> {
        Self::lock(Self::open(path)?, path)
    }

    fn open(path: &Path) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        private(&mut options).open(path)
    }

    fn lock(file: File, path: &Path) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        // The holder before us removed the file after we had opened it: what we hold locks nobody out.
        if !same_file(&file, path) {
            return Ok(None);
        }
        Ok(Some(Self {
            path: path.to_owned(),
            file,
        }))
    }

    /// The time now, as the file system that holds the locks tells it.
    fn file_time(&self) -> io::Result<SystemTime> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.write_all(std::process::id().to_string().as_bytes())?;
        self.file.metadata()?.modified()
    }
}

impl Drop for OwnLock {
    fn drop(&mut self) {
        // Removed while still held; whoever opened it meanwhile notices by `same_file`. If it cannot be
        // removed, an unlocked file stays, which is harmless.
        if cfg!(unix) {
            fs::remove_file(&self.path).ok();
        }
    }
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |m: fs::Metadata| (m.dev(), m.ino());
    match (file.metadata().map(id), fs::metadata(path).map(id)) {
        (Ok(ours), Ok(there)) => ours == there,
        _ => false,
    }
}

/// Elsewhere the file is never removed, so it is always the same.
#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> bool {
    true
}

/// The lock that kubectl knows.
#[derive(Debug)]
struct SharedLock {
    path: PathBuf,
}

impl SharedLock {
    fn take(path: &Path, own: &OwnLock) -> io::Result<Option<Self>> {
        if let Some(lock) = Self::create(path)? {
            return Ok(Some(lock));
        }
        if !Self::is_left_behind(path, own)? {
            return Ok(None);
        }
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _ => Self::create(path),
        }
    }

    fn create(path: &Path) -> io::Result<Option<Self>> {
        let mut options = OpenOptions::new();
        let file = private(options.create_new(true).write(true)).open(path);
        match file {
            Ok(mut file) => {
                let lock = Self {
                    path: path.to_owned(),
                };
                writeln!(file, "{OURS} {}", std::process::id())?;
                Ok(Some(lock))
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// See the module's text. A lock that vanishes meanwhile is simply tried again.
    fn is_left_behind(path: &Path, own: &OwnLock) -> io::Result<bool> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        // A folder or a pipe is nobody's lock, but not ours to remove either.
        if !found.is_file() {
            return Ok(false);
        }
        if fs::read(path).is_ok_and(|text| text.starts_with(OURS.as_bytes())) {
            return Ok(true);
        }
        let made = found.modified()?;
        let age = own.file_time()?.duration_since(made).unwrap_or_default();
        Ok(age >= STALE)
    }
}

impl Drop for SharedLock {
    fn drop(&mut self) {
        // If it cannot be removed, the next kubelease takes it over by its text.
        fs::remove_file(&self.path).ok();
    }
}

/// Files that only their owner may read, where the system knows such a thing.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn config() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        (dir, path)
    }

    fn take(path: &Path, tries: u32, pause: &(dyn Fn() + Sync)) -> Result<Held, KubeconfigError> {
        lock(path, path, &Patience { tries, pause })
    }

    fn at_once(path: &Path) -> Result<Held, KubeconfigError> {
        take(path, 1, &|| {})
    }

    /// As client-go makes it: empty, and that old.
    fn kubectl_lock(path: &Path, age: Duration) {
        let file = File::create(path).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - age).unwrap();
    }

    #[test]
    fn excludes_others_and_leaves_nothing() {
        let (dir, path) = config();
        let held = at_once(&path).unwrap();
        assert!(beside(&path, ".lock").exists());
        let error = at_once(&path).unwrap_err();
        assert!(
            error.to_string().contains("config.kubelease.lock"),
            "{error}"
        );
        drop(held);
        drop(at_once(&path).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_its_holder_removed_locks_nobody_out() {
        let (_dir, path) = config();
        let held = OwnLock::take(&path).unwrap().unwrap();
        let waiting = OwnLock::open(&path).unwrap();
        drop(held);
        assert!(OwnLock::lock(waiting, &path).unwrap().is_none());
        let late = OwnLock::open(&path).unwrap();
        let next = OwnLock::take(&path).unwrap().unwrap();
        drop(next);
        let after = OwnLock::take(&path).unwrap().unwrap();
        assert!(OwnLock::lock(late, &path).unwrap().is_none());
        drop(after);
    }

    #[test]
    fn what_a_crashed_kubelease_leaves_does_not_block() {
        let (_dir, path) = config();
        fs::write(beside(&path, ".kubelease.lock"), "4711").unwrap();
        fs::write(beside(&path, ".lock"), "kubelease 4711\n").unwrap();
        assert!(at_once(&path).is_ok());
    }

    #[test]
    fn a_lock_of_kubectl_is_respected_until_it_is_stale() {
        let (_dir, path) = config();
        let theirs = beside(&path, ".lock");
        kubectl_lock(&theirs, Duration::from_secs(25));
        let error = at_once(&path).unwrap_err();
        assert!(matches!(&error, KubeconfigError::Locked { lock, .. } if *lock == theirs));
        assert_eq!(
            error.hint().unwrap(),
            format!(
                "if no kubectl or kubelease is running: rm {}",
                theirs.display()
            )
        );
        assert!(theirs.exists());
        kubectl_lock(&theirs, Duration::from_secs(31));
        drop(at_once(&path).unwrap());
        assert!(!theirs.exists());
    }

    #[test]
    fn a_lock_from_the_future_is_not_stale() {
        let (_dir, path) = config();
        let theirs = beside(&path, ".lock");
        let file = File::create(&theirs).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now + Duration::from_secs(3600)).unwrap();
        assert!(at_once(&path).is_err());
    }

    #[test]
    fn waits_a_bounded_number_of_times() {
        let (_dir, path) = config();
        let pauses = std::sync::atomic::AtomicU32::new(0);
        let count = || {
            pauses.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let held = at_once(&path).unwrap();
        assert!(take(&path, 5, &count).is_err());
        assert_eq!(pauses.load(std::sync::atomic::Ordering::Relaxed), 4);
        drop(held);

        let theirs = beside(&path, ".lock");
        kubectl_lock(&theirs, Duration::ZERO);
        let released = || fs::remove_file(&theirs).unwrap();
        assert!(take(&path, 2, &released).is_ok());
    }

    #[test]
    fn a_folder_in_the_way_is_left_alone() {
        let (_dir, path) = config();
        fs::create_dir(beside(&path, ".lock")).unwrap();
        assert!(matches!(
            at_once(&path),
            Err(KubeconfigError::Locked { .. })
        ));
    }

    #[test]
    fn both_names_of_a_link_are_locked() {
        let (_dir, path) = config();
        let link = path.with_file_name("link");
        let patience = Patience {
            tries: 1,
            pause: &|| {},
        };
        let held = lock(&link, &path, &patience).unwrap();
        assert!(beside(&path, ".lock").exists() && beside(&link, ".lock").exists());
        assert!(at_once(&path).is_err());
        drop(held);
        assert!(!beside(&link, ".lock").exists());
    }
}
