//! The whole program from outside: its commands, what they publish, and how they end.

mod support;

#[path = "transcoder/daemon.rs"]
mod daemon;
#[path = "transcoder/inputs.rs"]
mod inputs;
#[path = "transcoder/interruptions.rs"]
mod interruptions;
#[path = "transcoder/players.rs"]
mod players;
#[path = "transcoder/publishing.rs"]
mod publishing;
#[path = "transcoder/refusals.rs"]
mod refusals;
#[path = "transcoder/settings.rs"]
mod settings;
