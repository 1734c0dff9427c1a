//! All of AWS behind the ports of `job`: SQS as the queue, S3 as the store and the source of recordings, `CloudWatch` for metrics, Auto
//! Scaling and instance metadata for the life of a worker.
//!
//! It will know the AWS SDK, a feature for each service, so that the recording hook stays small. It must never know FFmpeg, the daemon or
//! the embedded default: the binaries choose between `cloud` and `local`.
//!
//! For now it holds no service: the binaries refuse `https://sqs...` and `s3://` with one sentence.
