//! The real binary as nginx runs it: an empty environment, `/dev/null` for standard input, output and error.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod commands;
mod crash;
mod hook;
mod refused;
mod support;
mod sweep;
