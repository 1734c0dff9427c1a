//! The same plan and chunk give the same bytes: twice, in any order, alone or beside others, and on CPUs that know less. One chunk over all
//! gives the same cuts as many.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::command::{Running, run};
use crate::support::directory::Dir;
use crate::support::recordings::{make, usual};

/// CPUs of 2003 and of 2008, as QEMU knows them: with nothing beyond SSE3, and without AVX and FMA.
const OLD_CPUS: [&str; 2] = ["qemu64", "Nehalem"];

/// The name and bytes of all files that a child left.
type Files = BTreeMap<String, Vec<u8>>;

/// A recording with the plan that was made of it.
struct Planned {
    dir: Dir,
    recording: PathBuf,
    plan: Value,
}

impl Planned {
    fn new(recording: PathBuf, profile: &str) -> Self {
        let dir = Dir::new();
        dir.transcode(&recording, &["--profile", profile]).succeeds();
        let mut plans = dir.contents("vod").into_iter().filter(|(n, _)| n.ends_with("/plan.json"));
        let (_, (plan, _)) = plans.next().expect("a plan was stored");
        let plan = serde_json::from_slice(&plan).expect("it is JSON");
        Self { dir, recording, plan }
    }

    fn chunks(&self) -> usize {
        self.plan["video"]["chunks"].as_array().expect("it has chunks").len()
    }

    /// A child of `transcoder` on a CPU, or on the one that is there.
    fn child(&self, cpu: Option<&str>, task: &[&str], output: &str) -> Command {
        let plan = self.dir.write(&format!("{output}.plan.json"), self.plan.to_string());
        let output = self.dir.path(output);
        fs::create_dir(&output).expect("each child has a directory of its own");
        let native = self.dir.transcoder();
        let mut command = match cpu {
            None => native,
            Some(cpu) => {
                let mut emulated = Command::new("qemu-x86_64");
                emulated.args(["-cpu", cpu]).arg(native.get_program());
                emulated
            }
        };
        command.args(task).arg("--input").arg(&self.recording);
        command.arg("--plan").arg(plan).arg("--output").arg(output);
        command
    }

    /// What a child leaves.
    fn files(&self, cpu: Option<&str>, task: &[&str]) -> Files {
        let output = format!("{}-{}", cpu.unwrap_or("native"), task.concat());
        run(&mut self.child(cpu, task, &output)).succeeds();
        self.left_in(&output)
    }

    fn left_in(&self, output: &str) -> Files {
        let files = self.dir.contents(output).into_iter();
        let mut files: Files = files.map(|(name, (bytes, _))| (name, bytes)).collect();
        if let Some(report) = files.get_mut("chunk.json") {
            *report = without_cpu(report);
        }
        files
    }

    /// What the child of a chunk says of the segments that it wrote, by rendition.
    fn cuts(&self, output: &str) -> BTreeMap<String, Vec<Value>> {
        let report = fs::read(self.dir.path(output).join("chunk.json")).expect("it ended well");
        let report: Value = serde_json::from_slice(&report).expect("it is JSON");
        let mut cuts = BTreeMap::new();
        for rendition in report["renditions"].as_array().expect("it made some") {
            let segments = rendition["segments"].as_array().expect("it has segments").iter();
            let facts = segments.map(|segment| cut(&segment["facts"])).collect();
            cuts.insert(rendition["rendition"].to_string(), facts);
        }
        cuts
    }
}

/// What does not depend on how well a segment could be compressed.
fn cut(facts: &Value) -> Value {
    let idrs = facts["idrs"].as_array().expect("it has IDR pictures").iter();
    let idrs: Vec<&Value> = idrs.map(|idr| &idr["time"]).collect();
    json!([facts["index"], facts["start"], facts["duration"], facts["frames"], idrs])
}

/// A report without the time that it took, which is told to the parent and committed nowhere.
fn without_cpu(report: &[u8]) -> Vec<u8> {
    let mut report: Value = serde_json::from_slice(report).expect("it is JSON");
    let removed = report.as_object_mut().and_then(|report| report.remove("cpu"));
    assert!(removed.is_some(), "a chunk tells what it cost");
    report.to_string().into_bytes()
}

/// Asserts that there are files, and the same.
#[track_caller]
fn are_same(what: &str, files: &Files, others: &Files) {
    assert!(files.len() > 1, "{what}: no files");
    assert!(files.keys().eq(others.keys()), "{what}: {:?} and {:?}", files.keys(), others.keys());
    for (name, bytes) in files {
        assert!(*bytes == others[name], "{what}: {name} is not the same");
    }
}

