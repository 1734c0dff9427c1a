//! `transcoder run`: the daemon.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use job::ports::Metrics;
use local::{LocalRecordings, LogMetrics};
use worker::children::ChildProcesses;
use worker::daemon::{Daemon, Settings};
use worker::line::Tools;
use worker::profiles::Profiles;

use crate::args::{Run, SettingsFile};
use crate::settings::{FileSettings, children, profile, required};
use crate::{lifecycle, telemetry, wire};

/// Long polls as SQS has them.
const WAIT: Duration = Duration::from_secs(20);
/// Of a daemon that ends when the queue is empty, which it finds out after a poll.
const SHORT_WAIT: Duration = Duration::from_secs(1);
const VISIBILITY_SECONDS: u32 = 120;
const DRAIN_SECONDS: u32 = 60;
const SLOTS: u16 = 2;

impl Run {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let daemon = self.daemon(FileSettings::read(file)?)?;
        telemetry::start("info");
        lifecycle::runtime()?.block_on(async {
            let shutdown = lifecycle::listen()?;
            Ok(daemon.run(shutdown).await?)
        })
    }

    fn daemon(self, file: FileSettings) -> anyhow::Result<Daemon> {
        let queue = required(self.queue.or(file.queue), "queue")?;
        let output = required(self.output.or(file.output), "output")?;
        let name = self.profile.or(file.profile).unwrap_or_else(|| "default".to_owned());
        let profile = profile(&name)?;
        let children = children(self.children.or(file.children));
        let slots = self.slots.or(file.slots).unwrap_or(SLOTS);
        let visibility = self.visibility_timeout.or(file.visibility_timeout);
        let drain = self.drain.or(file.drain).unwrap_or(DRAIN_SECONDS);
        let directory = wire::output_directory(&output)?;
        let allowed = if self.recordings.is_empty() { file.recordings } else { self.recordings };
        let scratch = self.scratch.or(file.scratch).unwrap_or_else(|| directory.join(".work"));
        let metrics: Arc<dyn Metrics> = Arc::new(LogMetrics);
        Ok(Daemon {
            queue: Arc::new(wire::queue(&queue)?),
            tools: Arc::new(Tools {
                store: wire::store(&directory)?,
                recordings: Arc::new(LocalRecordings::new(allowed)),
                engine: Arc::new(ChildProcesses::new(own_program()?, children)),
                profiles: Profiles::new(profile),
                scratch,
                chunks_in_flight: chunks_in_flight(children),
            }),
            metrics,
            settings: Settings {
                slots: usize::from(slots),
                visibility: Duration::from_secs(visibility.unwrap_or(VISIBILITY_SECONDS).into()),
                wait: if self.until_empty { SHORT_WAIT } else { WAIT },
                drain: Duration::from_secs(drain.into()),
                until_empty: self.until_empty,
            },
        })
    }
}

/// The program whose hidden commands are the children: this one.
pub fn own_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("finding this program's own file")
}

/// Two more than run, so that uploads keep no child waiting.
pub fn chunks_in_flight(children: usize) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(children.saturating_add(1))
}
