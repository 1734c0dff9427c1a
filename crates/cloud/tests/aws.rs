//! Everything against a real stand-in for AWS.
//!
//! `REC2VOD_AWS_VENV` names a Python environment with ministack, cbor2 and microburst in the versions that [`support::tool`] says; without
//! it the tests fail.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "aws/autoscaling.rs"]
mod autoscaling;
#[path = "aws/cloudwatch.rs"]
mod cloudwatch;
#[path = "aws/configuration.rs"]
mod configuration;
#[path = "aws/metadata.rs"]
mod metadata;
#[path = "aws/queue_contract.rs"]
mod queue_contract;
#[path = "aws/s3.rs"]
mod s3;
#[path = "aws/s3_conditions.rs"]
mod s3_conditions;
#[path = "aws/s3_faults.rs"]
mod s3_faults;
#[path = "aws/sqs.rs"]
mod sqs;
#[path = "aws/store_contract.rs"]
mod store_contract;
#[path = "aws/support/mod.rs"]
mod support;
