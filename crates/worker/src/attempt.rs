//! One attempt at a message: whatever recordings it asks for are done one after another, and what came of them decides over the message.

use std::any::Any;
use std::sync::Arc;

use job::failure::{Decision, Failure, Step};
use job::message::{self, Request};
use job::metric::Metric;
use job::ports::{Measure, Metrics};
use job::recording::Recording;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::drain::count;
use crate::events;
use crate::fence::Fence;
use crate::jobs::{Gauge, Running};
use crate::lease::Verdict;
use crate::line::{Job, Outcome, Tools, run_job};
use crate::progress::{LoggedProgress, Observer, Progress};

/// What an attempt needs.
pub(crate) struct Attempt<'a> {
    /// What jobs are done with.
    pub(crate) tools: &'a Arc<Tools>,
    /// Where measurements go.
    pub(crate) metrics: &'a Arc<dyn Metrics>,
    /// Whether it may still go on.
    pub(crate) fence: Fence,
    /// Where it is counted.
    pub(crate) running: &'a Running,
}

impl Attempt<'_> {
    /// Does what the body of a message asks for.
    pub(crate) async fn run(self, body: &str) -> Verdict {
        match message::parse(body) {
            Ok(Request::Publish(recordings)) => self.publish(recordings).await,
            Ok(Request::Nothing(why)) => {
                events::nothing_asked(why);
                Verdict::Done
            }
            Err(error) => {
                let failure = Failure::reject(Step::Request, error);
                events::message_rejected(&failure);
                self.measure_failure(&failure);
                Verdict::Reject(failure.to_string())
            }
        }
    }

    /// Does the recordings that can be done. Those that are done are found published when the message comes again for the others.
    async fn publish(&self, recordings: Vec<Recording>) -> Verdict {
        let shares = recordings.len();
        let mut refused = Refused::new(shares);
        let (mut is_retried, mut has_published) = (false, false);
        for (before, recording) in recordings.into_iter().enumerate() {
            if self.fence.is_closed() {
                return Verdict::HandBack;
            }
            let source = recording.source.to_string();
            let gauge = Share { gauge: self.running.gauge(), before, shares };
            let job = self.publish_one(recording, gauge);
            match job.instrument(events::recording_span(&source)).await {
                Ok(outcome) => has_published |= outcome == Outcome::Published,
                Err(Failure { decision: Decision::HandBack, .. }) => return Verdict::HandBack,
                Err(Failure { decision: Decision::Retry, .. }) => is_retried = true,
                Err(failure) => refused.add(&source, &failure),
            }
        }
        if is_retried {
            return Verdict::Retry;
        }
        if let Some(reason) = refused.reason() {
            return Verdict::Reject(reason);
        }
        if has_published {
            self.running.published();
        }
        Verdict::Done
    }

    async fn publish_one(&self, recording: Recording, share: Share) -> Result<Outcome, Failure> {
        events::job_started();
        let started = Instant::now();
        let logged = LoggedProgress::new(Arc::clone(self.metrics));
        let job = Job {
            recording,
            tools: Arc::clone(self.tools),
            fence: self.fence.clone(),
            observer: Arc::new(Watched { logged, share }),
        };
        // A task of its own, so that a panic ends this job only.
        let job = tokio::spawn(run_job(job).in_current_span());
        let result = job.await.unwrap_or_else(|error| {
            let message = match error.try_into_panic() {
                Ok(payload) => panic_message(payload.as_ref()),
                Err(error) => error.to_string(),
            };
            Err(Failure::retry(Step::Request, format!("the job panicked: {message}")))
        });
        match &result {
            Ok(outcome) => {
                events::job_ended(*outcome, started.elapsed());
                self.metrics.record(Measure::new(Metric::JobsDone, 1.0));
            }
            Err(failure) => {
                events::job_failed(failure, started.elapsed());
                self.measure_failure(failure);
            }
        }
        result
    }

    /// A job that was told to stop has not failed.
    fn measure_failure(&self, failure: &Failure) {
        let decision = match failure.decision {
            Decision::Retry => "retry",
            Decision::Reject => "reject",
            Decision::HandBack => return,
        };
        let reason = Some(format!("{decision}-{}", failure.step));
        self.metrics.record(Measure { reason, ..Measure::new(Metric::JobsFailed, 1.0) });
    }
}

/// The recordings of one message that cannot be published.
struct Refused {
    /// True if the message asks for several, so that each has to be named.
    are_named: bool,
    reasons: Vec<String>,
}

impl Refused {
    fn new(recordings: usize) -> Self {
        Self { are_named: recordings > 1, reasons: Vec::new() }
    }

    fn add(&mut self, source: &str, failure: &Failure) {
        let named = || format!("{source}: {failure}");
        self.reasons.push(if self.are_named { named() } else { failure.to_string() });
    }

    fn reason(self) -> Option<String> {
        (!self.reasons.is_empty()).then(|| self.reasons.join("; "))
    }
}

/// Which part of a message's job a recording is.
struct Share {
    gauge: Gauge,
    /// Recordings that come before it.
    before: usize,
    /// Recordings in all.
    shares: usize,
}

/// Logs and measures the progress of a recording, and tells how far that brings the message's job.
struct Watched {
    logged: LoggedProgress,
    share: Share,
}

impl Observer for Watched {
    fn progressed(&self, progress: &Progress) {
        self.logged.progressed(progress);
        let Share { gauge, before, shares } = &self.share;
        let fraction = count(progress.frames) / count(progress.total_frames.max(1));
        gauge.set((count(*before) + fraction) / count(*shares));
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}