/// Small, but decoded, copied, scaled, encoded and, as to its sound, mixed, resampled and encoded.
fn small() -> PathBuf {
    let pictures = "-f lavfi -i testsrc2=size=640x360:rate=30";
    let sound = "-f lavfi -i sine=sample_rate=22050:beep_factor=4";
    let codecs = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -g 30 -c:a libmp3lame -ac 1";
    make("small.flv", &format!("{pictures} {sound} -t 1.2 {codecs}"))
}

/// Needs QEMU's user emulation (Debian's qemu-user).
#[test]
fn the_bytes_do_not_depend_on_what_the_cpu_knows() {
    let planned = Planned::new(small(), "default");
    assert_eq!((planned.chunks(), &planned.plan["video"]["rungs"][1]["name"]), (1, &json!("v234")));
    assert!(planned.plan["audio"]["bits"]["encoded"].is_object());
    for task in [
        &["encode-chunk", "--chunk", "0"][..],
        &["encode-audio"],
        &["take-pictures"],
        &["copy-source"],
    ] {
        let native = planned.files(None, task);
        for cpu in OLD_CPUS {
            are_same(&format!("{task:?} on {cpu}"), &planned.files(Some(cpu), task), &native);
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_order_and_company() {
    let planned = Planned::new(usual(), "default");
    let tasks: Vec<Vec<String>> = (0..planned.chunks())
        .map(|chunk| vec!["encode-chunk".into(), "--chunk".into(), chunk.to_string()])
        .chain([vec!["encode-audio".into()], vec!["take-pictures".into()]])
        .collect();
    assert!(tasks.len() > 3);
    let tasks: Vec<Vec<&str>> =
        tasks.iter().map(|task| task.iter().map(String::as_str).collect()).collect();
    let start = |(number, task): (usize, &Vec<&str>)| {
        let output = format!("together-{number}");
        (Running::start(&mut planned.child(None, task, &output)), output)
    };
    let together: Vec<_> = tasks.iter().rev().enumerate().map(start).collect();
    let outputs: Vec<String> = together
        .into_iter()
        .map(|(running, output)| {
            running.end_within(Duration::from_mins(2)).succeeds();
            output
        })
        .collect();
    for (task, output) in tasks.iter().zip(outputs.iter().rev()) {
        let alone = planned.files(None, task);
        are_same(&format!("{task:?}"), &alone, &planned.left_in(output));
    }
}

#[test]
fn many_chunks_have_the_cuts_and_frames_of_one() {
    // Keyframes every two seconds: the first profile's chunks start at some of them, the second's decode from the one before.
    let offbeat = "-f lavfi -i testsrc2=size=320x240:rate=25 -t 14 -c:v libx264 -preset ultrafast \
                   -pix_fmt yuv420p -bf 2 -g 77 -sc_threshold 0";
    for (recording, profile) in [(usual(), "default"), (make("offbeat.flv", offbeat), "reference")]
    {
        let mut planned = Planned::new(recording, profile);
        let mut many: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for chunk in 0..planned.chunks() {
            let task = ["encode-chunk", "--chunk", &chunk.to_string()];
            let output = format!("chunk-{chunk}");
            run(&mut planned.child(None, &task, &output)).succeeds();
            for (rendition, cuts) in planned.cuts(&output) {
                many.entry(rendition).or_default().extend(cuts);
            }
        }
        let segments = planned.plan["video"]["segments"].as_array().map(Vec::len);
        assert!(planned.chunks() > 1 && many.values().all(|cuts| Some(cuts.len()) == segments));
        planned.plan["video"]["chunks"] = one_chunk(&planned.plan["video"]);
        run(&mut planned.child(None, &["encode-chunk", "--chunk", "0"], "one")).succeeds();
        assert_eq!(planned.cuts("one"), many, "{profile}");
    }
}

/// A plan's chunks as one over all.
fn one_chunk(video: &Value) -> Value {
    let mut one = video["chunks"][0].clone();
    one["segments"] = json!(video["segments"].as_array().map(Vec::len));
    one["end"] = video["duration"].clone();
    one["frames"] = video["frames"].clone();
    one["read"]["packets"] = video["frames"].clone();
    json!([one])
}

/// What the tests above rest on: QEMU hides from programs what these CPUs do not know (AVX2 and FMA are of level x86-64-v3).
#[test]
fn the_old_cpus_are_old() {
    for (cpu, knows) in OLD_CPUS.map(|cpu| (cpu, false)).into_iter().chain([("max", true)]) {
        let mut asked = Command::new("qemu-x86_64");
        asked.args(["-cpu", cpu, "/lib64/ld-linux-x86-64.so.2", "--help"]);
        let said = run(&mut asked).succeeds();
        assert_eq!(said.contains("x86-64-v3 (supported"), knows, "{cpu}: {said}");
    }
}
