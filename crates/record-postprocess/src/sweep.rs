//! Delivers what the hook left behind, and what it never saw: nginx runs no hook when it is terminated or killed.

use std::fs::{self, Metadata};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use job::ports::Clock as _;
use local::SystemClock;
use serde::Serialize;

use crate::announced::Announced;
use crate::connection::Connection;
use crate::delivery::Delivered;
use crate::entry::{Entry, read_job, recording_of};
use crate::error::Error;
use crate::hook::{Ending, finish};
use crate::job_file::{JobFile, State, epoch_seconds};
use crate::recording_file::is_settled;
use crate::settings::Settings;
use crate::spool::Spool;
use crate::spooled::Spooled;
use crate::writers::OpenForWriting;

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
}

/// Adopts, then delivers, then prints what was done.
pub fn run(settings: &Settings, json: bool) -> Result<(), Error> {
    let spool = Spool::open(&settings.spool)?;
    let mut swept = Swept::default();
    forget_delivered(&mut swept, &spool)?;
    adopt_unfinished(&mut swept, settings, &spool)?;
    if let Some(record_path) = &settings.record_path {
        adopt_orphans(&mut swept, record_path, settings, &spool)?;
    }
    let delivery = deliver(&mut swept, settings, &spool);
    print(&swept, json).map_err(Error::Output)?;
    delivery?;
    if swept.failed > 0 { Err(Error::Failures(swept.failed)) } else { Ok(()) }
}

/// Entries whose recordings S3 has go after a while: no second announcement is to be expected any more.
fn forget_delivered(swept: &mut Swept, spool: &Spool) -> Result<(), Error> {
    let now = epoch_seconds(SystemClock.now());
    for directory in spool.entries()? {
        let Ok(Some(JobFile { state: State::Delivered { delivered_at, .. }, .. })) =
            read_job(&directory)
        else {
            continue;
        };
        let is_here = fs::symlink_metadata(recording_of(&directory)).is_ok();
        if is_here || now.saturating_sub(delivered_at) < REMEMBERED {
            continue;
        }
        if let Some(entry) = Entry::try_lock(directory)?
            && let Err(error) = entry.remove()
        {
            swept.fail(&error);
        }
    }
    Ok(())
}

/// Entries whose hook died before it moved the recording: their names are used if the recording is still there, then they go.
fn adopt_unfinished(swept: &mut Swept, settings: &Settings, spool: &Spool) -> Result<(), Error> {
    let writers = OpenForWriting::scan();
    for directory in spool.entries()? {
        // A young one may be of a hook that is at work.
        let is_old =
            fs::metadata(&directory).is_ok_and(|metadata| is_settled(&metadata, settings.settle));
        let Some(entry) = Entry::try_lock(directory)?.filter(|_| is_old) else {
            continue;
        };
        let is_delivered =
            matches!(entry.job(), Ok(Some(JobFile { state: State::Delivered { .. }, .. })));
        if is_delivered || fs::symlink_metadata(entry.recording()).is_ok() {
            continue;
        }
        let adopted = finish_announcement(entry, &writers, settings, spool);
        swept.count_adopted(adopted);
    }
    Ok(())
}

/// True if the recording was adopted.
fn finish_announcement(
    entry: Entry,
    writers: &OpenForWriting,
    settings: &Settings,
    spool: &Spool,
) -> Result<bool, Error> {
    let announced = entry.job()?.map(|job| Announced {
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

fn adopt_orphans(
    swept: &mut Swept,
    record_path: &Path,
    settings: &Settings,
    spool: &Spool,
) -> Result<(), Error> {
    let recordings = recordings_in(record_path).map_err(Error::io("listing", record_path))?;
    let writers = OpenForWriting::scan();
    for path in recordings {
        if !is_done(&path, &writers, settings) {
            swept.busy += 1;
            continue;
        }
        swept.count_adopted(adopt(Announced::orphan(path, &settings.app), spool));
    }
    Ok(())
}

/// Spools a recording for [`deliver`] to find; false if a hook was faster.
fn adopt(announced: Announced, spool: &Spool) -> Result<bool, Error> {
    match announced.spool(spool) {
        Ok(_) => Ok(true),
        Err(Error::NoRecording(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Delivers every entry that is not delivered. Ends where it would fare no better with the next; the first error is the result.
fn deliver(swept: &mut Swept, settings: &Settings, spool: &Spool) -> Result<(), Error> {
    let writers = OpenForWriting::scan();
    let connection = Connection::to(&settings.destination);
    let mut result = Ok(());
    let mut entries = spool.entries()?.into_iter();
    while let Some(directory) = entries.next() {
        match deliver_entry(directory, &writers, &connection, settings, spool) {
            Ok(Some(Ending::Delivered)) => swept.delivered += 1,
            Ok(Some(Ending::Rejected)) => swept.rejected += 1,
            Ok(None) => {}
            Err(Error::StillWritten(_)) => swept.busy += 1,
            Err(Error::Undelivered(error)) if error.is_of_one_recording() => {
                tracing::warn!("{error}");
                swept.undelivered += 1;
                result = result.and(Err(Error::Undelivered(error)));
            }
            Err(error @ Error::Undelivered(_)) => {
                swept.undelivered += 1 + entries.filter(|rest| is_spooled(rest)).count();
                return result.and(Err(error));
            }
            Err(error) => swept.fail(&error),
        }
    }
    result
}

/// `None` if there is nothing to do, or another process is doing it.
fn deliver_entry(
    directory: PathBuf,
    writers: &OpenForWriting,
    connection: &Connection<'_>,
    settings: &Settings,
    spool: &Spool,
) -> Result<Option<Ending>, Error> {
    let Some(entry) = Entry::try_lock(directory)? else {
        return Ok(None);
    };
    if fs::symlink_metadata(entry.recording()).is_err() {
        return Ok(None);
    }
    match entry.job()? {
        Some(JobFile { state: State::Spooled, .. }) | None => {
            let spooled = Spooled::resume(entry, &settings.app, spool)?;
            finish(spooled, writers, connection, spool).map(Some)
        }
        // The hook died before it had moved it aside.
        Some(JobFile { state: State::Rejected { .. }, .. }) => {
            spool.put_aside(entry).map(|()| Some(Ending::Rejected))
        }
        // The hook died before it had deleted what S3 has.
        Some(job) => {
            Delivered::resume(entry, job).map_or(Ok(()), Delivered::release).map(|()| None)
        }
    }
}

fn is_spooled(directory: &Path) -> bool {
    matches!(read_job(directory), Ok(Some(job)) if job.state == State::Spooled)
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
    let Swept { adopted, delivered, rejected, busy, undelivered, failed } = swept;
    writeln!(
        out,
        "{adopted} adopted, {delivered} delivered, {rejected} rejected, {busy} busy, {undelivered} undelivered, {failed} failed"
    )
}

impl Swept {
    fn count_adopted(&mut self, adopted: Result<bool, Error>) {
        match adopted {
            Ok(adopted) => self.adopted += usize::from(adopted),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &Error) {
        tracing::warn!("{error}");
        self.failed += 1;
    }
}
