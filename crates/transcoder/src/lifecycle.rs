//! Signals: the first SIGTERM or Ctrl-C asks politely, the second does not.

use tokio::signal::unix::{SignalKind, signal};
use worker::daemon::Shutdown;

/// Turns this process's signals into a shutdown.
///
/// # Errors
/// If the signal handlers cannot be installed.
pub fn listen() -> std::io::Result<Shutdown> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let shutdown = Shutdown::default();
    let told = shutdown.clone();
    tokio::spawn(async move {
        for token in [&told.soft, &told.hard] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(shutdown)
}

/// The asynchronous runtime; encoding is done by child processes, so few threads are enough.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
