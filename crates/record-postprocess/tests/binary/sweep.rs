//! What sweep takes, and what it leaves.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::{Origin, RECORDING, STUB};

#[test]
fn a_queue_that_is_away_loses_nothing() {
    let origin = Origin::new();
    let queue = origin.root().join("queue.db");
    fs::write(&queue, "this is not a database, and never was one: long enough to be looked at")
        .unwrap();
    for name in ["a", "b"] {
        let path = origin.record(format!("{name}.flv"), RECORDING);
        // It does not pass by itself.
        assert_eq!(origin.announce(&path, name, name), Some(2));
    }
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["undelivered"]), (Some(2), &2.into()));

    fs::remove_file(&queue).unwrap();
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["delivered"], &swept["adopted"]), (Some(0), &2.into(), &0.into()));
    assert_eq!(origin.streams(), ["a", "b"]);
    assert_eq!(origin.sweep().1["delivered"], 0);
    assert_eq!(origin.streams(), [""; 0]);
}

#[test]
fn orphans_are_adopted_but_not_what_is_written_to() {
    let origin = Origin::new();
    origin
        .configure(&format!("record_path = '{}'\napp = 'studio'", origin.record_path().display()));
    origin.record("orphan%20one-1795326084.flv", RECORDING);
    origin.record("stub.flv", STUB);
    origin.record("notes.txt", RECORDING);
    let live = origin.record("live.flv", RECORDING);
    let writer = fs::OpenOptions::new().append(true).open(&live).unwrap();

    let (code, swept) = origin.sweep();
    assert_eq!(code, Some(0));
    let counts =
        ["adopted", "delivered", "rejected", "busy"].map(|key| swept[key].as_u64().unwrap());
    assert_eq!(counts, [2, 1, 1, 1]);
    let messages = origin.messages();
    let named =
        (messages[0].app.as_str(), messages[0].stream.as_str(), messages[0].session.as_str());
    assert_eq!(named, ("studio", "orphan one", "1795326084"));
    assert!(origin.log().iter().any(|line| line["recovered"] == true));
    assert!(live.exists());

    drop(writer);
    assert_eq!(origin.sweep().1["delivered"], 1);
    assert!(!live.exists());
    assert!(origin.record_path().join("notes.txt").exists());
}

#[test]
fn a_recording_that_was_just_written_is_not_adopted() {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    let record_path = format!("--record-path={}", origin.record_path().display());
    let output = origin.output(&["sweep", &record_path]);
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0 adopted, 0 delivered, 0 rejected, 1 busy, 0 undelivered, 0 failed\n"
    );
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    fs::File::options().append(true).open(&path).unwrap().set_modified(hour_ago).unwrap();
    assert!(origin.output(&["sweep", &record_path]).status.success());
    assert_eq!(origin.streams(), ["cam"]);
}

#[test]
fn links_in_the_record_path_are_not_adopted() {
    let origin = Origin::new();
    origin.configure(&format!("record_path = '{}'", origin.record_path().display()));
    std::os::unix::fs::symlink(origin.config(), origin.record_path().join("link.flv")).unwrap();
    origin.record("cam.flv", RECORDING);
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["failed"]), (Some(74), &1.into()));
    assert_eq!(origin.streams(), ["cam"]);
}

#[test]
fn a_record_path_that_is_missing_does_not_hold_up_the_spool() {
    let origin = left_by_a_hook();
    origin.configure("record_path = '/nonexistent/recordings'");
    let (code, swept) = origin.sweep();
    assert_eq!((code, &swept["delivered"], &swept["failed"]), (Some(74), &1.into(), &1.into()));
    assert!(origin.has_logged("/nonexistent/recordings"), "{:?}", origin.log());
    assert_eq!(origin.streams(), ["cam"]);
}

#[test]
fn an_entry_that_cannot_be_opened_does_not_hold_up_the_others() {
    let origin = left_by_a_hook();
    origin.configure(&format!("record_path = '{}'", origin.record_path().display()));
    origin.record("orphan.flv", RECORDING);
    let closed = origin.spool().join("00000000000000000000-1");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let mut sweep = if fs::read_dir(&closed).is_ok() {
        // We are root, whom permissions do not stop; without these capabilities they do.
        let mut sweep = Command::new("setpriv");
        sweep.args(["--bounding-set=-dac_override,-dac_read_search", "--"]);
        sweep.arg(origin.command().get_program());
        sweep
    } else {
        Command::new(origin.command().get_program())
    };
    sweep.args(origin.command().get_args()).args(["sweep", "--json", "--settle-seconds=0"]);
    let output = sweep.output().unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(output.status.code(), Some(74), "{output:?}");
    let swept: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&swept["delivered"], &swept["failed"]), (&2.into(), &1.into()));
    assert_eq!(origin.streams(), ["cam", "orphan"]);
}

/// An origin whose hook could not deliver.
fn left_by_a_hook() -> Origin {
    let origin = Origin::new();
    let path = origin.record("cam.flv", RECORDING);
    let no_queue = "--queue=sqlite:/nonexistent/queue.db";
    let named = format!("--path={}", path.display());
    assert_eq!(origin.output(&[no_queue, &named]).status.code(), Some(2));
    origin
}

#[test]
fn sweep_and_hook_together_deliver_once() {
    let origin = Origin::new();
    let record_path = format!("--record-path={}", origin.record_path().display());
    for round in 0..20 {
        let path = origin.record("cam.flv", &[RECORDING, &vec![7; 1 << 20]].concat());
        let mut hook = origin.command().arg(format!("--path={}", path.display())).spawn().unwrap();
        let mut sweep = origin.command();
        let mut sweep = sweep.args(["sweep", &record_path, "--settle-seconds=0"]).spawn().unwrap();
        assert!(hook.wait().unwrap().success(), "round {round}: {:?}", origin.log());
        assert!(sweep.wait().unwrap().success(), "round {round}: {:?}", origin.log());
        assert_eq!(origin.messages().len(), 1, "round {round}");
    }
}
