//! Recordings that are given by hand: local files, and objects in S3.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use job::recording::{Identity, ObjectVersion, SourceUri, hex};
use sha2::{Digest, Sha256};

use crate::exit::{NoInput, Usage};
use crate::wire::Wiring;

/// A recording with what makes it itself.
pub enum GivenRecording {
    /// A file of this machine.
    File(LocalFile),
    /// An object in S3.
    Object {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// Length in bytes.
        size: u64,
        /// Which version of it.
        version: ObjectVersion,
    },
}

impl GivenRecording {
    /// Looks at the recording of a path or an `s3://` URL.
    ///
    /// # Errors
    /// If it is not there, or cannot be looked at.
    pub async fn look(given: &Path, wiring: &Wiring) -> anyhow::Result<Self> {
        let Some(url) = given.to_str().filter(|text| text.contains("://")) else {
            return Ok(Self::File(LocalFile::open(given)?));
        };
        let named = SourceUri::try_from(url.to_owned());
        let Ok(SourceUri::S3 { bucket, key }) = named else {
            return Err(Usage(format!("{url}: give a local file or s3://bucket/key")).into());
        };
        let stored = wiring.bucket(&bucket).await?.head(&key).await?;
        let stored = stored.ok_or_else(|| NoInput(format!("there is no recording at {url}")))?;
        let etag = Some(stored.version.0.trim_matches('"').to_owned());
        let version = ObjectVersion { id: stored.version_id, etag };
        Ok(Self::Object { bucket, key, size: stored.size, version })
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::File(file) => file.size,
            Self::Object { size, .. } => *size,
        }
    }

    /// Where it is.
    ///
    /// # Errors
    /// If it is a file whose name is not UTF-8.
    pub fn source(&self) -> anyhow::Result<SourceUri> {
        Ok(match self {
            Self::File(file) => SourceUri::File(file.path_text()?),
            Self::Object { bucket, key, .. } => {
                SourceUri::S3 { bucket: bucket.clone(), key: key.clone() }
            }
        })
    }

    /// What makes it itself.
    ///
    /// # Errors
    /// As for [`Self::source`].
    pub fn identity(&self) -> anyhow::Result<Identity> {
        Ok(match self {
            Self::File(file) => Identity::Content { sha256: file.sha256.clone() },
            Self::Object { size, version, .. } => Identity::Location {
                uri: self.source()?.to_string(),
                version: version.clone(),
                size: *size,
            },
        })
    }
}

/// A local file that is a recording, with what makes it itself.
pub struct LocalFile {
    /// Absolute path without symbolic links.
    pub path: PathBuf,
    /// Length in bytes.
    pub size: u64,
    /// Digest in lower-case hexadecimal.
    pub sha256: String,
}

impl LocalFile {
    /// Reads the whole file for its digest.
    ///
    /// # Errors
    /// If there is no such regular file, or it cannot be read or named in UTF-8.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let missing = |reason: &str| NoInput(format!("{}: {reason}", path.display()));
        let path = path.canonicalize().map_err(|error| missing(&error.to_string()))?;
        let mut file = File::open(&path).map_err(|error| missing(&error.to_string()))?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(missing("not a file").into());
        }
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let length =
                file.read(&mut buffer).with_context(|| format!("reading {}", path.display()))?;
            if length == 0 {
                break;
            }
            digest.update(&buffer[..length]);
        }
        Ok(Self { path, size: metadata.len(), sha256: hex(&digest.finalize()) })
    }

    /// The path as text, which messages and plans need.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn path_text(&self) -> anyhow::Result<String> {
        let text = self.path.to_str().map(str::to_owned);
        text.ok_or_else(|| {
            NoInput(format!("{}: the name is not UTF-8, rename the file", self.path.display()))
                .into()
        })
    }
}
