//! What the settings of the daemon say, with nothing opened yet.

use std::path::PathBuf;
use std::time::Duration;

use cloud::{CloudWatchSettings, Resolution};
use job::profile::Profile;
use worker::daemon::Settings;

use crate::args::ServiceArguments;
use crate::exit::Usage;
use crate::fleet::FleetKind;
use crate::places::{MetricsPlace, OutputPlace, QueuePlace, SourcePlaces};
use crate::settings::{FileSettings, children, profile, required};

/// Long polls as SQS has them.
const WAIT: Duration = Duration::from_secs(20);
/// Of a daemon that ends when the queue is empty, which it finds out after a poll.
const SHORT_WAIT: Duration = Duration::from_secs(1);
const VISIBILITY_SECONDS: u32 = 120;
const DRAIN_SECONDS: u32 = 60;
const SLOTS: u16 = 2;
/// Name of the dimension of all measurements.
const QUEUE_DIMENSION: &str = "Queue";

/// What the settings say, with nothing opened yet.
pub struct Service {
    pub queue: QueuePlace,
    pub output: OutputPlace,
    pub sources: SourcePlaces,
    pub metrics: MetricsPlace,
    pub resolution: Resolution,
    pub fleet: FleetKind,
    pub expected_owner: Option<String>,
    pub profile: Profile,
    pub children: usize,
    pub scratch: PathBuf,
    pub source_first: bool,
    slots: u16,
    visibility: Duration,
    drain: Duration,
}

impl Service {
    /// Reads the settings.
    ///
    /// # Errors
    /// If one is missing or makes no sense.
    pub fn new(flags: ServiceArguments, file: FileSettings) -> anyhow::Result<Self> {
        let queue: QueuePlace = required(flags.queue.or(file.queue), "queue")?.parse()?;
        let output: OutputPlace = required(flags.output.or(file.output), "output")?.parse()?;
        let name = flags.profile.or(file.profile).unwrap_or_else(|| "default".to_owned());
        let listed = given(flags.recordings);
        let listed = if listed.is_empty() { given(file.recordings) } else { listed };
        let metrics = flags.metrics.or(file.metrics).map(|text| text.parse()).transpose()?;
        let resolution = resolution(flags.metrics_resolution.or(file.metrics_resolution))?;
        let visibility = flags.visibility_timeout.or(file.visibility_timeout);
        let drain = flags.drain.or(file.drain).unwrap_or(DRAIN_SECONDS);
        let scratch = flags.scratch.or(file.scratch);
        Ok(Self {
            sources: SourcePlaces::new(&listed)?,
            metrics: metrics.unwrap_or_else(|| MetricsPlace::of_queue(&queue)),
            fleet: flags.fleet.or(file.fleet).unwrap_or_default(),
            expected_owner: flags
                .expected_owner
                .or(file.expected_owner)
                .filter(|id| !id.is_empty()),
            profile: profile(&name)?,
            children: children(flags.children.or(file.children)),
            scratch: scratch.map_or_else(|| default_scratch(&output), Ok)?,
            source_first: flags.first.source_first.or(file.source_first).unwrap_or(false),
            slots: flags.slots.or(file.slots).unwrap_or(SLOTS),
            visibility: Duration::from_secs(visibility.unwrap_or(VISIBILITY_SECONDS).into()),
            drain: Duration::from_secs(drain.into()),
            queue,
            output,
            resolution,
        })
    }

    /// Whether anything in it is on AWS.
    pub fn is_on_aws(&self) -> bool {
        matches!(self.queue, QueuePlace::Sqs(_))
            || matches!(self.output, OutputPlace::S3 { .. })
            || matches!(self.metrics, MetricsPlace::CloudWatch(_))
            || !self.sources.s3.is_empty()
            || self.fleet == FleetKind::Ec2
    }

    /// Where and how measurements go in `CloudWatch`.
    pub fn cloudwatch_settings(&self, namespace: &str) -> CloudWatchSettings {
        CloudWatchSettings {
            namespace: namespace.to_owned(),
            dimensions: vec![(QUEUE_DIMENSION.to_owned(), self.queue.name())],
            resolution: self.resolution,
        }
    }

    /// How the daemon works.
    pub fn settings(&self, until_empty: bool) -> Settings {
        Settings {
            slots: usize::from(self.slots),
            visibility: self.visibility,
            wait: if until_empty { SHORT_WAIT } else { WAIT },
            drain: self.drain,
            sample: self.resolution.period(),
            until_empty,
        }
    }
}

/// A place without a name is one that is not set, as a variable that is empty is.
fn given(mut places: Vec<String>) -> Vec<String> {
    places.retain(|place| !place.is_empty());
    places
}

fn resolution(seconds: Option<u16>) -> Result<Resolution, Usage> {
    match seconds {
        None | Some(60) => Ok(Resolution::Minute),
        Some(10) => Ok(Resolution::TenSeconds),
        Some(other) => Err(Usage(format!("the metrics' resolution is 60 or 10 s, not {other} s"))),
    }
}

/// Beside what is published, where that is a directory; else in the cache that systemd made (`CacheDirectory=`), or the user's own. Not among
/// everybody's temporary files, where anybody may have made the directory before.
///
/// # Errors
/// If there is no such place.
pub fn default_scratch(output: &OutputPlace) -> Result<PathBuf, Usage> {
    if let OutputPlace::Directory(directory) = output {
        return Ok(directory.join(".work"));
    }
    let set = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let users = || set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")));
    set("CACHE_DIRECTORY").or_else(|| Some(users()?.join("rec2vod"))).ok_or_else(|| {
        Usage("no scratch is set: give --scratch, a directory for work in progress".to_owned())
    })
}
