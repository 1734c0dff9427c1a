//! The hook: one announced recording, all the way.

use std::path::PathBuf;

use crate::announced::Announced;
use crate::connection::Connection;
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
    /// A worker can read it, and is told so.
    Delivered,
    /// It was put aside: no frame in it.
    Rejected,
}

/// Spools and delivers an announced recording.
pub fn run(announced: Announced, settings: &Settings) -> Result<(), Error> {
    let spool = Spool::open(&settings.spool)?;
    let spooled = match announced.spool(&spool) {
        Ok(spooled) => spooled,
        Err(Error::NoRecording(path)) => {
            let Some(entry) = spool.find(&path)? else {
                return Err(Error::NoRecording(path));
            };
            match announced_before(path, entry, settings, &spool)? {
                Some(spooled) => spooled,
                None => return Ok(()),
            }
        }
        Err(error) => return Err(error),
    };
    let connection = Connection::to(&settings.destination);
    finish(spooled, &OpenForWriting::scan(), &connection, &spool).map(drop)
}

/// The steps from the spool on.
pub fn finish(
    spooled: Spooled,
    writers: &OpenForWriting,
    connection: &Connection<'_>,
    spool: &Spool,
) -> Result<Ending, Error> {
    let Some(described) = spooled.examine(writers, spool)? else {
        return Ok(Ending::Rejected);
    };
    described.place(connection)?.deliver(connection)?.release()?;
    Ok(Ending::Delivered)
}

/// What the first announcement of a recording left undone, if anything, and if nobody is doing it.
fn announced_before(
    path: PathBuf,
    directory: PathBuf,
    settings: &Settings,
    spool: &Spool,
) -> Result<Option<Spooled>, Error> {
    let Some(entry) = Entry::try_lock(directory)? else {
        tracing::info!(?path, "announced before, another process works on it");
        return Ok(None);
    };
    if !matches!(entry.job()?, Some(job) if job.state == State::Spooled) {
        tracing::info!(?path, entry = entry.name(), "announced before, nothing left to do");
        return Ok(None);
    }
    if !entry.recording().exists() {
        return Err(Error::NoRecording(path));
    }
    Spooled::resume(entry, &settings.app, spool).map(Some)
}
