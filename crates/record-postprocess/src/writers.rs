//! Which files are open for writing, as far as this user may see.

use std::collections::HashSet;
use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The files that were open for writing when [`OpenForWriting::scan`] looked.
#[derive(Debug, Default)]
pub struct OpenForWriting(HashSet<(u64, u64)>);

impl OpenForWriting {
    /// Looks through `/proc/*/fd`. Processes of other users are invisible, to root none are.
    pub fn scan() -> Self {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        Self(processes.flat_map(|process| written_by(&process.path())).collect())
    }

    /// Whether some process has the file open for writing.
    pub fn contains(&self, metadata: &Metadata) -> bool {
        self.0.contains(&(metadata.dev(), metadata.ino()))
    }
}

/// Device and inode of what a process has open for writing. Processes and descriptors may vanish while we look.
fn written_by(process: &Path) -> impl Iterator<Item = (u64, u64)> + use<> {
    let info = process.join("fdinfo");
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.filter_map(move |descriptor: DirEntry| {
        // Follows the link to what is open, even if it has no name any more.
        let metadata = fs::metadata(descriptor.path()).ok().filter(Metadata::is_file)?;
        let text = fs::read_to_string(info.join(descriptor.file_name())).ok()?;
        is_writing(&text).then(|| (metadata.dev(), metadata.ino()))
    })
}

/// Whether the flags in a file of `/proc/PID/fdinfo` (octal, proc(5)) say `O_WRONLY` (1) or `O_RDWR` (2).
fn is_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & 0o3 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn readers_are_not_writers() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.flv");
        let writer = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        assert!(OpenForWriting::scan().contains(&metadata));
        drop(writer);
        let _reader = fs::File::open(&path).unwrap();
        assert!(!OpenForWriting::scan().contains(&metadata));
    }
}
