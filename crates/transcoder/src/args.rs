//! The command line.

#![expect(
    clippy::doc_markdown,
    reason = "these comments are the help texts, for people and not for rustdoc"
)]

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::child::{EncodeChunk, IndexRecording, WholeRecording};
use crate::fleet::FleetKind;

/// Turns recordings of live streams into video on demand (HLS).
#[derive(Parser)]
#[command(version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub settings: SettingsFile,
    #[command(subcommand)]
    pub command: Command,
}

/// Where settings are read that neither a flag nor a variable gives.
#[derive(Args)]
pub struct SettingsFile {
    /// Settings in TOML; flags and TRANSCODER_* variables win over it
    #[arg(long, global = true, value_name = "FILE", env = "TRANSCODER_CONFIG")]
    pub config: Option<PathBuf>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Work on the recordings in a queue until told to stop
    Run(Run),
    /// Publish one recording, without a queue
    Transcode(Transcode),
    /// Show what is in a recording and what would be published; encodes nothing
    Inspect(Inspect),
    /// Hold a published presentation against the quality bar
    Check(Check),
    /// Put recordings into the queue
    Enqueue(Enqueue),
    /// Show how full the queue is, and its dead letters
    Status(Status),
    /// Examine what the daemon would work with
    Doctor(Doctor),
    /// Child of run and transcode
    #[command(hide = true)]
    IndexRecording(IndexRecording),
    /// Child of run and transcode
    #[command(hide = true)]
    EncodeChunk(EncodeChunk),
    /// Child of run and transcode
    #[command(hide = true)]
    CopySource(WholeRecording),
    /// Child of run and transcode
    #[command(hide = true)]
    EncodeAudio(WholeRecording),
    /// Child of run and transcode
    #[command(hide = true)]
    TakePictures(WholeRecording),
}

impl Command {
    /// Whether it is one of the commands that this program gives itself.
    pub fn is_child(&self) -> bool {
        matches!(
            self,
            Self::IndexRecording(_)
                | Self::EncodeChunk(_)
                | Self::CopySource(_)
                | Self::EncodeAudio(_)
                | Self::TakePictures(_)
        )
    }
}

/// Work on the recordings in a queue until told to stop.
///
/// SIGTERM or Ctrl-C stops receiving and gives running jobs the drain time; what is not done by then is handed back to the queue. A second
/// signal stops at once. Nothing is lost either way: a message is deleted only after its presentation is published.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder run --queue sqlite:/var/lib/rec2vod/queue.sqlite --output /srv/vod
  transcoder run --queue sqlite:queue.sqlite --output vod --until-empty
  transcoder run --queue https://sqs.eu-central-1.amazonaws.com/123456789012/recordings \\
      --output s3://egress --recordings s3://ingress --fleet ec2")]
pub struct Run {
    #[command(flatten)]
    pub service: ServiceArguments,
    /// End when nothing is waiting or in flight
    #[arg(long)]
    pub until_empty: bool,
}

