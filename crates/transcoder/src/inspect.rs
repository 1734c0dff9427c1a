//! `transcoder inspect`: what is in a recording, and what would become of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use job::plan::{AudioBits, Plan, RungBits, plan};
use job::ports::Recordings as _;
use job::presentation::defect;
use job::source::SourceIndex;
use serde::Serialize;

use crate::args::Inspect;
use crate::lifecycle;
use crate::output::print;
use crate::recording::GivenRecording;
use crate::settings::profile;
use crate::wire::Wiring;

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
        let copies = tempfile::tempdir()?;
        let found = lifecycle::runtime()?.block_on(self.find(copies.path()));
        let (given, path) = found?;
        let index = media::index::index(&path)?;
        let plan = plan(&given.identity()?, &index, &profile)?;
        let mut out = Vec::new();
        if self.json {
            serde_json::to_writer(&mut out, &Inspected { index: &index, plan: &plan })?;
            writeln!(out)?;
            return Ok(print(&out)?);
        }
        writeln!(out, "{}: {:?}, {} bytes", self.input.display(), index.container, given.size())?;
        describe_source(&mut out, &index)?;
        for found in &index.defects {
            writeln!(out, "  note   {}", defect(found, &plan))?;
        }
        describe_plan(&mut out, &plan)?;
        Ok(print(&out)?)
    }

    /// The recording, and the local file to read it from.
    async fn find(&self, copies: &Path) -> anyhow::Result<(GivenRecording, PathBuf)> {
        let wiring = Wiring::default();
        let given = GivenRecording::look(&self.input, &wiring).await?;
        let path = match &given {
            GivenRecording::File(file) => file.path.clone(),
            GivenRecording::Object { .. } => {
                let objects = wiring.s3_recordings(Vec::new()).await?;
                objects.fetch(&given.source()?, &given.identity()?, copies).await?
            }
        };
        Ok((given, path))
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
    if let Some(pictures) = &plan.pictures {
        let (tiles, interval, keyframes) =
            (pictures.tiles, pictures.interval, pictures.shots.len());
        writeln!(
            out,
            "  {:<8} {tiles} every {interval} s and a poster, of {keyframes} keyframe(s)",
            "pictures"
        )?;
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
