//! The domain of rec2vod: what a job is, what a recording holds, what will be encoded, what is published and under which
//! names.
//!
//! It knows the words and the rules. It must never know I/O, tokio, AWS or FFmpeg: everything here is a pure function or a
//! plain type, and the outside world enters through the traits in [`ports`] only.
//!
//! # Layout
//!
//! One job reads these modules from top to bottom:
//!
//! - [`message`]: the body of a queue message becomes [`recording::Recording`]s.
//! - [`recording`]: which recording, what it is called, which presentation and part it belongs to.
//! - [`source`]: what an index of the recording found, frame by frame.
//! - [`profile`], [`ladder`], [`grid`], [`colour`]: what is wanted, which rungs follow, where the cuts are, what colours are published.
//! - [`plan`]: all of it in one value, which any worker may carry out.
//! - [`report`]: what was encoded and uploaded, chunk by chunk.
//! - [`playlist`], [`bandwidth`], [`presentation`]: what is published from the reports.
//! - [`conformance`]: the quality bar for published HLS, over facts that a reader collected.
//! - [`names`]: the name of every object in the store.
//! - [`failure`]: how a job ends when it cannot be published: retry or reject.
//! - [`metric`]: what is measured.
//! - [`ports`]: the queue, the store, the metrics and the clock, as traits.

pub mod bandwidth;
pub mod colour;
pub mod conformance;
pub mod failure;
pub mod grid;
pub mod ladder;
pub mod message;
pub mod metric;
pub mod names;
pub mod plan;
pub mod playlist;
pub mod ports;
pub mod presentation;
pub mod profile;
pub mod recording;
pub mod report;
pub mod source;
