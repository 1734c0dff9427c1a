//! Logs: readable lines on a terminal, JSON elsewhere. What is logged is chosen by `TRANSCODER_LOG` (default `info`).

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error.
pub fn start(default: &str) {
    let filter = EnvFilter::builder()
        .with_env_var("TRANSCODER_LOG")
        .try_from_env()
        .unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        logs.compact().with_target(false).init();
    } else {
        logs.json().flatten_event(true).with_target(false).init();
    }
}
