//! Delivers what the hook left behind, and what it never saw: nginx runs no hook when it is terminated or killed.

mod deliveries;

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use job::ports::Clock as _;
use local::SystemClock;
use serde::Serialize;

use crate::announced::Announced;
use crate::entry::Entry;
use crate::error::Error;
use crate::job_file::{JobFile, State, epoch_seconds};
use crate::recording_file::is_settled;
use crate::settings::Settings;
use crate::spool::Spool;
use crate::writers::OpenForWriting;

use deliveries::Deliveries;

/// How long a delivered recording that is no longer here is known for announced, in seconds: 7 days.
const REMEMBERED: u64 = 7 * 24 * 3_600;

/// What a sweep has done, in recordings.
#[derive(Debug, Default, Serialize)]
struct Swept {
    /// Taken into the spool: nobody had announced them, or the hook died before it could move them.
    adopted: usize,
    /// Delivered, the adopted ones included.
    delivered: usize,
    /// Put aside for want of a frame.
    rejected: usize,
    /// Left to others for now: open for writing, or another process works on them.
    busy: usize,
    /// Still in the spool because S3 or the queue did not take them.
    undelivered: usize,
    /// Could not be treated; the log has a line on each.
    failed: usize,
    /// What these are.
    #[serde(skip)]
    faulty: HashSet<PathBuf>,
}

/// Delivers what is in the spool, adopts what is not, delivers that as well, then prints what was done. What cannot be treated is counted
/// and holds up nothing else.
pub fn run(settings: &Settings, json: bool) -> Result<(), Error> {
    let spool = Spool::open(&settings.spool)?;
    let mut swept = Swept::default();
    let mut deliveries = Deliveries::new(settings, &spool);
    deliveries.deliver_new(&mut swept)?;
    tidy(&mut swept, settings, &spool)?;
    if let Some(record_path) = &settings.record_path {
        adopt_orphans(&mut swept, record_path, settings, &spool);
    }
    deliveries.deliver_new(&mut swept)?;
    print(&swept, json).map_err(Error::Output)?;
    deliveries.result()?;
    if swept.failed > 0 { Err(Error::Failures(swept.failed)) } else { Ok(()) }
}

/// Entries without a recording.
fn tidy(swept: &mut Swept, settings: &Settings, spool: &Spool) -> Result<(), Error> {
    let writers = OpenForWriting::scan();
    for directory in spool.entries()? {
        let adopted = tidy_entry(directory.clone(), &writers, settings, spool);
        swept.count_adopted(&directory, adopted);
    }
    Ok(())
}

/// True if a recording was adopted.
///
/// Entries whose recordings S3 has go after a while: no second announcement is to be expected any more. Of those whose hook died before it
/// moved the recording the names are used if the recording is still there, then they go.
fn tidy_entry(
    directory: PathBuf,
    writers: &OpenForWriting,
    settings: &Settings,
    spool: &Spool,
) -> Result<bool, Error> {
    let metadata = fs::metadata(&directory);
    let Some(entry) = Entry::try_lock(directory)? else { return Ok(false) };
    if fs::symlink_metadata(entry.recording()).is_ok() {
        return Ok(false);
    }
    match entry.job()? {
        Some(JobFile { state: State::Delivered { delivered_at, .. }, .. }) => {
            let age = epoch_seconds(SystemClock.now()).saturating_sub(delivered_at);
            let is_forgotten = age >= REMEMBERED;
            if is_forgotten { entry.remove().map(|()| false) } else { Ok(false) }
        }
        job => {
            // A young one may be of a hook that is at work.
            let is_old = metadata.is_ok_and(|metadata| is_settled(&metadata, settings.settle));
            if is_old {
                finish_announcement(entry, job, writers, settings, spool)
            } else {
                Ok(false)
            }
        }
    }
}

/// True if the recording was adopted.
fn finish_announcement(
    entry: Entry,
    job: Option<JobFile>,
    writers: &OpenForWriting,
    settings: &Settings,
    spool: &Spool,
) -> Result<bool, Error> {
    let announced = job.map(|job| Announced {
        path: PathBuf::from(job.path),
        app: job.app,
        stream: job.stream,
        session: Some(job.session),
        recovered: true,
    });
    let adopted = match announced.filter(|a| is_done(&a.path, writers, settings)) {
        Some(announced) => adopt(announced, spool)?,
        None => false,
    };
    entry.remove()?;
    Ok(adopted)
}

fn adopt_orphans(swept: &mut Swept, record_path: &Path, settings: &Settings, spool: &Spool) {
    let recordings = match recordings_in(record_path) {
        Ok(recordings) => recordings,
        Err(error) => return swept.fail(record_path, &Error::io("listing", record_path)(error)),
    };
    let writers = OpenForWriting::scan();
    for path in recordings {
        if !is_done(&path, &writers, settings) {
            swept.busy += 1;
            continue;
        }
        let adopted = adopt(Announced::orphan(path.clone(), &settings.app), spool);
        swept.count_adopted(&path, adopted);
    }
}

/// Spools a recording for [`Deliveries`] to find; false if a hook was faster.
fn adopt(announced: Announced, spool: &Spool) -> Result<bool, Error> {
    match announced.spool(spool) {
        Ok(_) => Ok(true),
        Err(Error::NoRecording(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a recording that nobody announced may be taken: nobody writes to it, and nobody has for a while. What is no plain
/// file is let through, to be refused by name.
fn is_done(path: &Path, writers: &OpenForWriting, settings: &Settings) -> bool {
    let is_quiet =
        |metadata: Metadata| is_settled(&metadata, settings.settle) && !writers.contains(&metadata);
    fs::symlink_metadata(path).is_ok_and(is_quiet)
}

fn recordings_in(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let directory = fs::canonicalize(directory)?;
    let mut recordings = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let is_flv = entry.file_name().as_encoded_bytes().ends_with(b".flv");
        if is_flv && !entry.file_type()?.is_dir() {
            recordings.push(entry.path());
        }
    }
    recordings.sort();
    Ok(recordings)
}

fn print(swept: &Swept, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, swept)?;
        return writeln!(out);
    }
    let Swept { adopted, delivered, rejected, busy, undelivered, failed, .. } = swept;
    writeln!(
        out,
        "{adopted} adopted, {delivered} delivered, {rejected} rejected, {busy} busy, {undelivered} undelivered, {failed} failed"
    )
}

impl Swept {
    fn count_adopted(&mut self, path: &Path, adopted: Result<bool, Error>) {
        match adopted {
            Ok(adopted) => self.adopted += usize::from(adopted),
            Err(error) => self.fail(path, &error),
        }
    }

    /// Notes what cannot be treated, once.
    fn fail(&mut self, path: &Path, error: &Error) {
        if self.faulty.insert(path.to_owned()) {
            tracing::warn!("{error}");
            self.failed += 1;
        }
    }
}
