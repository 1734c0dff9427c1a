//! Where events go: one line each. Of a hook, nobody ever sees standard error.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

use crate::settings::SettingsError;

/// Appends events to a file as JSON, or writes them to standard error as text.
///
/// Errors end a command, and `main` prints them on standard error in any case: as text they are left out here.
pub fn start(file: Option<&Path>) -> Result<(), SettingsError> {
    let Some(path) = file else {
        let text =
            fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(false).with_filter(
                filter_fn(|event| (Level::WARN..=Level::INFO).contains(event.level())),
            );
        Registry::default().with(text).init();
        return Ok(());
    };
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
        .map_err(|source| SettingsError::Log { path: path.to_owned(), source })?;
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_writer(file)
        .with_filter(LevelFilter::INFO);
    Registry::default().with(json).init();
    Ok(())
}
