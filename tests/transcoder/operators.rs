//! What operators ask on one machine: `status` and `doctor`. The same over AWS stands in `aws`.

use serde_json::Value;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::queue::{QUEUE, TestQueue};

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("it is JSON")
}

#[test]
fn status_tells_how_full_the_queue_is_and_why_letters_are_dead() {
    let dir = Dir::new();
    let queue = TestQueue::new(&dir);
    let status = |options: &[&str]| {
        run(dir.transcoder().args(["status", "--queue", QUEUE]).args(options)).succeeds()
    };
    let words = |told: &str| told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&status(&[])).contains("waiting 0 in flight 0"), "{}", status(&[]));
    let mut missing = dir.transcoder();
    run(missing.args(["status", "--queue", "sqlite:typo"]))
        .fails_with(66, "there is no queue in typo");
    assert!(!dir.path("typo").exists());
    queue.send("junk");
    run(dir.transcoder().args(["run", "--until-empty", "--queue", QUEUE, "--output", "vod"]))
        .succeeds();
    queue.send("waits");
    let told = words(&status(&[]));
    for part in ["waiting 1", "dead letters 1", "the message is not JSON"] {
        assert!(told.contains(part), "{part:?} is not in {told}");
    }
    let told = json(&status(&["--json"]));
    assert_eq!((&told["depth"]["visible"], &told["depth"]["dead"]), (&1.into(), &1.into()));
    assert_eq!(told["dead_letters"][0]["body"], "junk");
}

#[test]
fn the_doctor_examines_this_machine_without_aws() {
    let dir = Dir::new();
    let doctor = |options: &[&str]| {
        let mut command = dir.transcoder();
        // Nothing of AWS is set, and nothing is asked for.
        for name in ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"] {
            command.env_remove(name);
        }
        run(command.args(["doctor", "--output", "vod"]).args(options))
    };
    let well = doctor(&["--json", "--queue", QUEUE]).succeeds();
    let findings = json(&well);
    let findings = findings.as_array().expect("a list");
    assert_eq!(findings.len(), 5, "{well}");
    assert!(findings.iter().all(|finding| finding["state"] != "failed"), "{well}");

    let ill = doctor(&["--queue", "sqlite:missing/queue", "--recordings", "not-there"]);
    assert_eq!(ill.code, Some(1), "{ill:#?}");
    for line in
        ["FAILED   queue", "FAILED   recordings   not-there cannot be read", "well     output"]
    {
        assert!(ill.stdout.contains(line), "{line:?} is not in {ill:#?}");
    }
    assert!(ill.stderr.contains("2 check(s) failed"), "{ill:#?}");
    doctor(&["--queue", "nonsense"]).fails_with(2, "is no queue");
}
