//! Local files as recordings.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use job::recording::hex;
use sha2::{Digest, Sha256};

use crate::exit::NoInput;

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
