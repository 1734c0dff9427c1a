//! The recordings of the spool, one after the other, to where they go.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::Swept;
use crate::connection::{Connection, DeliveryError, Reach};
use crate::delivery::Delivered;
use crate::entry::{Entry, read_job};
use crate::error::Error;
use crate::hook::{Ending, finish};
use crate::job_file::{JobFile, State};
use crate::settings::Settings;
use crate::spool::Spool;
use crate::spooled::Spooled;
use crate::writers::OpenForWriting;

/// After so many recordings in a row that did not come through, each of which may take minutes, it is not theirs to be blamed.
const TRANSIENT_FAILURES: u32 = 3;

/// What a sweep delivers, over one connection.
#[derive(Debug)]
pub struct Deliveries<'a> {
    settings: &'a Settings,
    spool: &'a Spool,
    connection: Connection<'a>,
    /// Entries that had their turn.
    seen: HashSet<PathBuf>,
    /// Failures since one came through that may pass by themselves.
    transient_failures: u32,
    /// The others would fare no better.
    is_over: bool,
    first_error: Option<DeliveryError>,
}

impl<'a> Deliveries<'a> {
    /// Delivers nothing yet, calls nobody.
    pub fn new(settings: &'a Settings, spool: &'a Spool) -> Self {
        Self {
            settings,
            spool,
            connection: Connection::to(&settings.destination),
            seen: HashSet::new(),
            transient_failures: 0,
            is_over: false,
            first_error: None,
        }
    }

    /// Delivers every entry that is not delivered and had no turn yet, oldest first. Whatever is wrong with one of them, the others have
    /// their turn, unless they would fare no better.
    pub fn deliver_new(&mut self, swept: &mut Swept) -> Result<(), Error> {
        let writers = OpenForWriting::scan();
        for directory in self.spool.entries()? {
            if !self.seen.insert(directory.clone()) {
                continue;
            }
            if self.is_over {
                swept.undelivered += usize::from(is_spooled(&directory));
                continue;
            }
            match self.deliver(directory.clone(), &writers) {
                Ok(Some(Ending::Delivered)) => {
                    self.transient_failures = 0;
                    swept.delivered += 1;
                }
                Ok(Some(Ending::Rejected)) => swept.rejected += 1,
                Ok(None) => {}
                Err(Error::StillWritten(_)) => swept.busy += 1,
                Err(Error::Undelivered(error)) => {
                    tracing::warn!("{error}");
                    swept.undelivered += 1;
                    self.note(error);
                }
                Err(error) => swept.fail(&directory, &error),
            }
        }
        Ok(())
    }

    /// The first reason for which a recording stayed.
    pub fn result(self) -> Result<(), Error> {
        self.first_error.map_or(Ok(()), |error| Err(Error::Undelivered(error)))
    }

    fn note(&mut self, error: DeliveryError) {
        self.transient_failures = match error.reach() {
            Reach::Unknown => self.transient_failures + 1,
            // Somebody answered.
            Reach::One | Reach::All => 0,
        };
        self.is_over = error.reach() == Reach::All || self.transient_failures == TRANSIENT_FAILURES;
        self.first_error.get_or_insert(error);
    }

    /// `None` if there is nothing to do, or another process is doing it.
    fn deliver(
        &self,
        directory: PathBuf,
        writers: &OpenForWriting,
    ) -> Result<Option<Ending>, Error> {
        let Some(entry) = Entry::try_lock(directory)? else {
            return Ok(None);
        };
        if fs::symlink_metadata(entry.recording()).is_err() {
            return Ok(None);
        }
        match entry.job()? {
            Some(JobFile { state: State::Spooled, .. }) | None => {
                let spooled = Spooled::resume(entry, &self.settings.app, self.spool)?;
                finish(spooled, writers, &self.connection, self.spool).map(Some)
            }
            // The hook died before it had moved it aside.
            Some(JobFile { state: State::Rejected { .. }, .. }) => {
                self.spool.put_aside(entry).map(|()| Some(Ending::Rejected))
            }
            // The hook died before it had deleted what S3 has.
            Some(job) => {
                Delivered::resume(entry, job).map_or(Ok(()), Delivered::release).map(|()| None)
            }
        }
    }
}

fn is_spooled(directory: &Path) -> bool {
    matches!(read_job(directory), Ok(Some(job)) if job.state == State::Spooled)
}
