//! Settings of the daemon: flags, variables, file, and what is said where one is missing or makes no sense.

use std::process::Command;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::queue::{QUEUE, TestQueue, enqueue};
use crate::support::recordings::short;

fn daemon(dir: &Dir) -> Command {
    let mut command = dir.transcoder();
    command.args(["run", "--until-empty"]);
    command
}

/// Does the one job that is in the queue.
#[track_caller]
fn publishes(dir: &Dir, command: &mut Command) {
    TestQueue::new(dir);
    let presentation = enqueue(dir, &dir.copy(&short(), "talk.flv"));
    run(command).succeeds();
    assert!(presentation.join("master.m3u8").is_file());
}

#[test]
fn a_missing_setting_is_named_with_its_flag_and_its_variable() {
    let dir = Dir::new();
    run(&mut daemon(&dir))
        .fails_with(2, "no queue is set: give --queue, TRANSCODER_QUEUE or 'queue'");
    run(daemon(&dir).args(["--queue", QUEUE]))
        .fails_with(2, "no output is set: give --output, TRANSCODER_OUTPUT or 'output'");
    run(dir.transcoder().args(["enqueue", "talk.flv"])).fails_with(2, "no queue is set");
}

#[test]
fn settings_come_from_a_file() {
    let dir = Dir::new();
    let settings =
        "queue = 'sqlite:queue.sqlite'\noutput = 'vod'\nchildren = 1\nslots = 1\ndrain = 5\n";
    dir.write("settings.toml", settings);
    publishes(&dir, daemon(&dir).args(["--config", "settings.toml"]));
}

#[test]
fn variables_win_over_the_file_and_flags_over_variables() {
    let dir = Dir::new();
    dir.write("settings.toml", "queue = 'sqlite:missing/queue'\noutput = 'from-file'\n");
    publishes(
        &dir,
        daemon(&dir)
            .args(["--config", "settings.toml", "--output", "vod"])
            .env("TRANSCODER_QUEUE", QUEUE)
            .env("TRANSCODER_OUTPUT", "from-variable"),
    );
    assert!(!dir.path("from-file").exists() && !dir.path("from-variable").exists());
}

#[test]
fn a_settings_file_that_cannot_be_used_is_named() {
    let dir = Dir::new();
    dir.write("typo.toml", "queu = 'sqlite:queue.sqlite'\n");
    run(daemon(&dir).args(["--config", "typo.toml"])).fails_with(2, "queu");
    run(daemon(&dir).args(["--config", "missing.toml"])).fails_with(2, "missing.toml");
}

#[test]
fn a_queue_that_cannot_be_used_is_named() {
    let dir = Dir::new();
    let file = dir.write("text.txt", "This is no database. ".repeat(100));
    let text_file = format!("sqlite:{}", file.display());
    for (queue, words) in [
        ("sqlite:missing/queue.sqlite", "there is no directory missing"),
        (&text_file, "text.txt cannot be used"),
        ("queue.sqlite", "is no queue: use sqlite:PATH"),
        ("sqlite:", "is no queue: use sqlite:PATH"),
    ] {
        run(daemon(&dir).args(["--output", "vod", "--queue", queue])).fails_with(2, words);
    }
}

#[test]
fn an_output_that_cannot_be_used_is_named() {
    let dir = Dir::new();
    dir.write("file", "");
    for (output, words) in [
        ("file", "a file is where a directory must be"),
        ("ftp://host/vod", "is no place to publish"),
    ] {
        run(daemon(&dir).args(["--queue", QUEUE, "--output", output])).fails_with(2, words);
    }
}

#[test]
fn a_timeout_too_short_to_be_held_is_a_usage_error() {
    let dir = Dir::new();
    let options = ["--queue", QUEUE, "--output", "vod", "--visibility-timeout", "5"];
    let ended = run(daemon(&dir).args(options));
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("--visibility-timeout"), "{ended:#?}");
}
