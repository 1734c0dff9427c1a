//! Files that are there as a whole or not at all, also after a power cut.
//!
//! A file is written under a temporary name in its own directory, synced, moved to its name, and the directory is synced.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// How temporary names begin.
const TEMPORARY_PREFIX: &str = ".tmp-";

/// A new file of a temporary name in `directory`; it is removed when dropped.
pub(crate) fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(directory)
}

/// Gives a written file its mode, whatever the umask, and puts it on disk.
pub(crate) fn seal(file: &NamedTempFile, mode: u32) -> io::Result<()> {
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()
}

/// Moves a sealed file to `target`, over what may be there.
pub(crate) fn replace(file: NamedTempFile, target: &Path) -> io::Result<()> {
    file.persist(target)?;
    sync_parent(target)
}

/// Moves a sealed file to `target` unless something is there; false if something is. Of several at once one wins.
pub(crate) fn create(file: NamedTempFile, target: &Path) -> io::Result<bool> {
    match file.persist_noclobber(target) {
        Ok(_) => sync_parent(target).map(|()| true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Makes a directory and those above it that are missing, of mode 0755 whatever the umask.
pub(crate) fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(parent)?;
    }
    match DirBuilder::new().create(directory) {
        Ok(()) => {
            fs::set_permissions(directory, Permissions::from_mode(0o755))?;
            sync_parent(directory)
        }
        // Somebody else was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// The directory that a path lies in; a bare name lies in the current one.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent_of(path))?.sync_all()
}
