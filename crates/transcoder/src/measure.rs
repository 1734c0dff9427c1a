//! `transcoder transcode --measure`: what each published rung is worth and what it cost.

use std::io::Write;
use std::path::{Path, PathBuf};

use job::bandwidth::Bandwidth;
use job::names::{MEDIA_PLAYLIST, PartNames};
use job::plan::{Plan, Rung, RungBits};
use job::presentation::Done;
use job::report::RungCpu;
use serde::Serialize;

mod cpu;
mod vmaf;

use cpu::ProcessCpu;
pub use cpu::{CpuMeter, MeteredEngine};
pub use vmaf::Vmaf;
use vmaf::{Comparison, Quality};

/// What was measured.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Width at which pictures were compared.
    width: u32,
    /// Height at which pictures were compared.
    height: u32,
    rungs: Vec<MeasuredRung>,
    cpu: CpuTotals,
    /// Why no pictures were compared, where they cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    incomparable: Option<&'static str>,
    /// Comparisons that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// One video rung of the plan.
#[derive(Debug, Serialize)]
struct MeasuredRung {
    name: String,
    /// Absent if it is not published, because it cost as much as a larger one.
    bandwidth: Option<Bandwidth>,
    /// Absent if it is not published or is the source's own bits.
    quality: Option<Quality>,
    /// What the profile wants the mean to be.
    target: Option<u8>,
    /// Milliseconds on a processor; absent for the source's own bits.
    scaling_cpu_ms: Option<u64>,
    encoding_cpu_ms: Option<u64>,
}

/// Milliseconds on a processor.
#[derive(Debug, Serialize)]
struct CpuTotals {
    /// Reading and decoding the source for the video.
    decoding_cpu_ms: u64,
    /// The whole command until the presentation was published: indexing, audio, pictures, starting children.
    all_cpu_ms: u64,
}

/// What is compared with what.
pub struct Published<'a> {
    /// The recording, a local file.
    pub recording: &'a Path,
    /// The directory of the presentation.
    pub output: PathBuf,
    /// Names in it.
    pub names: PartNames,
    /// How it was made.
    pub plan: Plan,
    /// What was made.
    pub done: &'a Done,
}

impl Measured {
    /// Measures a presentation: CPU as `meter` has it, quality by `vmaf`.
    pub fn of(published: &Published<'_>, meter: &CpuMeter, vmaf: &Vmaf) -> Self {
        // Before ffmpeg adds its own.
        let all = ProcessCpu::now().milliseconds();
        let spent = meter.spent();
        let video = published.plan.video.as_ref();
        let (width, height) = video
            .and_then(|video| video.rungs.first())
            .map_or((0, 0), |top| (top.width, top.height));
        let mut problems = Vec::new();
        let mut rungs = Vec::new();
        for rung in video.iter().flat_map(|video| &video.rungs) {
            let cpu = spent.rungs.iter().find(|cpu| cpu.rendition == rung.name);
            let quality = match published.quality(rung, vmaf, (width, height)) {
                Ok(quality) => quality,
                Err(error) => {
                    problems.push(format!("{error:#}"));
                    None
                }
            };
            rungs.push(measured(rung, published.bandwidth(rung), quality, cpu));
        }
        let cpu = CpuTotals { decoding_cpu_ms: spent.decoding / 1000, all_cpu_ms: all };
        Self { width, height, rungs, cpu, incomparable: published.incomparable(), problems }
    }

    /// A table.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn tell(&self, out: &mut impl Write) -> std::io::Result<()> {
        let Self { width, height, rungs, cpu, incomparable, problems } = self;
        writeln!(
            out,
            "measured at {width}x{height}:\n  {:<8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>10} {:>9}",
            "rung",
            "kb/s",
            "peak",
            "VMAF",
            "target",
            "5 %",
            "least",
            "PSNR-Y",
            "encoding",
            "scaling"
        )?;
        for rung in rungs {
            let rate = |of: fn(&Bandwidth) -> u64| {
                text(rung.bandwidth.as_ref().map(|rates| format!("{}", of(rates) / 1000)))
            };
            let score = |of: fn(&Quality) -> f64| {
                text(rung.quality.as_ref().map(|quality| format!("{:.2}", of(quality))))
            };
            let seconds = |ms: Option<u64>| text(ms.map(seconds));
            writeln!(
                out,
                "  {:<8} {:>8} {:>8} {:>7} {:>7} {:>7} {:>7} {:>7} {:>10} {:>9}",
                rung.name,
                rate(|rates| rates.average),
                rate(|rates| rates.peak),
                score(|quality| quality.vmaf.mean),
                text(rung.target.map(|target| target.to_string())),
                score(|quality| quality.vmaf.percentile_5),
                score(|quality| quality.vmaf.least),
                score(|quality| quality.psnr_y),
                seconds(rung.encoding_cpu_ms),
                seconds(rung.scaling_cpu_ms),
            )?;
        }
        let (decoding, all) = (seconds(cpu.decoding_cpu_ms), seconds(cpu.all_cpu_ms));
        writeln!(out, "  CPU: {decoding} decoding, {all} in all")?;
        let mut reasons = incomparable.iter().copied().chain(problems.iter().map(String::as_str));
        reasons.try_for_each(|reason| writeln!(out, "  not compared: {reason}"))
    }
}

impl Published<'_> {
    fn bandwidth(&self, rung: &Rung) -> Option<Bandwidth> {
        self.done.renditions.iter().find(|done| done.name == rung.name).map(|done| done.bandwidth)
    }

    /// Why its pictures are not to be compared with those of the recording, frame by frame as ffmpeg decodes both, if they are not.
    fn incomparable(&self) -> Option<&'static str> {
        if !self.plan.clock.runs_through() {
            return Some(
                "the recording's clock wraps or jumps, which ffmpeg does not follow as we do",
            );
        }
        let converts = self.plan.video.as_ref().is_some_and(|video| video.colour.converts());
        converts.then_some(
            "the recording's colours were converted, which the comparison would take for a loss",
        )
    }

    fn quality(
        &self,
        rung: &Rung,
        vmaf: &Vmaf,
        size: (u32, u32),
    ) -> anyhow::Result<Option<Quality>> {
        let is_encoded = rung.bits != RungBits::Source && self.bandwidth(rung).is_some();
        if !is_encoded || self.incomparable().is_some() {
            return Ok(None);
        }
        let rendition = self.output.join(self.names.rendition(&rung.name, MEDIA_PLAYLIST));
        let comparison = Comparison {
            original: self.recording,
            container: self.plan.container,
            rendition: &rendition,
            size,
        };
        vmaf.compare(&comparison).map(Some)
    }
}

fn measured(
    rung: &Rung,
    bandwidth: Option<Bandwidth>,
    quality: Option<Quality>,
    cpu: Option<&RungCpu>,
) -> MeasuredRung {
    let target = match &rung.bits {
        RungBits::Source => None,
        RungBits::Encoded(profile) => profile.vmaf,
    };
    MeasuredRung {
        name: rung.name.clone(),
        bandwidth,
        quality,
        target,
        scaling_cpu_ms: cpu.map(|cpu| cpu.scaling / 1000),
        encoding_cpu_ms: cpu.map(|cpu| cpu.encoding / 1000),
    }
}

fn text(value: Option<String>) -> String {
    value.unwrap_or_else(|| "-".to_owned())
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}
