//! What the types promise, as the kernel sees it: no socket before the recording is on disk.

use std::fs;
use std::process::Command;

use job::recording::hex;
use sha2::{Digest as _, Sha256};

use crate::ministack::settings;
use crate::scripted::{Answer, Scripted};
use crate::support::{Origin, RECORDING};

#[test]
fn no_socket_is_made_before_the_recording_and_its_names_are_synced() {
    let digest = hex(&Sha256::digest(RECORDING));
    let server = Scripted::start(move |_| {
        let headers = vec![
            ("ETag", "\"1\"".to_owned()),
            ("x-amz-meta-sha256", digest.clone()),
            ("Connection", "close".to_owned()),
        ];
        Answer::Whole(200, headers, RECORDING.to_vec())
    });
    let origin = Origin::new();
    origin.configure_destination(&settings(server.address, None));
    let path = origin.record("cam-1795326084.flv", RECORDING);
    let trace = origin.root().join("trace");
    let hook = origin.command();
    let mut traced = Command::new("strace");
    // -y: descriptors with the paths of their files.
    traced.args(["-f", "-y", "-e", "trace=socket,fsync,fdatasync,rename", "-o"]).arg(&trace);
    traced.arg(hook.get_program()).args(hook.get_args()).env_clear();
    traced.arg(format!("--path={}", path.display()));
    assert_eq!(traced.output().unwrap().status.code(), Some(0), "{:?}", origin.log());

    let trace = fs::read_to_string(trace).unwrap();
    let (before, _) = trace.split_once("socket(").expect("it is delivered through a socket");
    let entry = fs::canonicalize(&origin.entries("")[0]).unwrap();
    let spool = entry.parent().unwrap();
    let job = entry.join("job.json");
    for place in [&job, &entry.join("recording.flv"), &entry, spool, &origin.record_path()] {
        let file = format!("<{}>)", place.display());
        let is_synced = before
            .lines()
            .any(|line| line.contains("sync(") && line.contains(&file) && line.ends_with("= 0"));
        assert!(is_synced, "{place:?} in\n{trace}");
    }
}
