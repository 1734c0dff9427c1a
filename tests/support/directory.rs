//! A test's own directory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use tempfile::TempDir;

use super::command::{Ended, run};
use super::presentation::Presentation;

/// A directory that is gone when the test ends, in which the program runs.
pub struct Dir(TempDir);

impl Dir {
    pub fn new() -> Self {
        let dir = Self(tempfile::tempdir().expect("there is room for temporary files"));
        // So that the settings of the machine's own daemon, if there is one, play no part.
        dir.write("no-settings.toml", "");
        dir
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).expect("the directory is writable");
        path
    }

    /// A copy of a file, as recorders leave one: under a name of its own.
    pub fn copy(&self, file: &Path, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::copy(file, &path).expect("the file can be copied");
        path
    }

    /// The program in this directory, with nothing set but what the test sets.
    pub fn transcoder(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transcoder"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TRANSCODER_") {
                command.env_remove(name);
            }
        }
        command.current_dir(self.0.path()).env("TRANSCODER_CONFIG", self.path("no-settings.toml"));
        // Where it works if the output is in S3.
        command.env_remove("CACHE_DIRECTORY").env("XDG_CACHE_HOME", self.path("cache"));
        command
    }

    /// `transcoder transcode INPUT -o vod OPTIONS`.
    pub fn transcode(&self, input: &Path, options: &[&str]) -> Ended {
        let mut command = self.transcoder();
        run(command.arg("transcode").arg(input).args(["-o", "vod"]).args(options))
    }

    /// Publishes a recording in `vod`, holds it against the bar and opens it.
    #[track_caller]
    pub fn publish(&self, input: &Path, options: &[&str]) -> Presentation {
        self.transcode(input, options).succeeds();
        self.has_no_blocker("vod");
        Presentation::open(&self.path("vod"))
    }

    /// Asserts that `transcoder check` finds no blocker.
    #[track_caller]
    pub fn has_no_blocker(&self, presentation: &str) {
        let checked = run(self.transcoder().args(["check", "--json", presentation]));
        let facts: serde_json::Value =
            serde_json::from_str(&checked.stdout).expect("it prints JSON");
        assert_eq!(facts["blockers"], 0, "{facts:#}");
        assert_eq!(facts["decoded"], true);
        checked.succeeds();
    }

    /// Asserts that `vod` holds nothing that looks published, and nothing of a job's work.
    #[track_caller]
    pub fn holds_nothing_published(&self) {
        let left = self.contents("vod").into_keys();
        let left: Vec<_> = left.filter(|name| !name.contains(".lock")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    /// All files below a directory with their bytes and times; none if it is not there.
    pub fn contents(&self, name: &str) -> BTreeMap<String, (Vec<u8>, SystemTime)> {
        let mut files = BTreeMap::new();
        collect(&self.path(name), "", &mut files);
        files
    }
}

fn collect(directory: &Path, prefix: &str, files: &mut BTreeMap<String, (Vec<u8>, SystemTime)>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries {
        let entry = entry.expect("the directory stays");
        let name = format!("{prefix}{}", entry.file_name().display());
        // A working directory without files is a remainder, too.
        if entry.file_type().expect("it has a type").is_dir() {
            if entry.file_name() == ".work" {
                files.insert(name.clone(), (Vec::new(), SystemTime::UNIX_EPOCH));
            }
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let bytes = fs::read(entry.path()).expect("the file can be read");
            files.insert(name, (bytes, modified.expect("it has a time")));
        }
    }
}