/// What the daemon works with.
#[derive(Args)]
pub struct ServiceArguments {
    /// The queue: sqlite:PATH or the https:// URL of one in SQS
    #[arg(long, value_name = "URL", env = "TRANSCODER_QUEUE")]
    pub queue: Option<String>,
    /// Where presentations are published: s3://BUCKET/PREFIX or a directory
    #[arg(long, value_name = "URL", env = "TRANSCODER_OUTPUT")]
    pub output: Option<String>,
    /// Profile of recordings that ask for none: default, fast, quality, 360, reference, or a TOML file
    #[arg(long, value_name = "NAME|FILE", env = "TRANSCODER_PROFILE")]
    pub profile: Option<String>,
    /// Recordings worked on at a time; the cores are shared by all of them
    #[arg(long, env = "TRANSCODER_SLOTS", value_parser = clap::value_parser!(u16).range(1..))]
    pub slots: Option<u16>,
    /// Child processes at a time; each takes one core
    #[arg(long, env = "TRANSCODER_CHILDREN", value_parser = clap::value_parser!(u16).range(1..))]
    pub children: Option<u16>,
    /// How soon another worker takes over from one that died
    #[arg(long, value_name = "SECONDS", env = "TRANSCODER_VISIBILITY_TIMEOUT", value_parser = clap::value_parser!(u32).range(10..=43_200))]
    pub visibility_timeout: Option<u32>,
    /// How long running jobs may go on after a first SIGTERM
    #[arg(long, value_name = "SECONDS", env = "TRANSCODER_DRAIN")]
    pub drain: Option<u32>,
    /// Directory for work in progress, on a disk with room for a recording and its renditions
    /// [default: .work in the output directory; if the output is in S3, systemd's cache directory or the user's]
    #[arg(long, value_name = "DIR", env = "TRANSCODER_SCRATCH")]
    pub scratch: Option<PathBuf>,
    /// Where recordings may be read from: s3://BUCKET/PREFIX or a directory; may be given several times
    /// [default: any directory with a queue of this machine, any bucket with one in SQS]
    #[arg(
        long = "recordings",
        value_name = "PLACE",
        env = "TRANSCODER_RECORDINGS",
        value_delimiter = ','
    )]
    pub recordings: Vec<String>,
    /// Account that every bucket must belong to
    #[arg(long, value_name = "ACCOUNT", env = "TRANSCODER_EXPECTED_OWNER")]
    pub expected_owner: Option<String>,
    /// Who receives measurements: log or cloudwatch:NAMESPACE [default: log, with a queue in SQS cloudwatch:rec2vod]
    #[arg(long, value_name = "RECEIVER", env = "TRANSCODER_METRICS")]
    pub metrics: Option<String>,
    /// Seconds between measurements of the queue, and how fine CloudWatch keeps them: 60 or 10 [default: 60]
    #[arg(long, value_name = "SECONDS", env = "TRANSCODER_METRICS_RESOLUTION")]
    pub metrics_resolution: Option<u16>,
    /// What the machine belongs to [default: none]
    #[arg(long, env = "TRANSCODER_FLEET")]
    pub fleet: Option<FleetKind>,
    #[command(flatten)]
    pub first: SourceFirst,
}

/// Whether the source is published first.
#[derive(Args)]
pub struct SourceFirst {
    /// Publish the source alone within seconds, where it is copied, and the other renditions when they are encoded [default: false]
    #[arg(
        long,
        value_name = "true|false",
        env = "TRANSCODER_SOURCE_FIRST",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = BoolishValueParser::new()
    )]
    pub source_first: Option<bool>,
}

/// Examine what the daemon would work with: settings, credentials, permissions, queue, buckets, FFmpeg, disk.
///
/// Takes the settings of run. Makes the output directory if it is missing, writes a small object, doctor.json, where presentations are
/// published, and a zero to the metric JobsDone.
///
/// Exit codes: 0 the daemon can work, 1 something keeps it from that, 2 usage.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder doctor
  transcoder doctor --queue sqlite:queue.sqlite --output vod
  transcoder doctor --json | jq '.[] | select(.state != \"well\")'")]
