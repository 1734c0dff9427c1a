//! The program against AWS, as ministack answers for it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::ministack::{BUCKET, Ministack};
use crate::scripted::{Answer, Scripted};
use crate::support::command::{Running, eventually, run};
use crate::support::directory::Dir;
use crate::support::metadata::Metadata;
use crate::support::queue::{QUEUE, TestQueue, enqueue};
use crate::support::recordings::short;

/// The key of a recording, and where its presentation begins.
const KEY: &str = "live/cam/1795326084.flv";
const PRESENTATION: &str = "vod/live/cam/1795326084";

struct World {
    dir: Dir,
    ministack: Ministack,
}

impl World {
    fn new() -> Self {
        let ministack = Ministack::start();
        ministack.add_dead_letters(50);
        Self { dir: Dir::new(), ministack }
    }

    /// The program with what AWS's own variables say.
    fn transcoder(&self) -> Command {
        let mut command = self.dir.transcoder();
        command.envs(self.ministack.environment());
        command
    }

    fn queue(&self) -> String {
        self.ministack.queue("recordings")
    }

    fn daemon(&self) -> Command {
        let mut command = self.transcoder();
        command.args(["run", "--queue", &self.queue(), "--output", &format!("s3://{BUCKET}/vod")]);
        command.args([
            "--recordings",
            &format!("s3://{BUCKET}/live"),
            "--metrics-resolution",
            "10",
        ]);
        command
    }

    /// Puts a recording into the bucket.
    fn record(&self, key: &str) {
        self.ministack.put_bytes(key, &fs::read(short()).expect("it can be read"));
    }

    /// `waiting`, `in flight` and `dead letters` as the program tells them.
    fn depth(&self) -> (u64, u64, u64) {
        let mut status = self.transcoder();
        let told = run(status.args(["status", "--json", "--queue", &self.queue()])).succeeds();
        let told: serde_json::Value = serde_json::from_str(&told).expect("it is JSON");
        let count = |name| told["depth"][name].as_u64().expect("it is a number");
        (count("visible"), count("in_flight"), count("dead"))
    }
}

#[test]
fn an_event_of_s3_becomes_a_presentation_in_s3_and_metrics() {
    let world = World::new();
    world.ministack.send_events();
    world.record(KEY);
    let daemon = Running::start(&mut world.daemon());
    let published = |metric| world.ministack.metric("rec2vod", metric, "recordings");
    // A second look at the queue is taken after ten seconds, and what was seen is sent every ten.
    let all = [
        "QueueVisible",
        "QueueInFlight",
        "DeadLetters",
        "OldestAge",
        "JobsRunning",
        "JobProgress",
        "RealtimeFactor",
        "SecondsToDrain",
        "JobsDone",
    ];
    eventually("every metric is published", Duration::from_mins(1), || {
        all.into_iter().all(|metric| published(metric).is_some())
    });
    daemon.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(300));
    daemon.signal(Signal::TERM);
    daemon.end_within(Duration::from_secs(20)).succeeds();

    world
        .dir
        .has_no_blocker(&format!("http://{}/{BUCKET}/{PRESENTATION}", world.ministack.address));
    let master =
        world.ministack.object(&format!("{PRESENTATION}/master.m3u8")).expect("it is there");
    for header in ["content-type: application/vnd.apple.mpegurl", "cache-control: no-cache"] {
        assert!(master.head.contains(header), "{}", master.head);
    }
    let keys = world.ministack.keys();
    let segment = keys.iter().find(|key| key.contains("/source/0")).expect("a segment");
    let segment = world.ministack.object(segment).expect("it is there");
    assert!(segment.head.contains("cache-control: public, max-age=31536000, immutable"));
    assert_eq!(world.depth(), (0, 0, 0));
    assert_eq!(published("JobsDone"), Some(1.0));
    assert_eq!(published("JobsFailed"), None);
}

/// Nobody listens where `CloudWatch` should be.
#[test]
fn without_cloudwatch_jobs_are_done_all_the_same() {
    let world = World::new();
    world.ministack.send_events();
    world.record(KEY);
    let began = Instant::now();
    let mut daemon = world.daemon();
    daemon.arg("--until-empty").env("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9");
    let ended = run(&mut daemon);
    assert!(ended.stderr.contains("CloudWatch takes no measurements"), "{ended:#?}");
    ended.succeeds();
    // The last measurements are given five seconds.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(world.ministack.object(&format!("{PRESENTATION}/master.m3u8")).is_some());
    assert_eq!(world.ministack.metric("rec2vod", "JobsDone", "recordings"), None);
}

