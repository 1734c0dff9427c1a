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
//! - [`daemon`]: receives while there are free slots; soft and hard shutdown. `health` paces receives that fail, [`pulse`] is what a watchdog
//!   asks.
//! - [`lease`], [`fence`]: the message is ours while its visibility is extended; a job whose lease ends writes no more.
//! - `attempt`: what a message asks for, done recording by recording, and what that means for the message.
//! - [`mod@line`]: the line of one job. `claim`, `encode`, `commit`, `publish` are its steps, and `source_first` lets viewers in
//!   before the last of them.
//! - [`engine`], [`children`]: what looks into recordings, as child processes; `pipes` and `output` are what they say and leave.
//! - [`failures`]: when a job is given up.
//! - [`workdir`]: where a job works.
//! - [`progress`], `events`: what is told to those who look on.
//! - `jobs`: the messages that are held. `sampler` measures them and the queue, `drain` estimates how long that lasts, and `guard` keeps the
//!   machine while there are any.
//! - [`profiles`]: the profiles that messages may ask for.
//! - `fakes`: the world in memory, for tests.

mod attempt;
pub mod children;
mod claim;
mod commit;
pub mod daemon;
mod drain;
mod encode;
pub mod engine;
mod events;
pub mod failures;
#[cfg(any(test, feature = "fakes"))]
pub mod fakes;
pub mod fence;
mod guard;
mod health;
mod jobs;
pub mod lease;
pub mod line;
mod output;
mod pipes;
pub mod profiles;
pub mod progress;
mod publish;
pub mod pulse;
mod sampler;
mod source_first;
#[cfg(test)]
mod tests;
pub mod workdir;
