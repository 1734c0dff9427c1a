//! Exit codes, as in sysexits.h, and the one sentence that goes with each.

use std::io::Write;
use std::process::ExitCode;

use cloud::{NoMetadata, NotConfigured};
use job::failure::{Decision, Failure, Step};
use job::plan::PlanError;
use job::ports::{FetchError, FleetError, QueueError, StoreError};
use media::MediaError;
use thiserror::Error;
use worker::engine::EngineError;
use worker::failures::GivenUp;

use crate::doctor::Ill;

/// Usage: a setting is missing or makes no sense.
const USAGE: u8 = 2;
/// The input is refused.
const REFUSED: u8 = 65;
/// The input is not there.
const NO_INPUT: u8 = 66;
/// A fault of ours.
const SOFTWARE: u8 = 70;
/// Try again.
const TRY_AGAIN: u8 = 75;

/// A setting or argument that cannot be used.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// A file that is not there.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct NoInput(pub String);

/// The bar found blockers; the table has been printed already.
#[derive(Debug, Error)]
#[error("{0} blocker(s) found")]
pub struct BelowBar(pub usize);

/// Says on standard error what went wrong, on one line after the `speaker`, and turns it into an exit code.
pub fn report(result: anyhow::Result<()>, speaker: &str) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    let sentence = format!("{error:#}").replace('\n', " ");
    // Where nobody can be told, the exit code remains.
    let _ = writeln!(std::io::stderr().lock(), "{speaker}{sentence}");
    ExitCode::from(code(&error))
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<Usage>() {
        USAGE
    } else if error.is::<NoInput>() {
        NO_INPUT
    } else if error.is::<BelowBar>() || error.is::<Ill>() {
        1
    } else if let Some(failure) = error.downcast_ref::<Failure>() {
        of_failure(failure)
    } else if let Some(media) = error.downcast_ref::<MediaError>() {
        match media {
            _ if media.is_refusal() => REFUSED,
            // A full disk, say: nothing against the recording or us.
            MediaError::File { .. } | MediaError::Unreachable { .. } => TRY_AGAIN,
            MediaError::NoPresentation(_) => NO_INPUT,
            _ => SOFTWARE,
        }
    } else if error.is::<PlanError>() {
        REFUSED
    } else if let Some(aws) = error.downcast_ref::<NotConfigured>() {
        match aws {
            NotConfigured::Region => USAGE,
            // Those of an instance may be slow to come when it starts.
            NotConfigured::Credentials(_) => TRY_AGAIN,
        }
    } else if error.is::<NoMetadata>() || error.is::<FleetError>() {
        TRY_AGAIN
    } else if let Some(fetch) = error.downcast_ref::<FetchError>() {
        match fetch {
            FetchError::Missing(_) | FetchError::Replaced(_) => NO_INPUT,
            FetchError::Refused(..) => REFUSED,
            FetchError::Unavailable(..) => TRY_AGAIN,
        }
    } else if let Some(queue) = error.downcast_ref::<QueueError>() {
        if matches!(queue, QueueError::Unusable { .. }) { USAGE } else { TRY_AGAIN }
    } else if let Some(store) = error.downcast_ref::<StoreError>() {
        if store.transient { TRY_AGAIN } else { USAGE }
    } else if error.is::<std::io::Error>() {
        TRY_AGAIN
    } else {
        SOFTWARE
    }
}

fn of_failure(failure: &Failure) -> u8 {
    let engine = failure.source.downcast_ref::<EngineError>();
    let is_ours = engine.is_some_and(EngineError::is_fault) || failure.source.is::<GivenUp>();
    match (failure.decision, failure.step) {
        // What we made ourselves failed our own bar.
        (Decision::Reject, Step::Check) => SOFTWARE,
        (Decision::Retry | Decision::Reject, _) if is_ours => SOFTWARE,
        (Decision::Reject, _) => REFUSED,
        (Decision::Retry | Decision::HandBack, _) => TRY_AGAIN,
    }
}
