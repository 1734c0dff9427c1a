//! The daemon: it takes a recording's message from the queue, has the recording encoded by child processes, publishes the result and only
//! then deletes the message.
//!
//! It knows the domain (`job`) and tokio. It must never know where queues and stores are (AWS, SQLite, directories come in through
//! `job::ports`), nor FFmpeg: whatever looks into a recording runs in a child process, behind [`engine::Engine`].
//!
//! # Layout
//!
//! One message reads these modules from top to bottom:
//!
//! - [`daemon`]: receives while there are free slots; soft and hard shutdown.
//! - [`lease`], [`fence`]: the message is ours while its visibility is extended; a job whose lease ends writes no more.
//! - [`mod@line`]: the line of one job. `claim`, `encode`, `commit`, `publish` are its steps.
//! - [`engine`], [`children`]: what looks into recordings, as child processes; `pipes` and `output` are what they say and leave.
//! - [`failures`]: when a job is given up.
//! - [`workdir`]: where a job works.
//! - [`progress`], `events`: what is told to those who look on.
//! - [`profiles`]: the profiles that messages may ask for.
//! - `fakes`: the world in memory, for tests.

pub mod children;
mod claim;
mod commit;
pub mod daemon;
mod encode;
pub mod engine;
mod events;
pub mod failures;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
pub mod fence;
pub mod lease;
pub mod line;
mod output;
mod pipes;
pub mod profiles;
pub mod progress;
mod publish;
#[cfg(test)]
mod tests;
pub mod workdir;
