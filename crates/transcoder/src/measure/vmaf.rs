//! Comparing pictures by an ffmpeg that has libvmaf. It is the operator's own program, asked for by hand, and no part of the daemon.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use job::source::Container;
use serde::{Deserialize, Serialize};

use crate::exit::Usage;

/// Where libvmaf writes, in a directory of its own: paths in a filter's options would need escaping.
const LOG: &str = "vmaf.json";

/// An ffmpeg with libvmaf.
pub struct Vmaf {
    ffmpeg: PathBuf,
}

/// What is compared.
pub struct Comparison<'a> {
    pub original: &'a Path,
    pub container: Container,
    /// A media playlist.
    pub rendition: &'a Path,
    /// Width and height to which both are scaled.
    pub size: (u32, u32),
}

/// How like the original pictures are.
#[derive(Debug, PartialEq, Serialize)]
pub struct Quality {
    pub vmaf: Scores,
    /// Mean over the frames of luma's peak signal-to-noise ratio, in dB.
    pub psnr_y: f64,
    /// Frames that were compared.
    pub frames: usize,
}

/// VMAF over all frames, 0 to 100.
#[derive(Debug, PartialEq, Serialize)]
pub struct Scores {
    pub mean: f64,
    /// One frame in 20 is worse.
    pub percentile_5: f64,
    pub least: f64,
}

impl Vmaf {
    /// The ffmpeg that is asked for, if it has libvmaf.
    ///
    /// # Errors
    /// [`Usage`] if it does not run or has none.
    pub fn find(ffmpeg: &Path) -> Result<Self, Usage> {
        let advice = "name one that has it with --ffmpeg or TRANSCODER_FFMPEG";
        let name = ffmpeg.display();
        // Another directory will be current when it runs.
        let is_path = ffmpeg.components().count() > 1;
        let found = if is_path {
            std::path::absolute(ffmpeg).unwrap_or(ffmpeg.to_owned())
        } else {
            ffmpeg.to_owned()
        };
        let asked = Command::new(&found)
            .args(["-hide_banner", "-filters"])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| Usage(format!("to measure takes an ffmpeg with libvmaf, and {name} does not run ({error}): {advice}")))?;
        let filters = String::from_utf8_lossy(&asked.stdout);
        if filters.lines().any(|line| line.split_whitespace().nth(1) == Some("libvmaf")) {
            return Ok(Self { ffmpeg: found });
        }
        Err(Usage(format!(
            "to measure takes an ffmpeg with libvmaf, and {name} has none: {advice}"
        )))
    }

    /// Compares a rendition with its original, frame by frame of the rendition.
    ///
    /// # Errors
    /// If ffmpeg fails.
    pub fn compare(&self, comparison: &Comparison<'_>) -> anyhow::Result<Quality> {
        let directory = tempfile::tempdir()?;
        let ended = Command::new(&self.ffmpeg)
            .args(arguments(comparison))
            .current_dir(directory.path())
            .stdin(Stdio::null())
            .output()?;
        let rendition = comparison.rendition.display();
        let said = String::from_utf8_lossy(&ended.stderr);
        let last = said.lines().last().unwrap_or("it said nothing");
        ensure!(ended.status.success(), "comparing {rendition} failed: {last}");
        let log = std::fs::read(directory.path().join(LOG))
            .with_context(|| format!("libvmaf wrote nothing about {rendition}"))?;
        quality(&log).with_context(|| format!("what libvmaf wrote about {rendition} does not read"))
    }
}

fn arguments(comparison: &Comparison<'_>) -> Vec<OsString> {
    let format = match comparison.container {
        Container::Flv => "flv",
        Container::Mp4 => "mov",
        Container::Mpegts => "mpegts",
        Container::Matroska => "matroska",
    };
    let (width, height) = comparison.size;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    // Both from their first frame on; of a rendition that drops frames each is compared with the source's of its time. Without their labels, or
    // ffmpeg would convert the colours of the one that has some.
    let alike = format!(
        "setpts=PTS-STARTPTS,setparams=color_primaries=unknown:color_trc=unknown:colorspace=unknown,scale={width}:{height}:flags=bicubic:out_range=tv,format=yuv420p"
    );
    let graph = format!(
        "[0:v:0]{alike}[rendition];[1:v:0]{alike}[original];[rendition][original]\
         libvmaf=n_threads={threads}:feature=name=psnr:log_fmt=json:log_path={LOG}:ts_sync_mode=nearest:shortest=1"
    );
    let mut arguments: Vec<OsString> =
        ["-v", "error", "-protocol_whitelist", "file", "-i"].map(Into::into).into();
    arguments.push(comparison.rendition.into());
    // The format is ours to name: a playlist that is called a recording would have ffmpeg read its neighbours.
    arguments.extend(["-protocol_whitelist", "file", "-f", format, "-i"].map(Into::into));
    arguments.push(comparison.original.into());
    arguments.extend(["-filter_complex", &graph, "-f", "null", "-"].map(Into::into));
    arguments
}

#[derive(Deserialize)]
struct Log {
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    metrics: Metrics,
}

#[derive(Deserialize)]
struct Metrics {
    vmaf: f64,
    psnr_y: f64,
}

fn quality(log: &[u8]) -> anyhow::Result<Quality> {
    let log: Log = serde_json::from_slice(log)?;
    let frames = log.frames.len();
    ensure!(frames > 0, "it compared no frame");
    let mut vmaf: Vec<f64> = log.frames.iter().map(|frame| frame.metrics.vmaf).collect();
    vmaf.sort_unstable_by(f64::total_cmp);
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        #[expect(clippy::cast_precision_loss, reason = "there are not 2^52 frames")]
        let count = frames as f64;
        values.sum::<f64>() / count
    };
    let scores = Scores {
        mean: mean(&mut vmaf.iter().copied()),
        percentile_5: vmaf[frames / 20],
        least: vmaf[0],
    };
    let psnr_y = mean(&mut log.frames.iter().map(|frame| frame.metrics.psnr_y));
    Ok(Quality { vmaf: scores, psnr_y, frames })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_from_libvmafs_log() {
        let frame = |vmaf: u32| {
            format!(
                r#"{{"frameNum": 1, "metrics": {{"psnr_y": {}, "vmaf": {vmaf}.5}}}}"#,
                vmaf + 10
            )
        };
        let frames: Vec<String> = (0..40).rev().map(frame).collect();
        let log = format!(r#"{{"version": "3", "frames": [{}]}}"#, frames.join(","));
        let found = quality(log.as_bytes()).unwrap();
        let vmaf = Scores { mean: 20.0, percentile_5: 2.5, least: 0.5 };
        assert_eq!(found, Quality { vmaf, psnr_y: 29.5, frames: 40 });
        assert!(quality(br#"{"frames": []}"#).is_err());
    }
}
