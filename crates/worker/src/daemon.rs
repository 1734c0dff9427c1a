//! The daemon: receives messages, does their jobs, and stops in good order.

use std::sync::Arc;
use std::time::Duration;

use job::ports::{Clock, Delivery, Depth, Fleet, Metrics, Queue, QueueError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::attempt::Attempt;
use crate::events;
use crate::guard::Guard;
use crate::health::{Health, SHORTEST_PAUSE};
use crate::jobs::{Jobs, Running};
use crate::lease::Lease;
use crate::line::Tools;
use crate::pulse::{Activity, Pulse};
use crate::sampler::Sampler;
use crate::workdir;

/// How long jobs that were told to stop may take to kill their children and hand back their messages.
const STOPPING: Duration = Duration::from_secs(20);

/// How a daemon works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Jobs at a time, at least 1. More than one keeps the engine busy while a job fetches or publishes.
    pub slots: usize,
    /// Visibility timeout of a message that is worked on: how soon others take over from a worker that died. At least 10 seconds; two minutes
    /// are good.
    pub visibility: Duration,
    /// How long one receive waits for a message; 20 seconds is SQS's longest.
    pub wait: Duration,
    /// How long jobs may go on after a soft shutdown before they are stopped and handed back.
    pub drain: Duration,
    /// End when nothing is visible, delayed or in flight. Where the queue's counts are approximate (SQS), so is this.
    pub until_empty: bool,
    /// How often the queue's depth and what is derived from it are measured. At least a second.
    pub sample: Duration,
}

/// How a daemon is told to stop.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    /// Stop receiving, and stop jobs that take longer than [`Settings::drain`].
    pub soft: CancellationToken,
    /// Stop jobs at once, too. Works alone or after `soft`.
    pub hard: CancellationToken,
}

/// Receives and does jobs.
pub struct Daemon {
    /// Where messages come from.
    pub queue: Arc<dyn Queue>,
    /// What jobs are done with.
    pub tools: Arc<Tools>,
    /// Where measurements go.
    pub metrics: Arc<dyn Metrics>,
    /// Tells how old messages are.
    pub clock: Arc<dyn Clock>,
    /// The group that shall not shrink by a machine that has work; none where there is no group.
    pub fleet: Option<Arc<dyn Fleet>>,
    /// Where it leaves its pulse, for a watchdog.
    pub pulse: Arc<Pulse>,
    /// How it works.
    pub settings: Settings,
}

/// A daemon in the course of its work.
struct Working {
    daemon: Daemon,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    jobs: Arc<Jobs>,
    /// Stops all jobs.
    stop: CancellationToken,
}

impl Daemon {
    /// Works until it is told to stop or, if so set, until the queue is empty. All its jobs have ended when it returns.
    ///
    /// # Errors
    /// If the first receive says that the queue cannot be used at all, or if it does not tell whether it is empty and shall be worked off.
    /// Every other error of the queue is waited out.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), QueueError> {
        if let Err(error) = workdir::remove_stale(&self.tools.scratch) {
            events::workdir_not_removed(&self.tools.scratch, &error);
        }
        let jobs = Jobs::new();
        let (beside, end) = self.start_beside(&jobs);
        let working = Arc::new(Working {
            slots: Arc::new(Semaphore::new(self.settings.slots)),
            tasks: TaskTracker::new(),
            jobs,
            stop: CancellationToken::new(),
            daemon: self,
        });
        let received = working.receive_until(&shutdown).await;
        working.drain(&shutdown).await;
        end.cancel();
        beside.close();
        beside.wait().await;
        received
    }

    /// Starts what goes on beside the jobs, up to a token that ends it.
    fn start_beside(&self, jobs: &Arc<Jobs>) -> (TaskTracker, CancellationToken) {
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let sampler = Sampler {
            queue: Arc::clone(&self.queue),
            metrics: Arc::clone(&self.metrics),
            jobs: Arc::clone(jobs),
            slots: self.settings.slots,
        };
        let sampling = sampler.run(self.settings.sample);
        tasks.spawn(end.clone().run_until_cancelled_owned(sampling));
        if let Some(fleet) = &self.fleet {
            let guard = Guard::new(Arc::clone(fleet), Arc::clone(jobs));
            tasks.spawn(end.clone().run_until_cancelled_owned(guard.run()));
        }
        (tasks, end)
    }
}

