//! The child's side of the seam between worker and media: hidden commands that do one piece of work on one recording, write files into one
//! directory and end. Everything that parses a recording's bytes happens here, never in the daemon's process.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use job::plan::Plan;
use media::MediaError;
use serde::Serialize;

/// Finds the frames of a recording.
#[derive(Args)]
pub struct IndexRecording {
    /// The recording, a local file.
    #[arg(long)]
    input: PathBuf,
    /// Where the index is written, as JSON.
    #[arg(long)]
    output: PathBuf,
}

/// Encodes one chunk into all video renditions.
#[derive(Args)]
pub struct EncodeChunk {
    /// The recording, a local file.
    #[arg(long)]
    input: PathBuf,
    /// The plan, as JSON.
    #[arg(long)]
    plan: PathBuf,
    /// Number of the chunk.
    #[arg(long)]
    chunk: u32,
    /// Directory for the segments and `chunk.json`.
    #[arg(long)]
    output: PathBuf,
}

/// What is done once for the whole recording: copying the source rendition, the audio, the pictures.
#[derive(Args)]
pub struct WholeRecording {
    /// The recording, a local file.
    #[arg(long)]
    input: PathBuf,
    /// The plan, as JSON.
    #[arg(long)]
    plan: PathBuf,
    /// Directory for the files and their report.
    #[arg(long)]
    output: PathBuf,
}

impl IndexRecording {
    /// Runs the command.
    pub fn run(&self) -> anyhow::Result<()> {
        media::init()?;
        write_json(&self.output, &media::index::index(&self.input)?)
    }
}

impl EncodeChunk {
    /// Runs the command.
    pub fn run(&self) -> anyhow::Result<()> {
        media::init()?;
        let plan = read_plan(&self.plan)?;
        let chunk = plan
            .video
            .iter()
            .flat_map(|video| &video.chunks)
            .find(|chunk| chunk.index == self.chunk)
            .ok_or_else(|| {
                MediaError::PlanMismatch(format!("the plan has no chunk {}", self.chunk))
            })?;
        let encoded =
            media::chunk::encode_chunk(&self.input, &plan, chunk, &self.output, &mut |frames| {
                report(u64::from(frames));
            })?;
        write_json(&self.output.join("chunk.json"), &encoded)
    }
}

impl WholeRecording {
    /// Copies the source rendition; `source.json` says what came of it.
    pub fn copy_source(&self) -> anyhow::Result<()> {
        self.run("source.json", media::chunk::copy_source)
    }

    /// Makes the audio rendition; `audio.json` says what came of it.
    pub fn encode_audio(&self) -> anyhow::Result<()> {
        self.run("audio.json", |input, plan, output| {
            media::audio::encode_audio(input, plan, output, &mut report)
        })
    }

    /// Takes storyboard and poster; `pictures.json` says what came of it.
    pub fn take_pictures(&self) -> anyhow::Result<()> {
        self.run("pictures.json", |input, plan, output| {
            media::pictures::take_pictures(input, plan, output, &mut report)
        })
    }

    fn run<T: Serialize>(
        &self,
        result: &str,
        task: impl FnOnce(&Path, &Plan, &Path) -> Result<T, MediaError>,
    ) -> anyhow::Result<()> {
        media::init()?;
        let plan = read_plan(&self.plan)?;
        let done = task(&self.input, &plan, &self.output)?;
        write_json(&self.output.join(result), &done)
    }
}

/// Tells the parent how far we are, as a line of JSON. A parent that has gone away is no reason to stop here: it kills its children.
fn report(frames: u64) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{{\"frames\":{frames}}}").and_then(|()| stdout.flush());
}

fn read_plan(path: &Path) -> anyhow::Result<Plan> {
    let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no plan", path.display()))
}

fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_vec(value)?;
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
