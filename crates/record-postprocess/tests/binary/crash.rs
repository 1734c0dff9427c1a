//! A kill at any moment loses nothing: what each step leaves on disk, and kills at many moments.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Origin, RECORDING, STUB};

const JOB: &str = "{\"version\":1,\"path\":\"PATH\",\"app\":\"studio\",\"stream\":\"raw name\",\"session\":\"7\",\
    \"recovered\":false,\"announced_at\":1795326084,\"state\":\"spooled\"}";

/// An entry as a hook left it.
fn left_behind(origin: &Origin, job: Option<&str>, recording: Option<&[u8]>) -> PathBuf {
    let entry = origin.spool().join("00000000000000000001-1");
    fs::create_dir_all(&entry).unwrap();
    if let Some(job) = job {
        fs::write(entry.join("job.json"), job).unwrap();
    }
    if let Some(recording) = recording {
        fs::write(entry.join("recording.flv"), recording).unwrap();
    }
    entry
}

#[test]
fn before_the_move_the_names_are_kept() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    left_behind(&origin, Some(&JOB.replace("PATH", path.to_str().unwrap())), None);
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["adopted"], &swept["delivered"]), (Some(0), &1.into(), &1.into()));
    assert_eq!(origin.streams(), ["raw name"]);
    assert_eq!(origin.entries("").len(), 1);
}

#[test]
fn an_entry_without_anything_goes() {
    let origin = Origin::new();
    let entry = left_behind(&origin, None, None);
    fs::write(entry.join("job.json.tmp"), "{").unwrap();
    assert_eq!(origin.sweep().0, Some(0));
    assert!(!entry.exists());
}

#[test]
fn a_young_entry_without_a_recording_is_a_hook_at_work() {
    let origin = Origin::new();
    let entry = left_behind(&origin, Some(JOB), None);
    assert!(origin.output(&["sweep"]).status.success());
    assert!(entry.exists());
}

#[test]
fn after_the_move_it_is_delivered() {
    let origin = Origin::new();
    let entry = left_behind(&origin, Some(JOB), Some(RECORDING));
    assert_eq!(origin.sweep().0, Some(0));
    let messages = origin.messages();
    assert_eq!((messages[0].app.as_str(), messages[0].session.as_str()), ("studio", "7"));
    assert_eq!(Origin::job(&entry)["state"], "delivered");
}

#[test]
fn after_the_move_the_second_announcement_delivers_it() {
    let origin = Origin::new();
    let path = origin.record_path().join("cam.flv");
    left_behind(&origin, Some(&JOB.replace("PATH", path.to_str().unwrap())), Some(RECORDING));
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    assert_eq!(origin.streams(), ["raw name"]);
}

#[test]
fn a_power_cut_that_takes_the_names_does_not_take_the_recording() {
    for job in [None, Some(""), Some("{\"version\":1,\"pa")] {
        let origin = Origin::new();
        left_behind(&origin, job, Some(RECORDING));
        assert_eq!(origin.sweep().0, Some(0));
        assert_eq!(origin.streams(), ["unnamed-00000000000000000001-1"]);
    }
}

#[test]
fn rejected_but_not_yet_aside() {
    let origin = Origin::new();
    let job = JOB.replace("\"spooled\"", "\"rejected\",\"reason\":\"none\"");
    left_behind(&origin, Some(&job), Some(STUB));
    assert_eq!(origin.sweep().1["rejected"], 1);
    assert_eq!(origin.entries("rejected").len(), 1);
}

#[test]
fn an_entry_of_a_newer_release_is_left_alone() {
    let origin = Origin::new();
    let job = JOB.replace("\"version\":1", "\"version\":2");
    let entry = left_behind(&origin, Some(&job), Some(RECORDING));
    assert_eq!(origin.sweep().0, Some(74));
    assert_eq!(fs::read_to_string(entry.join("job.json")).unwrap(), job);
}

#[test]
fn kills_at_many_moments_lose_nothing_and_no_name() {
    let origin = Origin::new();
    origin.configure(&format!("record_path = '{}'", origin.record_path().display()));
    let recording = [RECORDING, &vec![7; 4 << 20]].concat();
    let mut expected = Vec::new();
    let mut killed = 0;
    for round in 0..40 {
        let stream = format!("cam {round:02}");
        let path = origin.record(format!("{}.flv", stream.replace(' ', "%20")), &recording);
        let mut hook = origin.command();
        hook.arg(format!("--path={}", path.display())).arg(format!("--name={stream}"));
        let mut hook = hook.spawn().unwrap();
        std::thread::sleep(Duration::from_micros(500 * round));
        hook.kill().unwrap();
        killed += u64::from(hook.wait().unwrap().code().is_none());
        expected.push(stream);
    }
    assert!(killed > 10, "only {killed} hooks were killed");
    assert_eq!(origin.sweep().0, Some(0));
    let mut streams = origin.streams();
    // One that was sent but not noted is sent again.
    streams.dedup();
    assert_eq!(streams, expected);
    assert_eq!(fs::read_dir(origin.record_path()).unwrap().count(), 0);
}
