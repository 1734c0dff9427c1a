//! `transcoder`: turns recordings of live streams into video on demand.
//!
//! This binary wires the crates together and owns the process: arguments, settings, signals, logs and exit codes. What a job is stands in
//! `job`, how it is done in `worker`, how pixels become segments in `media`.

mod args;
mod bar;
mod check;
mod checks;
mod child;
mod doctor;
mod enqueue;
mod exit;
mod fleet;
mod inspect;
mod lifecycle;
mod measure;
mod objects;
mod output;
mod places;
mod recording;
mod run;
mod service;
mod settings;
mod status;
mod systemd;
mod telemetry;
mod transcode;
mod wire;

use std::process::ExitCode;

use args::{Cli, Command};
use clap::Parser;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // What a child says becomes the parent's sentence.
    let speaker = if cli.command.is_child() { "" } else { "transcoder: " };
    exit::report(run(cli), speaker)
}

fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        Command::Run(command) => command.run(&cli.settings),
        Command::Transcode(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Enqueue(command) => command.run(&cli.settings),
        Command::Status(command) => command.run(&cli.settings),
        Command::Doctor(command) => command.run(&cli.settings),
        Command::IndexRecording(command) => command.run(),
        Command::EncodeChunk(command) => command.run(),
        Command::CopySource(command) => command.copy_source(),
        Command::EncodeAudio(command) => command.encode_audio(),
        Command::TakePictures(command) => command.take_pictures(),
    }
}
