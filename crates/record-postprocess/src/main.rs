//! The hook that nginx runs when a recording is done (`exec_record_done`), and what delivers whatever the hook left behind.
//!
//! A recording is made durable first and delivered afterwards. Each step is a type that consumes the one before:
//!
//! ```text
//! Announced -> Spooled (renamed, synced: durable) -> Described (size, SHA-256) -> Placed (in S3, HEAD says so; or it stays)
//!                                                 \-> rejected (no frame in it)
//! Placed -> Delivered (a message in the queue; or the event that S3 sends by itself) -> released (what S3 has is deleted here)
//! ```
//!
//! nginx neither waits for the hook nor retries it, gives it an empty environment and `/dev/null`, and may kill it at any moment.
//! So every step leaves on disk what [`sweep`] needs to do the rest.
//!
//! It knows nginx's hook, the spool and where recordings and messages go. It must never know what a recording is turned into, and no FFmpeg.

mod announced;
mod arguments;
mod connection;
mod delivery;
mod described;
mod destination;
mod entry;
mod error;
mod hook;
mod job_file;
mod log;
mod names;
mod recording_file;
mod settings;
mod spool;
mod spooled;
mod status;
mod sweep;
mod upload;
mod writers;

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::arguments::{Arguments, Command};
use crate::error::Error;
use crate::settings::{Merged, Settings};

fn main() -> ExitCode {
    match run(&Arguments::from_process()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has left (`status | head`): Rust ignores SIGPIPE, so it arrives as an error.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            // Of a log that goes to standard error, this is the only line about it: see `log`.
            let _ = writeln!(io::stderr(), "record-postprocess: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let merged = Merged::read(&arguments.settings)?;
    log::start(merged.log());
    merged.warn();
    let settings = Settings::try_from(merged)?;
    match &arguments.command {
        None => hook::run(arguments.hook.announced(&settings.app)?, &settings),
        Some(Command::Sweep { json }) => sweep::run(&settings, *json),
        Some(Command::Status { json }) => status::run(&settings, *json),
    }
}
