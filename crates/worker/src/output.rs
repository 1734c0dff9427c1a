//! The output directory of a child process. The child has parsed hostile bytes, so nothing that it says is believed: not its file names, not
//! that they are files, not their sizes.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Longest JSON that is read: the index of 12 hours at 60 frames/s has about 110 MB.
const LONGEST_JSON: u64 = 256 << 20;
/// Longest file that is uploaded as a segment: 30 s at 200 Mbit/s fits.
const LONGEST_SEGMENT: u64 = 1 << 30;

/// Something in an output directory that is not what it should be.
#[derive(Debug, Error)]
pub enum BadOutput {
    /// A name that could lead out of the directory.
    #[error("{0:?} is not a plain file name")]
    Name(String),
    /// A link, a pipe, a directory.
    #[error("{0:?} is not a regular file")]
    NotAFile(String),
    /// Too large to be what it claims to be.
    #[error("{0:?} has {1} bytes, which is more than it can need")]
    TooLong(String, u64),
    /// It cannot be read.
    #[error("{0:?} cannot be read: {1}")]
    Unreadable(String, io::Error),
    /// It is not the JSON that it should be.
    #[error("{0:?} does not hold what it should: {1}")]
    Content(String, serde_json::Error),
    /// What it describes is not what was asked for.
    #[error("{0}")]
    NotAsked(String),
}

/// The path of a regular file that the child left in `directory`.
fn file(directory: &Path, name: &str, longest: u64) -> Result<PathBuf, BadOutput> {
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0']);
    if !plain {
        return Err(BadOutput::Name(name.to_owned()));
    }
    let path = directory.join(name);
    let metadata = fs::symlink_metadata(&path)
        .map_err(|error| BadOutput::Unreadable(name.to_owned(), error))?;
    if !metadata.is_file() {
        return Err(BadOutput::NotAFile(name.to_owned()));
    }
    if metadata.len() > longest {
        return Err(BadOutput::TooLong(name.to_owned(), metadata.len()));
    }
    Ok(path)
}

fn bytes(directory: &Path, name: &str, longest: u64) -> Result<(PathBuf, Vec<u8>), BadOutput> {
    let path = file(directory, name, longest)?;
    let unreadable = |error| BadOutput::Unreadable(name.to_owned(), error);
    let mut bytes = Vec::new();
    let opened = File::open(&path).map_err(unreadable)?;
    opened.take(longest).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok((path, bytes))
}

/// Reads the JSON file `name`.
///
/// # Errors
/// If it is not a regular file of that JSON.
pub(crate) fn json<T: DeserializeOwned>(directory: &Path, name: &str) -> Result<T, BadOutput> {
    let (_, bytes) = bytes(directory, name, LONGEST_JSON)?;
    serde_json::from_slice(&bytes).map_err(|error| BadOutput::Content(name.to_owned(), error))
}

/// Reads the segment `name`; its path and its bytes.
///
/// # Errors
/// If it is not a regular file.
pub(crate) fn segment(directory: &Path, name: &str) -> Result<(PathBuf, Vec<u8>), BadOutput> {
    bytes(directory, name, LONGEST_SEGMENT)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_child_names_nothing_but_its_own_files() {
        let root = tempfile::tempdir().unwrap();
        let output = root.path().join("output");
        fs::create_dir_all(output.join("directory")).unwrap();
        fs::write(root.path().join("secret"), "secret").unwrap();
        fs::write(output.join("good"), "good").unwrap();
        symlink(root.path().join("secret"), output.join("link")).unwrap();
        assert_eq!(segment(&output, "good").unwrap().1, b"good");
        let absolute = root.path().join("secret");
        for name in
            ["", ".", "..", "../secret", "./good", "a/b", "nul\0", absolute.to_str().unwrap()]
        {
            assert!(matches!(segment(&output, name), Err(BadOutput::Name(_))), "{name}");
        }
        for name in ["link", "directory"] {
            assert!(matches!(segment(&output, name), Err(BadOutput::NotAFile(_))), "{name}");
        }
        assert!(matches!(segment(&output, "none"), Err(BadOutput::Unreadable(..))));
        assert!(matches!(bytes(&output, "good", 3), Err(BadOutput::TooLong(_, 4))));
        assert!(matches!(json::<u32>(&output, "good"), Err(BadOutput::Content(..))));
    }
}
