//! What the program makes of a mutant.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::mutation::Mutant;
use crate::support::command::{Ended, run};
use crate::support::directory::Dir;

/// Address space that the program and each of its children may have, in KiB.
const MEMORY_KIB: u32 = 1 << 20;
/// What takes longer hangs.
const LONGEST: Duration = Duration::from_mins(1);

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Published, and nothing in it is a blocker.
    Published,
    /// Refused, with the sentence.
    Refused(String),
    /// Neither: a fault of the program.
    Fault(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Published => f.write_str("published"),
            Self::Refused(sentence) => write!(f, "refused: {sentence}"),
            Self::Fault(what) => write!(f, "FAULT: {what}"),
        }
    }
}

/// Gives a mutant to the program, half of them under another profile. One that it fails at is kept.
pub fn judge(mutant: &Mutant) -> Verdict {
    let dir = Dir::new();
    let recording = dir.write("mutant.flv", &mutant.bytes);
    let profile = if mutant.seed.is_multiple_of(2) { "default" } else { "fast" };
    let started = Instant::now();
    let mut transcode = bounded(&dir.transcoder());
    transcode.arg("transcode").arg(&recording);
    transcode.args(["-o", "vod", "--children", "1", "--profile", profile]);
    let ended = run(&mut transcode);
    let verdict = if started.elapsed() >= LONGEST {
        Verdict::Fault(format!("it hangs: {ended:?}"))
    } else {
        verdict(&dir, &ended)
    };
    if let Verdict::Fault(what) = verdict {
        let kept = keep(mutant);
        return Verdict::Fault(format!(
            "{what}; profile {profile}; {kept}; again with REC2VOD_MUTANTS={} cargo nextest run -p transcoder --test mutants",
            mutant.seed
        ));
    }
    verdict
}

fn verdict(dir: &Dir, ended: &Ended) -> Verdict {
    if ended.stderr.contains("panicked at") {
        return Verdict::Fault(format!("it panicked: {ended:?}"));
    }
    match (ended.code, sentence(ended)) {
        (Some(0), _) => held_against_the_bar(dir),
        (Some(65), Some(sentence)) => {
            // A plan may be left, and what was encoded before the damage was met.
            let looks_published = |name: &String| {
                [".m3u8", "done.json", ".work"].iter().any(|part| name.contains(part))
            };
            let left = dir.contents("vod").into_keys().find(looks_published);
            left.map_or_else(
                || Verdict::Refused(sentence.to_owned()),
                |left| Verdict::Fault(format!("refused, but there is {left}: {sentence}")),
            )
        }
        _ => Verdict::Fault(format!("{ended:?}")),
    }
}

/// The one sentence on standard error.
fn sentence(ended: &Ended) -> Option<&str> {
    let sentence = ended.stderr.strip_prefix("transcoder: ")?.strip_suffix('\n')?;
    (!sentence.is_empty() && !sentence.contains('\n') && ended.stdout.is_empty())
        .then_some(sentence)
}

fn held_against_the_bar(dir: &Dir) -> Verdict {
    let checked = run(bounded(&dir.transcoder()).args(["check", "vod"]));
    if checked.code == Some(0) {
        return Verdict::Published;
    }
    let first = checked.stdout.lines().next().unwrap_or(&checked.stderr);
    Verdict::Fault(format!("published, but check ends with {:?}: {first}", checked.code))
}

/// The command within its bounds: what exceeds them is killed, or does not get its memory.
fn bounded(command: &Command) -> Command {
    let script = format!(
        "ulimit -v {MEMORY_KIB} && exec timeout --signal KILL {} \"$@\"",
        LONGEST.as_secs()
    );
    let mut bounded = Command::new("sh");
    bounded.args(["-c", &script, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(name, value),
            None => bounded.env_remove(name),
        };
    }
    bounded.current_dir(command.get_current_dir().expect("it runs in the test's directory"));
    bounded
}

fn keep(mutant: &Mutant) -> String {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
    let path = directory.join(format!("{}.flv", mutant.seed));
    let kept = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, &mutant.bytes));
    match kept {
        Ok(()) => format!("kept as {}", path.display()),
        Err(error) => format!("it cannot be kept: {error}"),
    }
}
