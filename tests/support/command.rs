//! Running the program and looking at how it ended.

use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ended {
    /// None if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it writes UTF-8");
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Asserts that it ended well, and returns what it printed.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self.stdout
    }

    /// Asserts that it ended with `code` and said why in one sentence on one line, which holds `words`.
    #[track_caller]
    pub fn fails_with(self, code: i32, words: &str) {
        let sentence = self.stderr.strip_prefix("transcoder: ").and_then(|s| s.strip_suffix('\n'));
        let Some(sentence) = sentence else { panic!("no sentence on standard error: {self:#?}") };
        assert!(!sentence.contains('\n'), "more than one line: {self:#?}");
        assert!(!sentence.starts_with("transcoder: "), "said twice who speaks: {self:#?}");
        assert!(sentence.contains(words), "{words:?} is not in {self:#?}");
        assert_eq!(self.code, Some(code), "{self:#?}");
        assert_eq!(self.stdout, "", "it printed something although it failed: {self:#?}");
    }
}

/// Runs the program to its end.
pub fn run(command: &mut Command) -> Ended {
    Ended::new(&command.stdin(Stdio::null()).output().expect("the program starts"))
}

/// The program at work; killed when dropped.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(Some(command.spawn().expect("the program starts")))
    }

    pub fn signal(&self, signal: Signal) {
        let child = self.0.as_ref().expect("it was not waited for");
        let id = Pid::from_child(child);
        kill_process(id, signal).expect("it is there to be signalled");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it takes longer than `limit`.
    pub fn end_within(mut self, limit: Duration) -> Ended {
        let child = self.0.as_mut().expect("it was not waited for");
        eventually("the program ends", limit, || {
            child.try_wait().expect("it is our child").is_some()
        });
        let child = self.0.take().expect("it was not waited for");
        Ended::new(&child.wait_with_output().expect("its pipes can be read"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits until `condition` holds.
///
/// # Panics
/// If it does not within `limit`.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        sleep(Duration::from_millis(20));
    }
}
