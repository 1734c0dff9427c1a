//! What the hook does not touch, and how it says so.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Origin, RECORDING};

#[test]
fn links_and_pipes_are_refused_and_left() {
    let origin = Origin::new();
    let target = origin.root().join("secret");
    fs::write(&target, RECORDING).unwrap();
    let path = |name: &str| origin.record_path().join(name);
    std::os::unix::fs::symlink(&target, path("symlink.flv")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", path("dangling.flv")).unwrap();
    fs::hard_link(&target, path("hard.flv")).unwrap();
    fs::create_dir(path("directory.flv")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe.flv")).status().unwrap().success());
    for (name, reason) in [
        ("symlink", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("hard", "more than one name"),
        ("directory", "not a regular file"),
        ("pipe", "a pipe"),
    ] {
        let path = path(&format!("{name}.flv"));
        assert_eq!(origin.announce(&path, name, name), Some(65), "{name}");
        assert!(fs::symlink_metadata(&path).is_ok(), "{name} was moved");
        assert!(origin.has_logged(reason), "{name}");
    }
    assert!(origin.entries("").is_empty());
    assert_eq!(origin.messages(), []);
}

#[test]
fn a_symlink_that_came_between_look_and_move_is_not_followed() {
    let origin = Origin::new();
    let entry = origin.spool().join("00000000000000000001-1");
    fs::create_dir_all(&entry).unwrap();
    std::os::unix::fs::symlink(origin.config(), entry.join("recording.flv")).unwrap();
    assert_eq!(origin.sweep().0, Some(74));
    assert_eq!(origin.messages(), []);
    assert_eq!(Origin::job(&origin.entries("rejected")[0])["reason"], "it is a symbolic link");
}

#[test]
fn a_spool_on_another_file_system_moves_nothing() {
    let origin = Origin::new();
    let elsewhere = another_file_system(origin.root());
    let spool = tempfile::tempdir_in(elsewhere).unwrap();
    let path = origin.record("cam.flv", RECORDING);
    let spool_argument = format!("--spool={}", spool.path().display());
    let path_argument = format!("--path={}", path.display());
    let output = origin.output(&[&spool_argument, &path_argument]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    for named in [&path, spool.path()] {
        assert!(error.contains(&format!("{named:?}")), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), RECORDING);
    assert_eq!(fs::read_dir(spool.path()).unwrap().count(), 0);
}

fn another_file_system(than: &Path) -> PathBuf {
    let device = fs::metadata(than).unwrap().dev();
    let candidates = ["/dev/shm", "/run", "/tmp", "/var/tmp", env!("CARGO_TARGET_TMPDIR")];
    let is_other = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|other| other.dev() != device)
            && tempfile::tempdir_in(path).is_ok()
    };
    candidates
        .iter()
        .map(PathBuf::from)
        .find(is_other)
        .expect("a second file system that can be written to")
}

#[test]
fn what_is_not_there_is_no_input() {
    let origin = Origin::new();
    let path = origin.record_path().join("cam.flv");
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(66));
    assert_eq!(origin.announce(&path.join("below-no-directory"), "cam", "cam"), Some(66));
    assert!(origin.entries("").is_empty());
}

#[test]
fn settings_that_make_no_sense_touch_nothing() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    for (argument, sentence) in [
        (
            "--queue=https://sqs.eu-central-1.amazonaws.com/123456789012/recordings",
            "set output to s3://BUCKET/PREFIX too",
        ),
        ("--output=/var/out", "is no output: use s3://BUCKET/PREFIX"),
        ("--queue=q.db", "is no queue: use sqlite:/PATH"),
        ("--settle-seconds=x", "invalid value"),
    ] {
        let output = origin.output(&[argument, &format!("--path={}", path.display())]);
        assert_eq!(output.status.code(), Some(2), "{argument}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(sentence), "{error}");
    }
    for (lines, sentence) in [
        ("", "neither queue nor output is set"),
        ("output = 's3://in'\n[aws]\naccess_key_id = 'AKID'", "belong together"),
    ] {
        origin.configure_destination(lines);
        assert_eq!(origin.announce(&path, "cam", "cam"), Some(2));
        assert!(origin.has_logged(sentence), "{lines}");
    }
    origin.configure("spol = '/x'");
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(2));
    assert_eq!(origin.output(&["--path="]).status.code(), Some(2));
    assert_eq!(fs::read(&path).unwrap(), RECORDING);
}

#[test]
fn a_recording_that_is_still_written_waits_for_its_writer() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", b"");
    // nginx refuses a second publisher of the name, whose empty recording is announced while the first goes on writing.
    let mut first = fs::OpenOptions::new().append(true).open(&path).unwrap();
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(75));
    first.write_all(RECORDING).unwrap();
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["busy"]), (Some(0), &1.into()));
    assert_eq!(origin.messages(), []);
    drop(first);
    // The first publisher's own announcement.
    assert_eq!(origin.announce(&path, "cam", "cam"), Some(0));
    let messages = origin.messages();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].size, u64::try_from(RECORDING.len()).unwrap());
}