#[test]
fn objects_are_enqueued_inspected_and_transcoded_by_hand() {
    let world = World::new();
    world.record(KEY);
    let url = format!("s3://{BUCKET}/{KEY}");
    let told = run(world.transcoder().args(["inspect", &url])).succeeds();
    assert!(told.contains("plan "), "{told}");
    run(world.transcoder().args(["transcode", &url, "-o", &format!("s3://{BUCKET}/by-hand")]))
        .succeeds();
    world.dir.has_no_blocker(&format!("http://{}/{BUCKET}/by-hand", world.ministack.address));
    run(world.transcoder().args(["transcode", &url, "-o", "here"])).succeeds();
    world.dir.has_no_blocker("here");

    run(world.transcoder().args(["enqueue", "--queue", &world.queue(), &url])).succeeds();
    assert_eq!(world.depth(), (1, 0, 0));
    run(world.daemon().arg("--until-empty")).succeeds();
    assert_eq!(world.depth(), (0, 0, 0));
    assert!(world.ministack.object(&format!("{PRESENTATION}/master.m3u8")).is_some());

    let recording = world.dir.copy(&short(), "talk.flv");
    let mut enqueue = world.transcoder();
    run(enqueue.args(["enqueue", "--queue", &world.queue()]).arg(recording))
        .fails_with(2, "upload it and enqueue s3://bucket/key");
    let missing = format!("s3://{BUCKET}/none.flv");
    run(world.transcoder().args(["transcode", &missing, "-o", "x"]))
        .fails_with(66, "there is no recording at");
}

#[test]
fn messages_may_not_name_what_is_not_among_the_recordings() {
    let world = World::new();
    world.record("secret/plan.flv");
    let secret = world.dir.copy(&short(), "secret.flv");
    let file = format!(
        r#"{{"type":"recording","version":1,"source":"file://{}","size":1,"sha256":"{}","app":"a","stream":"b","session":"c","part":1}}"#,
        secret.display(),
        "ab".repeat(32)
    );
    let url = format!("s3://{BUCKET}/secret/plan.flv");
    run(world.transcoder().args(["enqueue", "--queue", &world.queue(), &url])).succeeds();
    world.ministack.send(&file);
    run(world.daemon().arg("--until-empty")).succeeds();
    assert_eq!(world.depth(), (0, 0, 2));
    assert_eq!(world.ministack.metric("rec2vod", "JobsFailed", "recordings"), Some(2.0));
    let refused =
        world.ministack.metric_by_reason("rec2vod", "JobsFailed", "recordings", "reject-fetch");
    assert_eq!(refused, Some(2.0));
    assert!(!world.ministack.keys().iter().any(|key| key.ends_with("master.m3u8")));
    let told = run(world.transcoder().args(["status", "--queue", &world.queue()])).succeeds();
    for reason in ["outside of the places", "files of its machine are not among"] {
        assert!(told.contains(reason), "{told}");
    }
}

#[test]
fn what_cannot_be_used_is_said_in_one_sentence() {
    let world = World::new();
    let run_with = |options: &[&str], environment: &[(&str, &str)]| {
        let mut command = world.transcoder();
        command.args(["run", "--until-empty", "--metrics", "log"]).args(options);
        // Logs of the daemon are lines of their own.
        command.env("TRANSCODER_LOG", "off").envs(environment.iter().copied());
        run(&mut command)
    };
    let (queue, bucket) = (world.queue(), format!("s3://{BUCKET}"));
    let wrong = world.ministack.queue("wrong");
    let options = |queue| ["--queue", queue, "--output", bucket.as_str()];
    run_with(&options(&wrong), &[]).fails_with(2, "there is no such queue: check its name");
    run_with(&options("https://example.org/"), &[]).fails_with(2, "it is no URL of an SQS queue");
    // Nothing listed is nothing set: any object may be published.
    world.record(KEY);
    let url = format!("s3://{BUCKET}/{KEY}");
    run(world.transcoder().args(["enqueue", "--queue", &queue, &url])).succeeds();
    let told = run_with(
        &options(&queue),
        &[("TRANSCODER_RECORDINGS", ""), ("TRANSCODER_EXPECTED_OWNER", "")],
    );
    told.succeeds();
    assert_eq!(world.depth(), (0, 0, 0), "a dead letter says what is not allowed");
    run_with(&options(&queue), &[("AWS_REGION", "")]).fails_with(2, "set AWS_REGION");
    run_with(&options(&queue), &[("AWS_ACCESS_KEY_ID", "")]).fails_with(75, "no AWS credentials");
    run_with(&["--queue", &queue, "--output", "s3://not-there"], &[])
        .fails_with(2, "there is no such bucket: check its name");
    run_with(&["--queue", &queue, "--output", "s3://"], &[]).fails_with(2, "names no bucket");
    let mut with_fleet = options(&queue).to_vec();
    with_fleet.extend(["--fleet", "ec2"]);
    run_with(&with_fleet, &[]).fails_with(75, "the instance metadata service does not answer");
}

