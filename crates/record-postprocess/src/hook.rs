//! The hook: one announced recording, all the way.

use std::path::PathBuf;

use crate::announced::Announced;
use crate::described::Delivered;
use crate::destination::Destination;
use crate::entry::Entry;
use crate::error::Error;
use crate::job_file::State;
use crate::settings::Settings;
use crate::spool::Spool;
use crate::spooled::Spooled;
use crate::writers::OpenForWriting;

/// How a recording left the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its message is in the queue.
    Delivered,
    /// It was put aside: no frame in it.
    Rejected,
}

/// Spools and delivers an announced recording.
pub fn run(announced: Announced, settings: &Settings) -> Result<(), Error> {
    let spool = Spool::open(&settings.spool)?;
    match announced.spool(&spool) {
        Ok(spooled) => {
            finish(spooled, &OpenForWriting::scan(), &settings.destination, &spool).map(drop)
        }
        Err(Error::NoRecording(path)) => match spool.find(&path)? {
            Some(entry) => announced_before(path, entry, settings, &spool),
            None => Err(Error::NoRecording(path)),
        },
        Err(error) => Err(error),
    }
}

/// The steps from the spool on.
pub fn finish(
    spooled: Spooled,
    writers: &OpenForWriting,
    destination: &Destination,
    spool: &Spool,
) -> Result<Ending, Error> {
    let Some(described) = spooled.examine(writers, spool)? else {
        return Ok(Ending::Rejected);
    };
    let Delivered = described.deliver(destination)?;
    Ok(Ending::Delivered)
}

/// The second announcement of a recording does what the first left undone, if nobody is doing that.
fn announced_before(
    path: PathBuf,
    directory: PathBuf,
    settings: &Settings,
    spool: &Spool,
) -> Result<(), Error> {
    let Some(entry) = Entry::try_lock(directory)? else {
        tracing::info!(?path, "announced before, another process works on it");
        return Ok(());
    };
    if !matches!(entry.job()?, Some(job) if job.state == State::Spooled) {
        tracing::info!(?path, entry = entry.name(), "announced before, nothing left to do");
        return Ok(());
    }
    if !entry.recording().exists() {
        return Err(Error::NoRecording(path));
    }
    let spooled = Spooled::resume(entry, &settings.app, spool)?;
    finish(spooled, &OpenForWriting::scan(), &settings.destination, spool).map(drop)
}