pub struct Doctor {
    #[command(flatten)]
    pub service: ServiceArguments,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// Show how full the queue is, and its dead letters with their reasons.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder status --queue sqlite:/var/lib/rec2vod/queue.sqlite
  transcoder status --watch
  transcoder status --json | jq .depth.visible")]
pub struct Status {
    /// The queue: sqlite:PATH or the https:// URL of one in SQS
    #[arg(long, value_name = "URL", env = "TRANSCODER_QUEUE")]
    pub queue: Option<String>,
    /// Look again every two seconds, until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Print it as JSON, one line for each look
    #[arg(long)]
    pub json: bool,
}

/// Publish one recording, without a queue.
///
/// Exit codes: 0 published, 2 usage, 65 the recording is refused, 66 there is no recording, 70 a fault of ours,
/// 75 try again.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder transcode talk.flv -o vod/talk
  transcoder transcode talk.flv -o vod/talk --profile fast
  transcoder transcode s3://ingress/live/talk.flv -o s3://egress/talk
  transcoder transcode talk.flv -o vod/talk --json | jq .renditions
  transcoder transcode talk.flv -o vod/talk --measure --ffmpeg ~/bin/ffmpeg")]
pub struct Transcode {
    /// The recording: FLV, MP4, MPEG-TS or Matroska, a file or s3://BUCKET/KEY
    pub input: PathBuf,
    /// Directory or s3://BUCKET/PREFIX for the presentation; it gets a master.m3u8
    #[arg(short, long, value_name = "DIR|URL")]
    pub output: PathBuf,
    /// default, fast, quality, 360, reference, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "default", env = "TRANSCODER_PROFILE")]
    pub profile: String,
    /// Child processes at a time [default: the number of cores]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub children: Option<u16>,
    #[command(flatten)]
    pub first: SourceFirst,
    /// Report what each rung is worth and what it cost: VMAF, PSNR, bit rates, CPU seconds
    ///
    /// After publishing, each encoded rung is compared with the recording, frame by frame. Both are scaled to the size of the largest
    /// rung, bicubic, as a player would scale them to the screen; VMAF is that of libvmaf's default model. A rung that drops frames
    /// is compared with the frames of its own times. Input and output must be local. What an earlier run encoded costs nothing here.
    #[arg(long)]
    pub measure: bool,
    /// The ffmpeg to measure with; it must have libvmaf
    #[arg(long, value_name = "FILE", default_value = "ffmpeg", env = "TRANSCODER_FFMPEG")]
    pub ffmpeg: PathBuf,
    /// Print what was published as JSON
    #[arg(long)]
    pub json: bool,
}

/// Show what is in a recording and what would be published; encodes nothing.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder inspect talk.flv
  transcoder inspect talk.flv --json | jq .plan.video.rungs")]
pub struct Inspect {
    /// The recording: FLV, MP4, MPEG-TS or Matroska, a file or s3://BUCKET/KEY
    pub input: PathBuf,
    /// default, fast, quality, 360, reference, or a TOML file
    #[arg(long, value_name = "NAME|FILE", default_value = "default", env = "TRANSCODER_PROFILE")]
    pub profile: String,
    /// Print index and plan as JSON
    #[arg(long)]
    pub json: bool,
}

/// Hold a published presentation against the quality bar; only published objects are read.
///
/// Exit codes: 0 no blocker, 1 at least one blocker, 2 usage, 66 there is no presentation, 75 the server cannot be
/// reached.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder check vod/talk
  transcoder check http://127.0.0.1:8080/vod/live/test/1795326084/master.m3u8
  transcoder check vod/talk --json | jq '.findings[] | select(.severity == \"blocker\")'")]
pub struct Check {
    /// Directory or http:// URL of the presentation, or of its multivariant playlist
    #[arg(value_name = "DIR|URL")]
    pub presentation: String,
    /// Look at playlists and boxes only
    #[arg(long)]
    pub no_decode: bool,
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
}

/// Put recordings into the queue, as record-postprocess does.
#[derive(Args)]
#[command(after_help = "Examples:
  transcoder enqueue --queue sqlite:/var/lib/rec2vod/queue.sqlite talk.flv
  transcoder enqueue --queue sqlite:queue.sqlite --app live --profile fast *.flv
  transcoder enqueue --queue https://sqs.eu-central-1.amazonaws.com/123456789012/recordings s3://ingress/live/talk.flv")]
pub struct Enqueue {
    /// The queue: sqlite:PATH or the https:// URL of one in SQS
    #[arg(long, value_name = "URL", env = "TRANSCODER_QUEUE")]
    pub queue: Option<String>,
    /// First component of the presentation's name; an object in S3 is named by its key
    #[arg(long, default_value = "manual")]
    pub app: String,
    /// Profile other than the worker's: default, fast, quality, 360 or reference
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Print the messages' ids as JSON, one line for each
    #[arg(long)]
    pub json: bool,
    /// The recordings: files of this machine, which its workers read, or objects in S3
    #[arg(required = true, value_name = "FILE|s3://...")]
    pub recordings: Vec<PathBuf>,
}
