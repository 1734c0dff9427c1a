//! What is in the spool.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use job::ports::Clock as _;
use local::SystemClock;
use serde::Serialize;

use crate::destination::Destination;
use crate::entry::{read_job, recording_of};
use crate::error::Error;
use crate::job_file::{JobFile, State, epoch_seconds};
use crate::settings::Settings;
use crate::spool::Spool;

/// Entries of one state.
#[derive(Debug, Default, Serialize)]
struct Share {
    state: &'static str,
    entries: u64,
    /// Bytes of their recordings.
    bytes: u64,
    /// Seconds since the oldest was announced.
    oldest_seconds: u64,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    spool: &'a Path,
    /// Where recordings are uploaded to, if they are.
    output: Option<String>,
    /// Where messages go, if they do.
    queue: Option<String>,
    states: Vec<Share>,
}

/// Prints how many entries are in which state, how large they are and how old the oldest is, and where recordings go.
pub fn run(settings: &Settings, json: bool) -> Result<(), Error> {
    let spool = Spool::open(&settings.spool)?;
    let mut shares = BTreeMap::new();
    for directory in spool.entries()?.iter().chain(&spool.rejected_entries()?) {
        count(&mut shares, directory);
    }
    let states: Vec<_> =
        shares.into_iter().map(|(state, share)| Share { state, ..share }).collect();
    if !json {
        return print(&states, &settings.destination).map_err(Error::Output);
    }
    let (output, queue) = (settings.destination.output(), settings.destination.queue());
    print_json(&Report { spool: spool.directory(), output, queue, states }).map_err(Error::Output)
}

fn count(shares: &mut BTreeMap<&'static str, Share>, directory: &Path) {
    let recording = fs::symlink_metadata(recording_of(directory)).ok();
    let job = read_job(directory);
    let state = match (&job, &recording) {
        // S3 has the recording.
        (Ok(Some(JobFile { state: State::Delivered { .. }, .. })), None) => "delivered",
        // A hook at work, or what one left that died early.
        (_, None) => "announced",
        (Err(_), _) => "unreadable",
        (Ok(None), _) => "spooled",
        (Ok(Some(job)), _) => match job.state {
            State::Spooled => "spooled",
            State::Delivered { .. } => "delivered",
            State::Rejected { .. } => "rejected",
        },
    };
    let since = job.ok().flatten().map(|job| job.announced_at);
    let modified =
        || fs::metadata(directory).and_then(|metadata| metadata.modified()).map(epoch_seconds);
    let now = epoch_seconds(SystemClock.now());
    let age = now.saturating_sub(since.or_else(|| modified().ok()).unwrap_or(now));
    let share = shares.entry(state).or_default();
    share.entries += 1;
    share.bytes += recording.map_or(0, |metadata| metadata.len());
    share.oldest_seconds = share.oldest_seconds.max(age);
}

fn print_json(report: &Report<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)
}

fn print(states: &[Share], destination: &Destination) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{:<12} {:>8} {:>12} {:>10}", "STATE", "ENTRIES", "SIZE", "OLDEST")?;
    for Share { state, entries, bytes, oldest_seconds } in states {
        writeln!(
            out,
            "{state:<12} {entries:>8} {:>12} {:>10}",
            size(*bytes),
            age(*oldest_seconds)
        )?;
    }
    writeln!(out, "{destination}")
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..10_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}

fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
