//! Where events go: one line each. Of a hook, nobody ever sees standard error.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, Registry, fmt};

/// Appends events to a file as JSON, or writes them to standard error as text: without a file, and with one that cannot be opened, for
/// no log is a reason to leave a recording where it may be lost.
pub fn start(file: Option<&Path>) {
    let Some(path) = file else { return start_text() };
    match open(path) {
        Ok(file) => start_json(file),
        Err(error) => {
            start_text();
            tracing::warn!(?path, %error, "log cannot be opened, events go to standard error");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

/// Errors end a command, and `main` prints them on standard error in any case: they are left out here.
fn start_text() {
    let is_told = filter_fn(|event| (Level::WARN..=Level::INFO).contains(event.level()));
    let text = fmt::layer().with_writer(io::stderr).with_ansi(false).with_target(false);
    Registry::default().with(text.with_filter(is_told)).init();
}

fn start_json(file: File) {
    let json = fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_writer(file)
        .with_filter(LevelFilter::INFO);
    Registry::default().with(json).init();
}
