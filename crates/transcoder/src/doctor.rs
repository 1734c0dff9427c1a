//! `transcoder doctor`: what the daemon would work with, examined piece by piece; one that is ill hides none of the others.

use std::io::Write as _;
use std::path::Path;

use cloud::CloudWatchMetrics;
use job::ports::Depth;
use local::SystemClock;
use serde::Serialize;
use thiserror::Error;

use crate::args::{Doctor, SettingsFile};
use crate::checks::{self, QueueFacts};
use crate::fleet::{FleetKind, Instance};
use crate::lifecycle;
use crate::output::print;
use crate::places::{MetricsPlace, QueuePlace};
use crate::service::Service;
use crate::settings::FileSettings;
use crate::wire::Wiring;

/// A recording and its renditions want room.
const LITTLE_SPACE: u64 = 20_000_000_000;
/// Interruptions of healthy jobs count as receives, too: see the design of the worker.
const FEW_RECEIVES: u64 = 10;

/// At least one piece keeps the daemon from working; the table has been printed already.
#[derive(Debug, Error)]
#[error("{0} check(s) failed")]
pub struct Ill(usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Well,
    Warning,
    Failed,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    state: State,
    sentence: String,
}

/// What an examination says if nothing keeps the daemon from working: all is well, or a warning.
type Examined = anyhow::Result<(State, String)>;

fn well(sentence: impl Into<String>) -> (State, String) {
    (State::Well, sentence.into())
}

fn warning(sentence: impl Into<String>) -> (State, String) {
    (State::Warning, sentence.into())
}

impl Doctor {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let service = Service::new(self.service, FileSettings::read(file)?)?;
        let findings = lifecycle::runtime()?.block_on(examine(&service));
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer_pretty(&mut out, &findings)?;
            writeln!(out)?;
        } else {
            for Finding { what, state, sentence } in &findings {
                let state = match state {
                    State::Well => "well",
                    State::Warning => "warning",
                    State::Failed => "FAILED",
                };
                writeln!(out, "{state:<8} {what:<12} {sentence}")?;
            }
        }
        print(&out)?;
        match findings.iter().filter(|finding| finding.state == State::Failed).count() {
            0 => Ok(()),
            failed => Err(Ill(failed).into()),
        }
    }
}

async fn examine(service: &Service) -> Vec<Finding> {
    let wiring = Wiring::new(service.expected_owner.clone());
    let mut findings = Vec::new();
    let mut add = |what: &str, examined: Examined| {
        let (state, sentence) = examined
            .unwrap_or_else(|error| (State::Failed, format!("{error:#}").replace('\n', " ")));
        findings.push(Finding { what: what.to_owned(), state, sentence });
    };
    add("ffmpeg", ffmpeg());
    add("scratch", scratch(&service.scratch));
    if service.is_on_aws() {
        add("aws", aws(&wiring).await);
    }
    add("queue", queue(service, &wiring).await);
    add("output", output(service, &wiring).await);
    for directory in &service.sources.directories {
        add("recordings", readable(directory));
    }
    for place in &service.sources.s3 {
        add("recordings", bucket(place, &wiring).await);
    }
    add("metrics", metrics(service, &wiring).await);
    if service.fleet == FleetKind::Ec2 {
        add("fleet", fleet(&wiring).await);
    }
    findings
}

fn ffmpeg() -> Examined {
    media::init()?;
    let versions = media::versions();
    let said: Vec<_> = versions.iter().map(|(what, version)| format!("{what} {version}")).collect();
    if versions.iter().any(|(_, version)| version == "missing") {
        anyhow::bail!("{}: install FFmpeg's libraries with x264", said.join(", "));
    }
    Ok(well(said.join(", ")))
}

fn scratch(directory: &Path) -> Examined {
    let workdir = worker::workdir::Workdir::create(directory)
        .map_err(|error| anyhow::anyhow!("{} cannot be written: {error}", directory.display()))?;
    let disk = rustix::fs::statvfs(workdir.path())?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let sentence = format!("{}, {} GB free", directory.display(), free / 1_000_000_000);
    if free < LITTLE_SPACE {
        return Ok(warning(format!("{sentence}: long recordings may not fit")));
    }
    Ok(well(sentence))
}

async fn aws(wiring: &Wiring) -> Examined {
    let aws = wiring.aws().await?;
    Ok(well(format!("region {}, credentials found", aws.region())))
}

async fn queue(service: &Service, wiring: &Wiring) -> Examined {
    if let QueuePlace::Sqlite(path) = &service.queue
        && !path.exists()
        && path.parent().is_some_and(|parent| parent.as_os_str().is_empty() || parent.is_dir())
    {
        return Ok(well(format!(
            "{} is not there yet, who first needs it makes it",
            path.display()
        )));
    }
    let QueueFacts { depth, max_receive_count } =
        checks::look(&wiring.queue(&service.queue).await?).await?;
    let Depth { visible, in_flight, dead, .. } = depth;
    let sentence = format!("{visible} waiting, {in_flight} in flight, {dead} dead");
    match max_receive_count {
        None => anyhow::bail!("{sentence}, but no queue of dead letters: set its redrive policy"),
        Some(count) if count < FEW_RECEIVES => Ok(warning(format!(
            "{sentence}; after {count} receives SQS takes a recording for dead, and every interrupted worker costs one: set maxReceiveCount to 50"
        ))),
        Some(_) => Ok(well(sentence)),
    }
}

async fn output(service: &Service, wiring: &Wiring) -> Examined {
    checks::probe(wiring.store(&service.output).await?.as_ref()).await?;
    Ok(well(format!("{}: written, read, and kept from being overwritten", service.output)))
}

fn readable(directory: &Path) -> Examined {
    std::fs::read_dir(directory)
        .map_err(|error| anyhow::anyhow!("{} cannot be read: {error}", directory.display()))?;
    Ok(well(format!("{} can be read", directory.display())))
}

/// Asking for what is not there needs the permission to list, without which a missing recording looks like a forbidden one.
async fn bucket(place: &cloud::AllowedSource, wiring: &Wiring) -> Examined {
    // A look at any name will do.
    wiring.bucket(place.bucket()).await?.head(&format!("{}doctor.json", place.prefix())).await?;
    Ok(well(format!("{place} can be asked")))
}

async fn metrics(service: &Service, wiring: &Wiring) -> Examined {
    let MetricsPlace::CloudWatch(namespace) = &service.metrics else {
        return Ok(well("in the log, at debug level"));
    };
    let settings = service.cloudwatch_settings(namespace);
    let probe = CloudWatchMetrics::probe(wiring.aws().await?, &settings, &SystemClock);
    match probe.await {
        Ok(()) => Ok(well(format!("CloudWatch takes them in namespace {namespace}"))),
        // The daemon works without.
        Err(reason) => Ok(warning(format!("CloudWatch takes none: {reason}"))),
    }
}

async fn fleet(wiring: &Wiring) -> Examined {
    let instance = Instance::find(wiring.aws().await?).await?;
    match instance.group() {
        Some(group) => Ok(well(format!("a member of {}", group.name()))),
        None => Ok(warning("the instance is in no Auto Scaling group: nothing to protect it from")),
    }
}
