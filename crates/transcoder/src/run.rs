//! `transcoder run`: the daemon.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cloud::CloudWatchMetrics;
use job::ports::{Fleet, Metrics};
use local::{LogMetrics, SystemClock};
use tokio::time::timeout;
use worker::children::ChildProcesses;
use worker::daemon::{Daemon, Settings};
use worker::line::Tools;
use worker::profiles::Profiles;
use worker::pulse::Pulse;

use crate::args::{Run, SettingsFile};
use crate::checks::{require_output, require_queue};
use crate::fleet::{FleetKind, Instance};
use crate::places::{MetricsPlace, OutputPlace};
use crate::service::Service;
use crate::settings::FileSettings;
use crate::wire::{OpenQueue, Wiring};
use crate::{lifecycle, systemd, telemetry};

/// How long the last measurements may take.
const FLUSH: Duration = Duration::from_secs(5);
/// How long a word to the group may take.
const LEAVE: Duration = Duration::from_secs(10);

impl Run {
    /// Runs the command.
    pub fn run(self, file: &SettingsFile) -> anyhow::Result<()> {
        let service = Service::new(self.service, FileSettings::read(file)?)?;
        let settings = service.settings(self.until_empty);
        telemetry::start("info");
        lifecycle::runtime()?.block_on(service.run(settings))
    }
}

impl Service {
    async fn run(self, settings: Settings) -> anyhow::Result<()> {
        let shutdown = lifecycle::listen()?;
        let wiring = Wiring::new(self.expected_owner.clone());
        let cloudwatch = self.cloudwatch(&wiring).await?.map(Arc::new);
        let metrics: Arc<dyn Metrics> = match &cloudwatch {
            Some(cloudwatch) => cloudwatch.clone(),
            None => Arc::new(LogMetrics),
        };
        let instance = self.instance(&wiring).await?;
        if let Some(instance) = &instance {
            instance.watch(shutdown.soft.clone()).await;
        }
        let queue = wiring.queue(&self.queue).await?;
        require_queue(&queue).await?;
        let tools = self.tools(&wiring).await?;
        if let OutputPlace::S3 { .. } = self.output {
            // Opening a directory has tried it.
            require_output(tools.store.as_ref()).await?;
        }
        let group = instance.as_ref().and_then(Instance::group);
        let pulse = Arc::new(Pulse::default());
        let daemon = Daemon {
            queue: queue.port(),
            tools: Arc::new(tools),
            metrics,
            clock: Arc::new(SystemClock),
            fleet: group.map(|group| Arc::new(group.clone()) as Arc<dyn Fleet>),
            pulse: pulse.clone(),
            settings,
        };
        systemd::accompany(pulse, shutdown.soft.clone());
        let worked = daemon.run(shutdown.clone()).await;
        if let OpenQueue::Sqs(sqs) = &queue {
            // Whoever is in a hurry leaves what still comes to the visibility timeout.
            let _ = shutdown.hard.run_until_cancelled(sqs.settle()).await;
        }
        if let Some(cloudwatch) = cloudwatch {
            cloudwatch.flush(FLUSH).await;
        }
        if let Some(instance) = instance {
            // The group's patience ends by itself.
            let _ = timeout(LEAVE, instance.leave()).await;
        }
        Ok(worked?)
    }

    async fn tools(&self, wiring: &Wiring) -> anyhow::Result<Tools> {
        Ok(Tools {
            store: wiring.store(&self.output).await?,
            recordings: Arc::new(wiring.recordings(self.sources.clone(), &self.queue).await?),
            engine: Arc::new(ChildProcesses::new(own_program()?, self.children)),
            profiles: Profiles::new(self.profile.clone()),
            scratch: self.scratch.clone(),
            chunks_in_flight: chunks_in_flight(self.children),
            source_first: self.source_first,
        })
    }

    async fn cloudwatch(&self, wiring: &Wiring) -> anyhow::Result<Option<CloudWatchMetrics>> {
        let MetricsPlace::CloudWatch(namespace) = &self.metrics else { return Ok(None) };
        let settings = self.cloudwatch_settings(namespace);
        Ok(Some(CloudWatchMetrics::start(wiring.aws().await?, settings, Arc::new(SystemClock))))
    }

    async fn instance(&self, wiring: &Wiring) -> anyhow::Result<Option<Instance>> {
        match self.fleet {
            FleetKind::None => Ok(None),
            FleetKind::Ec2 => Ok(Some(Instance::find(wiring.aws().await?).await?)),
        }
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
