//! All of AWS behind the ports of `job`: SQS as the queue, S3 as the store and the source of recordings, `CloudWatch` for metrics,
//! Auto Scaling and instance metadata for the life of a worker.
//!
//! A feature for each service, none by default, so that a program builds and carries only what it calls. Everything goes out through one
//! [`Aws`]: one configuration, one pool of connections, and a time-out on every call.
//!
//! It knows the AWS SDK, and nobody else does. It must never know what a message says or an object holds, FFmpeg, the daemon or the
//! embedded default: the binaries choose between `cloud` and `local`, and the tests in `local`'s `tests/contract` hold both to the same
//! behaviour.

#[cfg(feature = "autoscaling")]
mod autoscaling;
#[cfg(any(feature = "sqs", feature = "s3", feature = "cloudwatch", feature = "autoscaling"))]
mod classify;
#[cfg(feature = "sdk")]
mod client;
#[cfg(feature = "cloudwatch")]
mod cloudwatch;
#[cfg(feature = "metadata")]
mod metadata;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sqs")]
mod sqs;

#[cfg(feature = "autoscaling")]
pub use autoscaling::ScalingGroup;
#[cfg(feature = "sdk")]
pub use client::{AccessKey, Aws, NotConfigured, Settings};
#[cfg(feature = "cloudwatch")]
pub use cloudwatch::{CloudWatchMetrics, CloudWatchSettings, Resolution};
#[cfg(feature = "metadata")]
pub use metadata::{InstanceMetadata, NoMetadata, Notice};
#[cfg(feature = "s3")]
pub use s3::{AllowedSource, BadSource, Bucket, Headers, S3Recordings, S3Store, Stored};
#[cfg(feature = "sqs")]
pub use sqs::SqsQueue;
