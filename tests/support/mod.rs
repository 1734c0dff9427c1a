//! What whole-system tests need: a directory of their own, the program, recordings made by ffmpeg, and a reader's view of what is published.
//!
//! The program is used as anybody uses it: by its command line, its exit codes and what it publishes. ffmpeg and ffprobe are needed; a test
//! that does not find them fails.

pub mod command;
pub mod directory;
pub mod ffmpeg;
pub mod flv;
pub mod metadata;
pub mod players;
pub mod presentation;
pub mod queue;
pub mod recordings;
