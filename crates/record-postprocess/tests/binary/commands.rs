//! Help, and what status says.

use std::process::Stdio;

use crate::support::{Origin, RECORDING, STUB, bare_command};

#[test]
fn every_command_has_help_with_examples() {
    for arguments in [&["--help"][..], &["sweep", "--help"], &["status", "--help"]] {
        let output = bare_command().args(arguments).stdout(Stdio::piped()).output().unwrap();
        assert!(output.status.success());
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(help.matches("record-postprocess ").count() > 2, "{help}");
    }
    assert_eq!(bare_command().status().unwrap().code(), Some(2));
}

/// The package installs the hook there, and the worker's user may only write to that queue: both examples were of other places.
#[test]
fn help_names_the_places_of_package_and_units() {
    let output = bare_command().arg("--help").stdout(Stdio::piped()).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert_eq!(help.matches("exec_record_done /usr/bin/record-postprocess ").count(), 2, "{help}");
    assert!(help.contains("\"sqlite:/var/lib/rec2vod/queue/queue.sqlite\""), "{help}");
}

#[test]
fn status_counts_by_state() {
    let origin = Origin::new();
    for (name, bytes) in [("a", RECORDING), ("b", RECORDING), ("c", STUB)] {
        let path = origin.record(format!("{name}.flv"), bytes);
        assert_eq!(origin.announce(&path, name, name), Some(0));
    }
    let output = origin.output(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let counted = status["states"].as_array().unwrap();
    let counted: Vec<_> = counted
        .iter()
        .map(|s| (s["state"].as_str(), s["entries"].as_u64(), s["bytes"].as_u64()))
        .collect();
    let size = u64::try_from(RECORDING.len()).unwrap();
    assert_eq!(
        counted,
        [(Some("delivered"), Some(2), Some(2 * size)), (Some("rejected"), Some(1), Some(13))]
    );

    let table = String::from_utf8(origin.output(&["status"]).stdout).unwrap();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(
        rows,
        [["STATE", "ENTRIES"], ["delivered", "2"], ["rejected", "1"], ["recordings", "stay"]]
    );
    let queue = format!("sqlite:{}/queue.db", origin.root().display());
    assert_eq!((&status["output"], &status["queue"]), (&().into(), &queue.into()));
}

#[test]
fn a_recording_is_not_given_to_a_command() {
    let origin = Origin::new();
    assert_eq!(origin.output(&["--path=/rec/a.flv", "sweep"]).status.code(), Some(2));
}
