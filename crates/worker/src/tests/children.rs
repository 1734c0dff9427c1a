//! The program is the shell: it takes the command, such as `encode-chunk`, for the name of a script in its working directory.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use job::plan::{Chunk, ReadSpan};
use job::report::{ChunkCpu, Decoding, EncodedChunk};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::children::ChildProcesses;
use crate::engine::{ChunkTask, Engine as _, EngineError, RecordingTask};
use crate::fakes::source_index;

struct Stage {
    root: TempDir,
    children: ChildProcesses,
    chunk: Chunk,
}

impl Stage {
    fn new(slots: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        let result = EncodedChunk {
            chunk: 7,
            renditions: Vec::new(),
            decoding: Decoding { frames: 5, errors: 1 },
            cpu: ChunkCpu::default(),
        };
        fs::write(root.path().join("result"), serde_json::to_vec(&result).unwrap()).unwrap();
        let chunk = Chunk {
            index: 7,
            first_segment: 7,
            segments: 1,
            start: 0,
            end: 1,
            frames: 5,
            read: ReadSpan { config_offset: None, offset: 0, dts: 0, packets: 5 },
        };
        Self { root, children: ChildProcesses::new("/bin/sh".into(), slots), chunk }
    }

    /// An output directory in which a command is this script.
    fn output(&self, command: &str, script: &str) -> PathBuf {
        let output = tempfile::Builder::new().tempdir_in(self.root.path()).unwrap().keep();
        fs::write(output.join(command), script).unwrap();
        output
    }

    async fn encode(
        &self,
        output: &Path,
        cancel: &CancellationToken,
    ) -> (Result<EncodedChunk, EngineError>, Vec<u32>) {
        let frames = Mutex::new(Vec::new());
        let task = ChunkTask {
            recording: Path::new("/rec/a b.flv"),
            plan_file: Path::new("/job/plan.json"),
            chunk: &self.chunk,
            output,
        };
        let on_frames = |count| frames.lock().unwrap().push(count);
        let result = self.children.encode_chunk(&task, &on_frames, cancel).await;
        (result, frames.into_inner().unwrap())
    }

    async fn run(&self, script: &str) -> Result<EncodedChunk, EngineError> {
        let output = self.output("encode-chunk", script);
        self.encode(&output, &CancellationToken::new()).await.0
    }
}

#[tokio::test]
async fn a_child_gets_its_task_and_nothing_else() {
    let stage = Stage::new(1);
    let output = stage.output(
        "encode-chunk",
        r#"
        echo '{"frames":2}'; echo noise; echo '{"frames":5}'
        for argument in "$@"; do echo "$argument"; done > arguments
        tr '\0' '\n' < /proc/self/environ > environment
        cat > input
        cp ../result chunk.json
        "#,
    );
    let (encoded, frames) = stage.encode(&output, &CancellationToken::new()).await;
    assert_eq!(encoded.unwrap().decoding, Decoding { frames: 5, errors: 1 });
    assert_eq!(frames, [2, 5]);
    let arguments = fs::read_to_string(output.join("arguments")).unwrap();
    let expected = format!(
        "--input\n/rec/a b.flv\n--plan\n/job/plan.json\n--chunk\n7\n--output\n{}\n",
        output.display()
    );
    assert_eq!(arguments, expected);
    let environment = fs::read_to_string(output.join("environment")).unwrap();
    // The shell tells its own children where they are.
    assert!(environment.lines().all(|line| line.starts_with("PWD=")), "{environment}");
    assert_eq!(fs::read_to_string(output.join("input")).unwrap(), "");
}

#[tokio::test]
async fn index_audio_and_pictures_have_commands_of_their_own() {
    let stage = Stage::new(1);
    let index = source_index(2);
    fs::write(stage.root.path().join("index"), serde_json::to_vec(&index).unwrap()).unwrap();
    let output = stage.output("index-recording", "echo $@ > arguments; cp ../index $4");
    let cancel = CancellationToken::new();
    let found = stage.children.index(Path::new("/rec/a.flv"), &output, &cancel).await.unwrap();
    assert_eq!(found, index);
    let arguments = fs::read_to_string(output.join("arguments")).unwrap();
    assert_eq!(arguments, "--input /rec/a.flv --output index.json\n");

    let output = stage.output("encode-audio", "echo $@ > arguments; echo '{}' > audio.json");
    let task =
        RecordingTask { recording: Path::new("/r"), plan_file: Path::new("/p"), output: &output };
    let encoded = stage.children.encode_audio(&task, &|_| (), &cancel).await;
    assert!(matches!(encoded, Err(EngineError::BadResult { .. })), "no audio in it");
    let arguments = fs::read_to_string(output.join("arguments")).unwrap();
    assert_eq!(arguments, format!("--input /r --plan /p --output {}\n", output.display()));

    let taken = r#"{"files":{"sprites":["a.jpg"],"poster":"p.jpg"},"errors":1}"#;
    let script = format!("echo $@ > arguments; echo '{taken}' > pictures.json");
    let output = stage.output("take-pictures", &script);
    let task = RecordingTask { output: &output, ..task };
    let taken = stage.children.take_pictures(&task, &|_| (), &cancel).await.unwrap();
    assert_eq!((taken.files.unwrap().poster.as_str(), taken.errors), ("p.jpg", 1));
    let arguments = fs::read_to_string(output.join("arguments")).unwrap();
    assert_eq!(arguments, format!("--input /r --plan /p --output {}\n", output.display()));
}

