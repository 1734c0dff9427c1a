//! The daemon: receives messages, does their jobs, and stops in good order.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use job::failure::{Decision, Failure, Step};
use job::message;
use job::ports::{Delivery, Depth, Measure, Metrics, Queue, QueueError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::events;
use crate::lease::{Lease, Verdict};
use crate::line::{Job, Outcome, Tools, run_job};
use crate::progress::LoggedProgress;
use crate::workdir;

/// Pause after the first receive that failed; doubled after each more.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause between receives that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
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
    /// How it works.
    pub settings: Settings,
}

/// A daemon in the course of its work.
struct Running {
    daemon: Daemon,
    slots: Arc<Semaphore>,
    jobs: TaskTracker,
    /// How many jobs are being done, for measuring.
    working: AtomicU32,
    /// Stops all jobs.
    stop: CancellationToken,
}

impl Daemon {
    /// Works until it is told to stop or, if so set, until the queue is empty. All its jobs have ended when it returns.
    ///
    /// # Errors
    /// If the queue cannot be used at all. Once a receive has succeeded, every error of the queue is waited out.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), QueueError> {
        if let Err(error) = workdir::remove_stale(&self.tools.scratch) {
            events::workdir_not_removed(&self.tools.scratch, &error);
        }
        let running = Arc::new(Running {
            slots: Arc::new(Semaphore::new(self.settings.slots)),
            jobs: TaskTracker::new(),
            working: AtomicU32::new(0),
            stop: CancellationToken::new(),
            daemon: self,
        });
        let received = running.receive_until(&shutdown).await;
        running.drain(&shutdown).await;
        received
    }
}

impl Running {
    /// Receives one message for each free slot until told to stop.
    async fn receive_until(self: &Arc<Self>, shutdown: &Shutdown) -> Result<(), QueueError> {
        let Daemon { queue, settings, .. } = &self.daemon;
        let mut health = Health::Unknown;
        loop {
            let slot = Arc::clone(&self.slots).acquire_owned();
            let Some(Ok(slot)) = unless_shut_down(shutdown, slot).await else {
                return Ok(());
            };
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
                    if settings.until_empty && self.is_empty().await {
                        return Ok(());
                    }
                    continue;
                }
                Err(error) => error,
            };
            if matches!((&health, &error), (Health::Unknown, QueueError::Unusable { .. })) {
                return Err(error);
            }
            health = health.failed(&error);
            if unless_shut_down(shutdown, sleep(health.pause())).await.is_none() {
                return Ok(());
            }
        }
    }

    async fn is_empty(&self) -> bool {
        match self.daemon.queue.depth().await {
            Ok(Depth { visible, in_flight, delayed, .. }) => visible + in_flight + delayed == 0,
            Err(error) => {
                events::depth_unknown(&error);
                sleep(SHORTEST_PAUSE).await;
                false
            }
        }
    }

    /// Does the job of a message on a task of its own.
    fn start(self: &Arc<Self>, delivery: Delivery, slot: OwnedSemaphorePermit) {
        let span = events::job_span(&delivery.id, delivery.receive_count);
        let running = Arc::clone(self);
        let work = async move {
            running.measure_jobs(running.working.fetch_add(1, Ordering::Relaxed) + 1);
            running.work(delivery).await;
            running.measure_jobs(running.working.fetch_sub(1, Ordering::Relaxed) - 1);
            drop(slot);
        };
        self.jobs.spawn(work.instrument(span));
    }

    /// Does the job of a message, and then what the outcome asks for the message.
    async fn work(&self, delivery: Delivery) {
        let stop = self.stop.child_token();
        let queue = Arc::clone(&self.daemon.queue);
        let lease = Lease::hold(queue, delivery, self.daemon.settings.visibility, stop);
        let started = Instant::now();
        let result = self.attempt(&lease).await;
        let verdict = match &result {
            Ok(outcome) => {
                events::job_ended(*outcome, started.elapsed());
                Verdict::Done
            }
            Err(failure) => {
                events::job_failed(failure, started.elapsed());
                match failure.decision {
                    Decision::Retry => Verdict::Retry,
                    Decision::Reject => Verdict::Reject(failure.to_string()),
                    Decision::HandBack => Verdict::HandBack,
                }
            }
        };
        lease.finish(verdict).await;
    }

    async fn attempt(&self, lease: &Lease) -> Result<Outcome, Failure> {
        let recording = message::parse(&lease.delivery().body)
            .map_err(|error| Failure::reject(Step::Request, error))?;
        events::job_started(&recording.source.to_string());
        let job = Job {
            recording,
            tools: Arc::clone(&self.daemon.tools),
            fence: lease.fence(),
            observer: Arc::new(LoggedProgress::new(Arc::clone(&self.daemon.metrics))),
        };
        // A task of its own, so that a panic ends this job only.
        let job = tokio::spawn(run_job(job).in_current_span());
        job.await.unwrap_or_else(|error| {
            let message = match error.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()),
                Err(error) => error.to_string(),
            };
            Err(Failure::retry(Step::Request, format!("the job panicked: {message}")))
        })
    }

    /// Waits for the jobs: for ever if nobody is in a hurry, else until the drain's end or a hard shutdown; then stops what is left.
    async fn drain(&self, shutdown: &Shutdown) {
        self.jobs.close();
        if shutdown.soft.is_cancelled() || shutdown.hard.is_cancelled() {
            events::draining(self.jobs.len(), self.daemon.settings.drain);
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
            () = self.jobs.wait() => return,
            () = in_a_hurry => {}
        }
        events::stopping_jobs(self.jobs.len());
        self.stop.cancel();
        if timeout(STOPPING, self.jobs.wait()).await.is_err() {
            events::jobs_left_behind(self.jobs.len());
        }
    }

    fn measure_jobs(&self, jobs: u32) {
        self.daemon.metrics.record(Measure { name: "jobs_running", value: f64::from(jobs) });
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

/// What receives say of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Health {
    /// Nothing was received yet.
    Unknown,
    /// The last receive succeeded.
    Well,
    /// The last receives failed.
    Ill { failures: u32, error: String },
}

impl Health {
    fn recovered(self) -> Self {
        if matches!(self, Self::Ill { .. }) {
            events::receive_recovered();
        }
        Self::Well
    }

    /// Logs an error only if the one before was another.
    fn failed(self, error: &QueueError) -> Self {
        let sentence = error.to_string();
        let (failures, is_known) = match self {
            Self::Unknown | Self::Well => (0, false),
            Self::Ill { failures, error } => (failures, error == sentence),
        };
        if !is_known {
            events::receive_failed(error);
        }
        Self::Ill { failures: failures.saturating_add(1), error: sentence }
    }

    fn pause(&self) -> Duration {
        match self {
            Self::Unknown | Self::Well => Duration::ZERO,
            Self::Ill { failures, .. } => {
                let doublings = failures.saturating_sub(1).min(16);
                (SHORTEST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
            }
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