/// Nothing is lost when a permission is missing: the message stays where it is.
#[test]
fn a_missing_permission_is_named() {
    let ministack = Ministack::start_with_permissions();
    ministack.add_dead_letters(50);
    let world = World { dir: Dir::new(), ministack };
    let (id, secret) = world.ministack.user_without_permissions();
    let key = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
    let mut command = world.daemon();
    command.arg("--until-empty").env("TRANSCODER_LOG", "off").envs(key.clone());
    run(&mut command).fails_with(2, "allow sqs:GetQueueAttributes");
    let mut status = world.transcoder();
    status.args(["status", "--queue", &world.queue()]).envs(key);
    run(&mut status).fails_with(2, "allow sqs:GetQueueAttributes");
}

#[test]
fn the_doctor_finds_what_is_ill_and_hides_nothing_else() {
    let world = World::new();
    let doctor = |output: &str| {
        let mut command = world.transcoder();
        command.args(["doctor", "--json", "--queue", &world.queue(), "--output", output]);
        command.args(["--recordings", &format!("s3://{BUCKET}/live")]);
        run(&mut command)
    };
    let states = |told: &str| -> Vec<String> {
        let findings: serde_json::Value = serde_json::from_str(told).expect("it is JSON");
        let findings = findings.as_array().expect("a list").clone();
        let state =
            |f: &serde_json::Value| format!("{} {}", f["what"], f["state"]).replace('"', "");
        findings.iter().map(state).collect()
    };
    let well = [
        "ffmpeg well",
        "scratch well",
        "aws well",
        "queue well",
        "output well",
        "recordings well",
        "metrics well",
    ];
    assert_eq!(states(&doctor(&format!("s3://{BUCKET}/vod")).succeeds()), well);
    let ill = doctor("s3://not-there");
    assert_eq!(ill.code, Some(1), "{ill:#?}");
    let found = states(&ill.stdout);
    assert!(
        found.contains(&"output failed".to_owned()) && found.contains(&"metrics well".to_owned())
    );
}

/// An idle worker ends, and one that is started after the notice receives nothing.
#[test]
fn a_notice_ends_an_idle_worker() {
    for announce in [Metadata::announce_interruption, Metadata::announce_scale_in] {
        let (world, metadata) = (World::new(), Metadata::start());
        let queue = TestQueue::new(&world.dir);
        let mut command = world.transcoder();
        command.args(["run", "--queue", QUEUE, "--output", "vod", "--fleet", "ec2"]);
        command.envs([metadata.environment()]).env_remove("AWS_EC2_METADATA_DISABLED");
        let daemon = Running::start(&mut command);
        std::thread::sleep(Duration::from_secs(2));
        announce(&metadata);
        daemon.end_within(Duration::from_secs(20)).succeeds();
        enqueue(&world.dir, &world.dir.copy(&short(), "talk.flv"));
        Running::start(&mut command).end_within(Duration::from_secs(20)).succeeds();
        assert_eq!((queue.depth().visible, queue.depth().in_flight), (1, 0));
    }
}