#[tokio::test]
async fn the_way_a_child_ends_says_who_is_at_fault() {
    let stage = Stage::new(1);
    for (script, expected) in [
        ("echo noise >&2; echo 'no keyframe' >&2; exit 65", "no keyframe"),
        ("exit 65", "it said nothing"),
        ("echo 'no memory' >&2; exit 75", "encode-chunk was ended by exit code 75: no memory"),
        ("kill -KILL $$", "encode-chunk was ended by signal 9: it said nothing"),
        ("kill -SEGV $$", "encode-chunk died of signal 11: it said nothing"),
        ("exit 70", "encode-chunk died of exit code 70: it said nothing"),
        ("exit 0", "encode-chunk left a result that cannot be used: \"chunk.json\" cannot be read"),
        ("echo '{' > chunk.json", "encode-chunk left a result that cannot be used: \"chunk.json\""),
    ] {
        let error = stage.run(script).await.unwrap_err();
        let is_refusal = matches!(error, EngineError::Refused(_));
        assert_eq!(is_refusal, script.ends_with("exit 65"), "{script}");
        assert!(error.to_string().starts_with(expected), "{script}: {error}");
        let is_ours = expected.contains(" died of ") || expected.contains(" left a result ");
        assert_eq!(error.is_fault(), is_ours, "{script}");
    }
}

#[tokio::test]
async fn a_result_that_is_a_link_is_no_result() {
    let stage = Stage::new(1);
    let output = stage.output("encode-chunk", "exit 0");
    symlink(stage.root.path().join("result"), output.join("chunk.json")).unwrap();
    let (result, _) = stage.encode(&output, &CancellationToken::new()).await;
    assert!(matches!(result, Err(EngineError::BadResult { .. })));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let mut stage = Stage::new(1);
    stage.children = ChildProcesses::new("/nowhere/transcoder".into(), 1);
    let error = stage.run("").await.unwrap_err();
    assert!(matches!(error, EngineError::Unstartable { .. }));
    assert!(error.to_string().starts_with("/nowhere/transcoder cannot be started"), "{error}");
}

async fn wait_for_file(path: &Path) -> String {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

#[tokio::test]
async fn a_child_that_is_cancelled_is_dead_when_the_call_returns() {
    let stage = Stage::new(1);
    let output = stage.output("encode-chunk", "trap '' TERM; echo $$ > pid; exec sleep 1000");
    let cancel = CancellationToken::new();
    let ((result, _), pid) = tokio::join!(stage.encode(&output, &cancel), async {
        let pid = wait_for_file(&output.join("pid")).await;
        cancel.cancel();
        pid
    });
    assert!(matches!(result, Err(EngineError::Cancelled)));
    assert!(!Path::new("/proc").join(pid).exists(), "it is killed and waited for");
}

#[tokio::test]
async fn a_task_that_waits_for_a_slot_can_be_cancelled() {
    let stage = Stage::new(0);
    let cancel = CancellationToken::new();
    let output = stage.output("encode-chunk", "exit 0");
    let ((result, _), ()) = tokio::join!(stage.encode(&output, &cancel), async { cancel.cancel() });
    assert!(matches!(result, Err(EngineError::Cancelled)));
}

#[tokio::test]
async fn no_more_children_run_than_there_are_slots() {
    let stage = Stage::new(1);
    let script = "mkdir ../alone || exit 1; sleep 0.05; rmdir ../alone; cp ../result chunk.json";
    let (one, two, three) = tokio::join!(stage.run(script), stage.run(script), stage.run(script));
    for result in [one, two, three] {
        result.unwrap();
    }
    let stage = Stage::new(2);
    // Each waits until the other is there.
    let script = |mine: &str, other: &str| {
        format!(
            "> ../{mine}; until [ -e ../{other} ]; do sleep 0.01; done; cp ../result chunk.json"
        )
    };
    let (one, two) = (script("a", "b"), script("b", "a"));
    let (one, two) = tokio::join!(stage.run(&one), stage.run(&two));
    one.and(two).unwrap();
}

#[tokio::test]
async fn what_a_child_leaves_running_holds_nobody() {
    let stage = Stage::new(1);
    let started = Instant::now();
    stage.run("sleep 3 & cp ../result chunk.json").await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "its pipes are still open");
}

#[tokio::test]
async fn a_child_that_says_much_is_heard_to_the_end() {
    let stage = Stage::new(1);
    let error = stage
        .run(
            "head -c 3000000 /dev/zero >&2; head -c 3000000 /dev/zero; echo; echo end >&2; exit 65",
        )
        .await
        .unwrap_err();
    assert!(error.to_string().ends_with("end"), "{error}");
}
