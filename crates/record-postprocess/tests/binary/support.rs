//! A directory that nginx records to, a spool and a queue beside it, and the binary.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use job::message::RecordingMessage;
use job::ports::Queue as _;
use local::{SqliteQueue, SystemClock};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Header, AVC sequence header, one frame.
pub const RECORDING: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0\
    \x09\0\0\x05\0\0\0\0\0\0\0\x17\0\0\0\0\0\0\0\x10\
    \x09\0\0\x06\0\0\0\0\0\0\0\x17\x01\0\0\0\xab\0\0\0\x11";

/// The header and `PreviousTagSize` alone.
pub const STUB: &[u8] = RECORDING.split_at(13).0;

/// The machine of a test.
pub struct Origin {
    directory: TempDir,
}

impl Origin {
    /// Everything in place, nothing recorded yet.
    pub fn new() -> Self {
        let origin = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(origin.record_path()).unwrap();
        origin.configure("");
        origin
    }

    /// Writes the settings' file, with more lines of the test's own.
    pub fn configure(&self, more: &str) {
        let queue = self.root().join("queue.db");
        self.configure_destination(&format!("queue = 'sqlite:{}'\n{more}", queue.display()));
    }

    /// Writes the settings' file with another queue or output.
    pub fn configure_destination(&self, lines: &str) {
        let root = self.root().display();
        let text = format!("spool = '{root}/spool'\nlog = '{root}/log'\n{lines}\n");
        fs::write(self.config(), text).unwrap();
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.root().join("settings.toml")
    }

    pub fn record_path(&self) -> PathBuf {
        self.root().join("rec")
    }

    pub fn spool(&self) -> PathBuf {
        self.root().join("spool")
    }

    /// Puts a recording where nginx would.
    pub fn record(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.record_path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary with its settings' file, in nothing else of an environment.
    pub fn command(&self) -> Command {
        let mut command = bare_command();
        command.arg(format!("--config={}", self.config().display()));
        command
    }

    /// Runs the hook in its safe form; its exit code.
    pub fn announce(&self, path: &Path, basename: &str, name: &str) -> Option<i32> {
        let mut path_argument = std::ffi::OsString::from("--path=");
        path_argument.push(path);
        let named =
            [format!("--basename={basename}"), "--app=live".to_owned(), format!("--name={name}")];
        self.command().arg(path_argument).args(named).status().unwrap().code()
    }

    /// Runs a command and keeps what it prints.
    pub fn output(&self, arguments: &[&str]) -> Output {
        let mut command = self.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
    }

    /// Runs `sweep` that takes everything to be settled; its exit code and what it counts.
    pub fn sweep(&self) -> (Option<i32>, serde_json::Value) {
        let output = self.output(&["sweep", "--json", "--settle-seconds=0"]);
        (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Takes all messages out of the queue: each is one that a worker understands, about a file that is as it says.
    pub fn messages(&self) -> Vec<RecordingMessage> {
        let messages = self.messages_about_anything();
        for message in &messages {
            let bytes = fs::read(message.source.strip_prefix("file://").unwrap()).unwrap();
            assert_eq!(message.sha256, job::recording::hex(&Sha256::digest(&bytes)));
            assert_eq!(message.size, u64::try_from(bytes.len()).unwrap());
        }
        messages
    }

    /// Takes all messages out of the queue: each is one that a worker understands.
    pub fn messages_about_anything(&self) -> Vec<RecordingMessage> {
        let queue =
            SqliteQueue::open(&self.root().join("queue.db"), Arc::new(SystemClock)).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mut messages = Vec::new();
        while let Some(delivery) =
            runtime.block_on(queue.receive(Duration::ZERO, Duration::from_mins(1))).unwrap()
        {
            job::message::parse(&delivery.body).unwrap();
            messages.push(serde_json::from_str(&delivery.body).unwrap());
            runtime.block_on(queue.delete(&delivery.receipt)).unwrap();
        }
        messages
    }

    /// The streams of all messages, in order of their names.
    pub fn streams(&self) -> Vec<String> {
        let mut streams: Vec<_> =
            self.messages().into_iter().map(|message| message.stream).collect();
        streams.sort();
        streams
    }

    /// The entries of the spool, or of a directory in it.
    pub fn entries(&self, below: &str) -> Vec<PathBuf> {
        let Ok(directory) = fs::read_dir(self.spool().join(below)) else {
            return Vec::new();
        };
        let entries = directory.map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name() != Some(OsStr::new("rejected"))).collect()
    }

    /// The `job.json` of an entry.
    pub fn job(entry: &Path) -> serde_json::Value {
        serde_json::from_slice(&fs::read(entry.join("job.json")).unwrap()).unwrap()
    }

    /// The log, every line of which is JSON.
    pub fn log(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.root().join("log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Whether a line of the log contains the text.
    pub fn has_logged(&self, text: &str) -> bool {
        self.log().iter().any(|line| line.to_string().contains(text))
    }
}

/// The binary with nothing at all.
pub fn bare_command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_record-postprocess"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