/// What systemd hears: up, alive, stopping.
#[test]
fn systemd_is_told() {
    let world = World::new();
    let path = world.dir.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be made");
    let (said, heard) = mpsc::channel();
    // It listens to the end, as systemd does.
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok(length) = socket.recv(&mut buffer) {
            let words = String::from_utf8_lossy(&buffer[..length]).trim().to_owned();
            if said.send(words).is_err() {
                return;
            }
        }
    });
    let hear = || heard.recv_timeout(Duration::from_secs(20)).expect("something is said");
    let mut command = world.daemon();
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "300000");
    let daemon = Running::start(&mut command);
    assert_eq!([hear(), hear(), hear()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    daemon.signal(Signal::TERM);
    eventually("it says that it stops", Duration::from_secs(10), || hear() == "STOPPING=1");
    // The receive that is on its way is waited for, and systemd hears that it is.
    assert_eq!(hear(), "WATCHDOG=1");
    daemon.end_within(Duration::from_secs(40)).succeeds();
}

/// A message that comes after the worker was told to stop is not hidden by the receive that was on its way.
#[test]
fn a_message_that_comes_too_late_is_not_hidden_from_others() {
    let world = World::new();
    let daemon = Running::start(&mut world.daemon());
    std::thread::sleep(Duration::from_secs(3));
    daemon.signal(Signal::TERM);
    std::thread::sleep(Duration::from_millis(500));
    world.record(KEY);
    let url = format!("s3://{BUCKET}/{KEY}");
    run(world.transcoder().args(["enqueue", "--queue", &world.queue(), &url])).succeeds();
    daemon.end_within(Duration::from_secs(40)).succeeds();
    assert_eq!(world.depth(), (1, 0, 0));
}

/// What was announced is published, or nothing: never what took its place.
#[test]
fn a_recording_that_was_replaced_is_not_published_in_its_name() {
    let world = World::new();
    world.record(KEY);
    let url = format!("s3://{BUCKET}/{KEY}");
    run(world.transcoder().args(["enqueue", "--queue", &world.queue(), &url])).succeeds();
    world.ministack.put(KEY, "something else");
    run(world.daemon().arg("--until-empty")).succeeds();
    assert_eq!(world.depth(), (0, 0, 1));
    let told = run(world.transcoder().args(["status", "--queue", &world.queue()])).succeeds();
    assert!(told.contains("it was replaced"), "{told}");
}

/// Busy instances are protected, and the group is told when nothing is left to do. Auto Scaling answers as AWS does; ministack knows neither.
#[test]
fn a_member_of_a_group_protects_itself_and_takes_its_leave() {
    let (world, metadata) = (World::new(), Metadata::start());
    let group = Scripted::start(|request| autoscaling(&request.body));
    let queue = TestQueue::new(&world.dir);
    let presentation = enqueue(&world.dir, &world.dir.copy(&short(), "talk.flv"));
    let mut command = world.transcoder();
    command.args(["run", "--queue", QUEUE, "--output", "vod", "--fleet", "ec2"]);
    command.envs([metadata.environment()]).env_remove("AWS_EC2_METADATA_DISABLED");
    command.env("AWS_ENDPOINT_URL_AUTO_SCALING", format!("http://{}", group.address));
    let daemon = Running::start(&mut command);
    eventually("it is published", Duration::from_mins(2), || {
        presentation.join("master.m3u8").exists()
    });
    metadata.announce_scale_in();
    daemon.end_within(Duration::from_secs(30)).succeeds();
    assert_eq!(queue.depth().visible, 0);
    let said: Vec<_> = group.requests().iter().map(|request| action(&request.body)).collect();
    let expected = [
        "DescribeAutoScalingInstances",
        "SetInstanceProtection true",
        "DescribeLifecycleHooks",
        "CompleteLifecycleAction",
    ];
    assert_eq!(said, expected);
}

/// What a request asks of Auto Scaling.
fn action(body: &str) -> String {
    let value = |name: &str| body.split('&').find_map(|pair| pair.strip_prefix(name));
    let action = value("Action=").expect("a request has an action");
    value("ProtectedFromScaleIn=").map_or(action.to_owned(), |said| format!("{action} {said}"))
}

fn autoscaling(body: &str) -> Answer {
    let action = action(body);
    let name = action.split(' ').next().unwrap_or_default();
    let result = match name {
        "DescribeAutoScalingInstances" => {
            "<AutoScalingInstances><member><AutoScalingGroupName>workers</AutoScalingGroupName></member></AutoScalingInstances>"
        }
        "DescribeLifecycleHooks" => {
            "<LifecycleHooks><member><LifecycleHookName>drain</LifecycleHookName><LifecycleTransition>autoscaling:EC2_INSTANCE_TERMINATING</LifecycleTransition></member></LifecycleHooks>"
        }
        _ => "",
    };
    let answer = format!("<{name}Response><{name}Result>{result}</{name}Result></{name}Response>");
    Answer::Whole(200, vec![("Content-Type", "text/xml".to_owned())], answer.into_bytes())
}
