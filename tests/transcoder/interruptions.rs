//! The daemon is stopped or killed in the middle of a job: nothing is lost, nothing half is published, and what was done is not done again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::ministack::Ministack;
use crate::support::command::{Running, eventually, run};
use crate::support::directory::Dir;
use crate::support::metadata::Metadata;
use crate::support::queue::{QUEUE, TestQueue, enqueue};
use crate::support::recordings::long;

/// The first chunk is committed by then, even on a machine that is busy with other things.
const FIRST_CHUNK: Duration = Duration::from_mins(2);
/// What a stop may take.
const STOP: Duration = Duration::from_secs(10);

struct Job {
    dir: Dir,
    queue: TestQueue,
    presentation: PathBuf,
}

impl Job {
    fn enqueued() -> Self {
        let dir = Dir::new();
        let queue = TestQueue::new(&dir);
        let presentation = enqueue(&dir, &dir.copy(&long(), "long.flv"));
        Self { dir, queue, presentation }
    }

    /// A daemon that has committed a chunk and is at work on the next.
    fn in_the_middle(&self, options: &[&str]) -> Running {
        self.in_the_middle_with(self.dir.transcoder(), options)
    }

    fn in_the_middle_with(&self, mut command: Command, options: &[&str]) -> Running {
        command.args(["run", "--queue", QUEUE, "--output", "vod", "--children", "1"]);
        let daemon = Running::start(command.args(options));
        eventually("a chunk is committed", FIRST_CHUNK, || self.first_report().is_some());
        assert!(!self.is_published(), "the recording is too short for this test");
        daemon
    }

    /// The report of a chunk of video that is there first.
    fn first_report(&self) -> Option<PathBuf> {
        let plan = fs::read_dir(self.presentation.join("1")).ok()?.next()?.ok()?.path();
        let reports = fs::read_dir(plan.join("chunks")).ok()?.flatten().map(|entry| entry.path());
        let mut reports = reports.filter(|path| {
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            stem.is_some_and(|stem| stem.parse::<u32>().is_ok())
        });
        reports.next()
    }

    fn is_published(&self) -> bool {
        self.presentation.join("master.m3u8").exists()
    }

    fn workdirs(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir.path("vod/.work")).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| name(path).starts_with("job-")).collect()
    }

    /// Does what is left to do with another daemon.
    fn finish(&self, options: &[&str]) {
        let mut command = self.dir.transcoder();
        command.args(["run", "--queue", QUEUE, "--output", "vod", "--until-empty"]);
        run(command.args(options)).succeeds();
        self.dir.has_no_blocker(self.presentation.to_str().expect("a path in UTF-8"));
        assert_eq!(self.workdirs(), Vec::<PathBuf>::new());
        let depth = self.queue.depth();
        assert_eq!((depth.visible, depth.in_flight, depth.delayed, depth.dead), (0, 0, 0, 0));
    }
}

fn name(path: &Path) -> String {
    path.file_name().expect("it has a name").display().to_string()
}

#[test]
fn sigterm_hands_the_job_back_and_the_next_daemon_goes_on_where_it_stopped() {
    let job = Job::enqueued();
    let daemon = job.in_the_middle(&["--drain", "0"]);
    daemon.signal(Signal::TERM);
    daemon.end_within(STOP).succeeds();
    assert!(!job.is_published());
    assert_eq!(job.workdirs(), Vec::<PathBuf>::new());
    let depth = job.queue.depth();
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (1, 0, 0), "it is back at once");

    let report = job.first_report().expect("a chunk was committed");
    let before = (fs::read(&report).unwrap(), report.metadata().unwrap().modified().unwrap());
    job.finish(&[]);
    let after = (fs::read(&report).unwrap(), report.metadata().unwrap().modified().unwrap());
    assert_eq!(before, after, "the chunk was encoded again");
}

/// As AWS has it: two minutes after the notice the machine is gone.
#[test]
fn a_spot_notice_hands_the_job_back_and_ends_the_daemon() {
    let (job, ministack, metadata) = (Job::enqueued(), Ministack::start(), Metadata::start());
    let mut command = job.dir.transcoder();
    command.envs(ministack.environment()).env_remove("AWS_EC2_METADATA_DISABLED");
    command.envs([metadata.environment()]);
    let daemon = job.in_the_middle_with(command, &["--drain", "0", "--fleet", "ec2"]);
    metadata.announce_interruption();
    // It looks every five seconds.
    daemon.end_within(STOP + Duration::from_secs(5)).succeeds();
    assert!(!job.is_published());
    assert_eq!(job.workdirs(), Vec::<PathBuf>::new());
    assert_eq!(job.queue.depth().visible, 1, "it is back at once");
    job.finish(&[]);
}

#[test]
fn sigterm_leaves_a_job_its_drain_time() {
    let job = Job::enqueued();
    let daemon = job.in_the_middle(&["--drain", "300"]);
    daemon.signal(Signal::TERM);
    daemon.end_within(FIRST_CHUNK).succeeds();
    assert!(job.is_published());
    job.finish(&[]);
}

#[test]
fn a_second_sigterm_stops_at_once() {
    let job = Job::enqueued();
    let daemon = job.in_the_middle(&["--drain", "300"]);
    daemon.signal(Signal::TERM);
    // Signals of a kind that are pending together are one.
    std::thread::sleep(Duration::from_millis(300));
    daemon.signal(Signal::TERM);
    daemon.end_within(STOP).succeeds();
    assert!(!job.is_published());
    assert_eq!(job.queue.depth().visible, 1);
}

#[test]
fn after_sigkill_another_daemon_takes_over_and_cleans_up() {
    let job = Job::enqueued();
    let daemon = job.in_the_middle(&["--visibility-timeout", "10"]);
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.end_within(STOP).code, None);
    assert_eq!(job.workdirs().len(), 1, "nobody could clean up");
    assert!(!job.is_published());
    job.finish(&["--visibility-timeout", "10"]);
}

#[test]
fn ctrl_c_ends_transcode_and_a_second_run_publishes() {
    let dir = Dir::new();
    let recording = long();
    let mut command = dir.transcoder();
    command.arg("transcode").arg(&recording).args(["-o", "vod", "--children", "1"]);
    let running = Running::start(&mut command);
    eventually("a segment is there", FIRST_CHUNK, || {
        dir.contents("vod/1").keys().any(|name| name.contains(".m4s"))
    });
    running.signal(Signal::INT);
    let ended = running.end_within(STOP);
    ended.fails_with(75, "stop");
    assert!(!dir.path("vod/master.m3u8").exists() && !dir.path("vod/.work").exists());
    dir.publish(&recording, &[]);
}
