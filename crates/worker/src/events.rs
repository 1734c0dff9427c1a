//! Everything that a worker logs, in one place. The message's id and attempt and the recording's source come from the spans around it.

use std::io;
use std::path::Path;
use std::time::Duration;

use job::failure::{Decision, Failure};
use job::ports::QueueError;
use tracing::{Span, debug, error, info, info_span, warn};

use crate::lease::Verdict;
use crate::line::Outcome;
use crate::progress::Progress;

/// The span of one delivery of a message.
pub(crate) fn job_span(id: &str, attempt: u32) -> Span {
    info_span!("job", job.id = id, job.attempt = attempt)
}

/// The span of one of the recordings that a message asks for.
pub(crate) fn recording_span(source: &str) -> Span {
    info_span!("recording", source)
}

pub(crate) fn job_started() {
    info!("job started");
}

pub(crate) fn nothing_asked(why: &str) {
    info!(why, "message asks for nothing");
}

pub(crate) fn message_rejected(failure: &Failure) {
    error!(error = %failure, "message rejected");
}

pub(crate) fn progress(progress: &Progress) {
    let Progress { phase, frames, total_frames, chunks, total_chunks, realtime_factor } = progress;
    let phase = phase.name();
    info!(phase, frames, total_frames, chunks, total_chunks, realtime_factor, "job progressed");
}

pub(crate) fn copy_damaged() {
    info!("the source does not decode without errors: it is encoded, not copied");
}

pub(crate) fn source_published() {
    info!("the source can be played, the ladder follows");
}

pub(crate) fn source_not_copied() {
    info!("the source is not copied: there is nothing to publish before the ladder");
}

pub(crate) fn master_is_there() {
    info!("there is a master already: it stays until the ladder is there");
}

pub(crate) fn source_not_first(failure: &Failure) {
    warn!(error = %failure, "nothing is published before the ladder");
}

pub(crate) fn job_ended(outcome: Outcome, took: Duration) {
    let seconds = took.as_secs_f64();
    match outcome {
        Outcome::Published => info!(seconds, "job published"),
        Outcome::AlreadyPublished => info!(seconds, "job was published before"),
    }
}

pub(crate) fn job_failed(failure: &Failure, took: Duration) {
    let (seconds, step) = (took.as_secs_f64(), failure.step);
    match failure.decision {
        Decision::HandBack => info!(%step, seconds, reason = %failure, "job handed back"),
        Decision::Retry => warn!(%step, seconds, error = %failure, "job failed, will be retried"),
        Decision::Reject => error!(%step, seconds, error = %failure, "job rejected"),
    }
}

pub(crate) fn lease_lost() {
    warn!("lease lost, stopping the job");
}

pub(crate) fn lease_ran_out() {
    warn!("lease could not be extended in time, stopping the job");
}

pub(crate) fn lease_held_too_long() {
    warn!("lease held for as long as the queue allows, stopping the job");
}

pub(crate) fn extension_failed(error: &str) {
    warn!(error, "lease not extended, trying again");
}

pub(crate) fn lease_not_ended(verdict: &Verdict, error: &str) {
    warn!(?verdict, error, "message kept by the queue, it will be delivered again");
}

pub(crate) fn receive_failed(error: &QueueError) {
    warn!(%error, "queue cannot be read, trying again");
}

pub(crate) fn receive_recovered() {
    info!("queue can be read again");
}

pub(crate) fn depth_unknown(error: &QueueError) {
    warn!(%error, "queue does not tell whether it is empty, trying again");
}

pub(crate) fn depth_not_sampled(error: &str) {
    warn!(error, "queue does not tell how full it is, trying again");
}

pub(crate) fn depth_sampled_again() {
    info!("queue tells how full it is again");
}

pub(crate) fn fleet_told(protected: bool) {
    debug!(protected, "scale-in protection set");
}

pub(crate) fn fleet_not_told(protected: bool, error: &str) {
    warn!(protected, error, "scale-in protection not set, trying again");
}

pub(crate) fn draining(jobs: usize, limit: Duration) {
    info!(jobs, limit_seconds = limit.as_secs(), "stopped receiving, finishing jobs");
}

pub(crate) fn stopping_jobs(jobs: usize) {
    info!(jobs, "stopping jobs and handing them back");
}

pub(crate) fn jobs_left_behind(jobs: usize) {
    error!(jobs, "jobs did not stop in time");
}

pub(crate) fn workdir_not_removed(path: &Path, error: &io::Error) {
    warn!(path = %path.display(), %error, "working directory not removed");
}

pub(crate) fn stale_workdir_removed(path: &Path) {
    debug!(path = %path.display(), "working directory of a dead worker removed");
}
