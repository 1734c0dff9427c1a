//! The whole program from outside: its commands, what they publish, and how they end.

#[path = "support/ministack.rs"]
#[expect(dead_code, reason = "it does more than is needed here")]
mod ministack;
#[path = "../crates/cloud/tests/aws/support/scripted.rs"]
#[expect(dead_code, reason = "it says more than is asked here")]
mod scripted;
mod support;

#[path = "transcoder/aws.rs"]
mod aws;
#[path = "transcoder/bar.rs"]
mod bar;
#[path = "transcoder/clock.rs"]
mod clock;
#[path = "transcoder/conversions.rs"]
mod conversions;
#[path = "transcoder/daemon.rs"]
mod daemon;
#[path = "transcoder/damage.rs"]
mod damage;
#[path = "transcoder/defects.rs"]
mod defects;
#[path = "transcoder/determinism.rs"]
mod determinism;
#[path = "transcoder/inputs.rs"]
mod inputs;
#[path = "transcoder/interruptions.rs"]
mod interruptions;
#[path = "transcoder/measuring.rs"]
mod measuring;
#[path = "transcoder/memory.rs"]
mod memory;
#[path = "transcoder/operators.rs"]
mod operators;
#[path = "transcoder/pictures.rs"]
mod pictures;
#[path = "transcoder/players.rs"]
mod players;
#[path = "transcoder/publishing.rs"]
mod publishing;
#[path = "transcoder/recorders.rs"]
mod recorders;
#[path = "transcoder/refusals.rs"]
mod refusals;
#[path = "transcoder/settings.rs"]
mod settings;
#[path = "transcoder/source_first.rs"]
mod source_first;
