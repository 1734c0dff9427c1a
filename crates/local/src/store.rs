//! A directory as the store.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use job::names::ObjectKind;
use job::ports::{Conditional, Object, Store, StoreError, Version};
use job::recording::hex;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::durable;

/// Held while what is there is compared and replaced.
const LOCK_FILE: &str = ".lock";

/// A web server that runs as another user must be able to read what is published.
const MODE: u32 = 0o644;

/// A directory in which an object's name is its path, for any number of processes.
///
/// A reader sees an object as a whole or not at all, and what was written outlives a power cut. An object's version is the SHA-256
/// of its bytes. Names that begin with a dot, or with one in a component, are the store's own: temporary files, which a killed
/// process may leave behind, and a lock file in the root. Kinds are not kept: a web server knows them by the names' endings.
///
/// Symbolic links below the root are refused. This guards against mistakes, not against somebody who can write to the root.
#[derive(Clone, Debug)]
pub struct DirectoryStore {
    root: Arc<Path>,
}

/// Why a name or a file did not do.
enum Fault {
    Name(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl DirectoryStore {
    /// Opens the store in the directory `root`, and makes the directory if there is none. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        durable::make_directories(root)
            .map_err(|error| explain("open", &root.display().to_string(), Fault::Io(error)))?;
        Ok(Self { root: root.into() })
    }

    /// Runs `work` with the object's path on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        operation: &'static str,
        name: &str,
        work: impl FnOnce(&Path, &Path) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (root, object) = (Arc::clone(&self.root), name.to_owned());
        let task = tokio::task::spawn_blocking(move || work(&root, &locate(&root, &object)?));
        match task.await {
            Ok(result) => result.map_err(|fault| explain(operation, name, fault)),
            Err(stopped) => Err(StoreError {
                operation,
                name: name.to_owned(),
                reason: format!("the call was interrupted: {stopped}"),
                transient: true,
            }),
        }
    }
}

#[async_trait]
impl Store for DirectoryStore {
    /// Copies the file. A hard link would be cheaper, but would let whoever still writes to the file change what is published.
    async fn upload(&self, name: &str, _kind: ObjectKind, file: &Path) -> Result<(), StoreError> {
        let source = file.to_owned();
        self.blocking("upload", name, move |_, target| {
            let mut copy = temporary_for(target)?;
            io::copy(&mut File::open(source)?, copy.as_file_mut())?;
            durable::seal(&copy, MODE)?;
            Ok(durable::replace(copy, target)?)
        })
        .await
    }

    async fn put(&self, name: &str, _kind: ObjectKind, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes = bytes.to_owned();
        self.blocking("put", name, move |root, target| {
            let file = sealed(target, &bytes)?;
            let _lock = lock(root)?;
            Ok(durable::replace(file, target)?)
        })
        .await
    }

    async fn create(
        &self,
        name: &str,
        _kind: ObjectKind,
        bytes: &[u8],
    ) -> Result<Conditional, StoreError> {
        let bytes = bytes.to_owned();
        self.blocking("create", name, move |_, target| {
            let created = durable::create(sealed(target, &bytes)?, target)?;
            Ok(if created { Conditional::Written } else { Conditional::Refused })
        })
        .await
    }

    async fn replace(
        &self,
        name: &str,
        _kind: ObjectKind,
        bytes: &[u8],
        version: &Version,
    ) -> Result<Conditional, StoreError> {
        let (bytes, expected) = (bytes.to_owned(), version.clone());
        self.blocking("replace", name, move |root, target| {
            let _lock = lock(root)?;
            match read(target)? {
                Some(current) if current.version == expected => {
                    durable::replace(sealed(target, &bytes)?, target)?;
                    Ok(Conditional::Written)
                }
                _ => Ok(Conditional::Refused),
            }
        })
        .await
    }

    async fn get(&self, name: &str) -> Result<Option<Object>, StoreError> {
        self.blocking("get", name, |_, path| read(path)).await
    }

    async fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.blocking("size", name, |_, path| size(path)).await
    }
}

/// The path of an object, if the name is one that stays below the root.
fn locate(root: &Path, name: &str) -> Result<PathBuf, Fault> {
    let mut path = root.to_owned();
    for component in name.split('/') {
        if component.is_empty() {
            return Err(Fault::Name("the name is empty, absolute or has an empty component"));
        }
        if component.starts_with('.') {
            return Err(Fault::Name("a component of the name begins with a dot"));
        }
        if component.contains('\0') {
            return Err(Fault::Name("the name has a zero byte in it"));
        }
        path.push(component);
        if path.is_symlink() {
            return Err(Fault::Name("a symbolic link is in the way"));
        }
    }
    Ok(path)
}

fn temporary_for(target: &Path) -> io::Result<NamedTempFile> {
    let directory = durable::parent_of(target);
    durable::make_directories(directory)?;
    durable::temporary(directory)
}

fn sealed(target: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = temporary_for(target)?;
    file.write_all(bytes)?;
    durable::seal(&file, MODE)?;
    Ok(file)
}

/// Keeps all other writers of the store out until it is dropped; the kernel drops it with the process.
fn lock(root: &Path) -> io::Result<File> {
    let file =
        File::options().create(true).truncate(false).write(true).open(root.join(LOCK_FILE))?;
    file.lock()?;
    Ok(file)
}

fn read(path: &Path) -> Result<Option<Object>, Fault> {
    if size(path)?.is_none() {
        return Ok(None);
    }
    // Nothing is ever removed from a store, so what has a size can be read.
    let bytes = fs::read(path)?;
    let version = Version(hex(&Sha256::digest(&bytes)));
    Ok(Some(Object { bytes, version }))
}

fn size(path: &Path) -> Result<Option<u64>, Fault> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Ok(None),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(Fault::Io(error)),
        },
    }
}

fn explain(operation: &'static str, name: &str, fault: Fault) -> StoreError {
    let (reason, transient) = match fault {
        Fault::Name(reason) => (reason.to_owned(), false),
        Fault::Io(error) => match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ("the disk is full; free some space".to_owned(), true)
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                ("a file is where a directory must be".to_owned(), false)
            }
            io::ErrorKind::IsADirectory => {
                ("a directory is where the object must be".to_owned(), false)
            }
            io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::NotFound
            | io::ErrorKind::InvalidFilename => (error.to_string(), false),
            _ => (error.to_string(), true),
        },
    };
    StoreError { operation, name: name.to_owned(), reason, transient }
}