impl Working {
    /// Receives one message for each free slot until told to stop.
    async fn receive_until(self: &Arc<Self>, shutdown: &Shutdown) -> Result<(), QueueError> {
        let Daemon { queue, settings, pulse, .. } = &self.daemon;
        let mut health = Health::Unknown;
        loop {
            pulse.enter(Activity::WaitingForSlot);
            let slot = Arc::clone(&self.slots).acquire_owned();
            let Some(Ok(slot)) = unless_shut_down(shutdown, slot).await else {
                return Ok(());
            };
            pulse.enter(Activity::Receiving { wait: settings.wait });
            let receive = queue.receive(settings.wait, settings.visibility);
            let Some(received) = unless_shut_down(shutdown, receive).await else {
                return Ok(());
            };
            let error = match received {
                Ok(Some(delivery)) => {
                    health = health.recovered();
                    self.start(delivery, slot);
                    continue;
                }
                Ok(None) => {
                    health = health.recovered();
                    if settings.until_empty {
                        match unless_shut_down(shutdown, self.is_empty()).await {
                            None | Some(Ok(true)) => return Ok(()),
                            Some(Ok(false)) => {}
                            Some(Err(error)) => return Err(error),
                        }
                    }
                    continue;
                }
                Err(error) => error,
            };
            if matches!((&health, &error), (Health::Unknown, QueueError::Unusable { .. })) {
                return Err(error);
            }
            health = health.failed(&error);
            pulse.enter(Activity::Pausing);
            if unless_shut_down(shutdown, sleep(health.pause())).await.is_none() {
                return Ok(());
            }
        }
    }

    /// Whether nothing is left to do. Fails if the queue will never tell.
    async fn is_empty(&self) -> Result<bool, QueueError> {
        match self.daemon.queue.depth().await {
            Ok(Depth { visible, in_flight, delayed, .. }) => Ok(visible + in_flight + delayed == 0),
            Err(error @ QueueError::Unusable { .. }) => Err(error),
            Err(error) => {
                events::depth_unknown(&error);
                sleep(SHORTEST_PAUSE).await;
                Ok(false)
            }
        }
    }

    /// Does the job of a message on a task of its own.
    fn start(self: &Arc<Self>, delivery: Delivery, slot: OwnedSemaphorePermit) {
        let span = events::job_span(&delivery.id, delivery.receive_count);
        let running = self.jobs.enter(&delivery, self.daemon.clock.now());
        let working = Arc::clone(self);
        let work = async move {
            working.work(delivery, &running).await;
            drop(running);
            drop(slot);
        };
        self.tasks.spawn(work.instrument(span));
    }

    /// Does the job of a message, and then what came of it to the message.
    async fn work(&self, delivery: Delivery, running: &Running) {
        let Daemon { queue, tools, metrics, settings, .. } = &self.daemon;
        let stop = self.stop.child_token();
        let lease = Lease::hold(Arc::clone(queue), delivery, settings.visibility, stop);
        let attempt = Attempt { tools, metrics, fence: lease.fence(), running };
        let verdict = attempt.run(&lease.delivery().body).await;
        lease.finish(verdict).await;
    }

    /// Waits for the jobs: for ever if nobody is in a hurry, else until the drain's end or a hard shutdown; then stops what is left.
    async fn drain(&self, shutdown: &Shutdown) {
        self.daemon.pulse.enter(Activity::Draining);
        self.tasks.close();
        if shutdown.soft.is_cancelled() || shutdown.hard.is_cancelled() {
            events::draining(self.tasks.len(), self.daemon.settings.drain);
        }
        let in_a_hurry = async {
            tokio::select! {
                () = shutdown.hard.cancelled() => {}
                () = async {
                    shutdown.soft.cancelled().await;
                    sleep(self.daemon.settings.drain).await;
                } => {}
            }
        };
        tokio::select! {
            () = self.tasks.wait() => return,
            () = in_a_hurry => {}
        }
        events::stopping_jobs(self.tasks.len());
        self.stop.cancel();
        if timeout(STOPPING, self.tasks.wait()).await.is_err() {
            events::jobs_left_behind(self.tasks.len());
        }
    }
}

/// None if a shutdown comes first. Only for what loses nothing when it is dropped.
async fn unless_shut_down<T>(shutdown: &Shutdown, future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = shutdown.hard.cancelled() => None,
        () = shutdown.soft.cancelled() => None,
        result = future => Some(result),
    }
}
