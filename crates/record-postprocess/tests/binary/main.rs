//! The real binary as nginx runs it: an empty environment, `/dev/null` for standard input, output and error.
//!
//! `REC2VOD_AWS_VENV` names a Python environment with the ministack that [`ministack`] says; without it the tests of AWS fail.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod aws;
mod aws_failures;
mod commands;
mod crash;
mod durable_first;
mod hook;
#[expect(dead_code, reason = "it does more than is needed here")]
#[path = "../../../../tests/support/ministack.rs"]
mod ministack;
mod refused;
#[expect(dead_code, reason = "it says more than is asked here")]
#[path = "../../../cloud/tests/aws/support/scripted.rs"]
mod scripted;
mod support;
mod sweep;
