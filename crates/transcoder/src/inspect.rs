//! `transcoder inspect`: what is in a recording, and what would become of it.

use std::io::Write;

use job::plan::{AudioBits, Plan, RungBits, plan};
use job::presentation::defect;
use job::recording::Identity;
use job::source::SourceIndex;
use serde::Serialize;

use crate::args::Inspect;
use crate::output::print;
use crate::recording::LocalFile;
use crate::settings::profile;
use crate::transcode::refuse_url;

#[derive(Serialize)]
struct Inspected<'a> {
    index: &'a SourceIndex,
    plan: &'a Plan,
}

impl Inspect {
    /// Runs the command.
    pub fn run(self) -> anyhow::Result<()> {
        media::init()?;
        let profile = profile(&self.profile)?;
        refuse_url(&self.input)?;
        let file = LocalFile::open(&self.input)?;
        let index = media::index::index(&file.path)?;
        let plan = plan(&Identity::Content { sha256: file.sha256.clone() }, &index, &profile)?;
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer(&mut out, &Inspected { index: &index, plan: &plan })?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        writeln!(out, "{}: {:?}, {} bytes", self.input.display(), index.container, file.size)?;
        describe_source(&mut out, &index)?;
        for found in &index.defects {
            writeln!(out, "  note   {}", defect(found, &plan))?;
        }
        describe_plan(&mut out, &plan)?;
        Ok(print(&out)?)
    }
}

fn describe_source(out: &mut impl Write, index: &SourceIndex) -> anyhow::Result<()> {
    if let Some(video) = &index.video {
        let keyframes = video.frames.iter().filter(|frame| frame.sync).count();
        let (width, height, frames) = (video.width, video.height, video.frames.len());
        writeln!(
            out,
            "  video  {:?} {width}x{height}, {frames} frames, {keyframes} keyframes",
            video.codec
        )?;
    }
    if let Some(audio) = &index.audio {
        let (rate, channels, frames) = (audio.sample_rate, audio.channels, audio.frames);
        writeln!(
            out,
            "  audio  {:?} {rate} Hz, {channels} channel(s), {frames} packets",
            audio.codec
        )?;
    }
    Ok(())
}

fn describe_plan(out: &mut impl Write, plan: &Plan) -> anyhow::Result<()> {
    writeln!(
        out,
        "plan {} with profile {:?}: {} ms",
        plan.id,
        plan.profile.name,
        plan.duration_ms()
    )?;
    if let Some(video) = &plan.video {
        let rate = video.frame_rate;
        let (segments, chunks) = (video.segments.len(), video.chunks.len());
        writeln!(
            out,
            "  {segments} segments in {chunks} chunks, {}/{} frames/s",
            rate.numerator, rate.denominator
        )?;
        for rung in &video.rungs {
            let bits = match &rung.bits {
                RungBits::Source => "the source, copied".to_owned(),
                RungBits::Encoded(encoded) => format!(
                    "x264 {}, CRF {} up to {} kb/s",
                    encoded.preset.name(),
                    encoded.crf,
                    encoded.maxrate_kbps
                ),
            };
            writeln!(out, "  {:<8} {}x{}: {bits}", rung.name, rung.width, rung.height)?;
        }
    }
    if let Some(audio) = &plan.audio {
        let bits = match audio.bits {
            AudioBits::Source => "the source, copied".to_owned(),
            AudioBits::Encoded { kbps } => format!("encoded to {kbps} kb/s"),
        };
        writeln!(out, "  {:<8} stereo AAC {} Hz: {bits}", "audio", audio.sample_rate)?;
    }
    Ok(())
}
