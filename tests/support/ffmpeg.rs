//! The ffmpeg and ffprobe command lines: they make recordings and play what is published.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs ffmpeg, which may print errors only if it fails; returns what it writes to standard output.
#[track_caller]
pub fn ffmpeg<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> String {
    text(Command::new("ffmpeg").args(["-nostdin", "-v", "error", "-y"]).args(arguments))
}

/// Decodes all streams of a file or playlist. Frames keep their times: the frame rate that ffmpeg would convert to gives duplicates, of which it
/// complains.
///
/// # Panics
/// If there is one line of complaint.
#[track_caller]
pub fn decodes_clean(input: &Path) {
    let options = "-map 0 -fps_mode passthrough -enc_time_base -1 -f null -".split_whitespace();
    let input = ["-i".as_ref(), input.as_os_str()];
    ffmpeg(input.into_iter().chain(options.map(OsStr::new)));
}

/// Runs ffprobe on a file or playlist and returns the lines that it prints, bare values joined by commas.
#[track_caller]
pub fn ffprobe(options: &str, input: &Path) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    let options = options.split_whitespace();
    let printed = text(command.args(["-v", "error", "-of", "csv=p=0"]).args(options).arg(input));
    let lines = printed.lines().map(|line| line.trim_end_matches(',').to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// A single value that ffprobe prints.
#[track_caller]
pub fn probe_one(options: &str, input: &Path) -> String {
    let lines = ffprobe(options, input);
    let first = lines.first().unwrap_or_else(|| panic!("{options}: nothing printed"));
    // Playlists repeat their streams under each programme.
    assert!(lines.iter().all(|line| line == first), "{options}: {lines:?}");
    first.clone()
}

/// Number of packets of a file's or playlist's only stream of a kind, `v` or `a`.
#[track_caller]
pub fn packets(kind: char, input: &Path) -> usize {
    let options =
        format!("-select_streams {kind}:0 -count_packets -show_entries stream=nb_read_packets");
    probe_one(&options, input).parse().expect("a number of packets")
}

/// When packets are presented, in seconds and in that order, of the first stream of a kind, `v` or `a`.
#[track_caller]
pub fn times(kind: char, input: &Path) -> Vec<f64> {
    let options = format!("-select_streams {kind}:0 -show_entries packet=pts_time");
    let lines = ffprobe(&options, input);
    let mut times: Vec<f64> = lines.iter().map(|line| line.parse().expect("seconds")).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// How near the pictures of a file or playlist are to those of another after `filters` at worst, in dB: one by one, in order, both
/// of 25 frames a second.
#[track_caller]
pub fn worst_psnr(shown: &Path, original: &Path, filters: &str) -> f64 {
    psnr(shown, original, filters).into_iter().min_by(f64::total_cmp).expect("some were compared")
}

/// The same for each picture.
#[track_caller]
pub fn psnr(shown: &Path, original: &Path, filters: &str) -> Vec<f64> {
    let both = "settb=1/25,setpts=N,format=yuv420p";
    let graph = format!("[0:v]{both}[a];[1:v]{filters},{both}[b];[a][b]psnr=stats_file=-");
    let inputs = ["-i".as_ref(), shown.as_os_str(), "-i".as_ref(), original.as_os_str()];
    let options = ["-lavfi", &graph, "-f", "null", "-"];
    let listed = ffmpeg(inputs.into_iter().chain(options.iter().map(OsStr::new)));
    let averages = listed.lines().filter_map(|line| line.split_once("psnr_avg:"));
    averages.map(|(_, rest)| rest.split(' ').next().unwrap_or(rest).parse().expect("dB")).collect()
}

/// The sound of a file or playlist: samples of a channel, `c0` or `c1`, decoded at its own rate.
#[track_caller]
pub fn samples(input: &Path, channel: &str, directory: &Path) -> Vec<i16> {
    let raw = directory.join("samples.raw");
    let options = format!("-map 0:a:0 -af pan=mono|c0={channel} -c:a pcm_s16le -f s16le");
    let options = options.split_whitespace();
    let input = ["-i".as_ref(), input.as_os_str()];
    ffmpeg(input.into_iter().chain(options.map(OsStr::new)).chain([raw.as_os_str()]));
    let bytes = std::fs::read(&raw).expect("ffmpeg wrote it");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Digests of the coded video frames, in decoding order.
#[track_caller]
pub fn coded_frames(input: &Path) -> Vec<String> {
    let options = ["-map", "0:v:0", "-c", "copy", "-f", "framemd5", "-"];
    let listed = ffmpeg(
        ["-i".as_ref(), input.as_os_str()].into_iter().chain(options.iter().map(OsStr::new)),
    );
    let digests = listed.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let columns: Vec<_> = line.split(',').map(str::trim).collect();
        format!("{} bytes {}", columns[4], columns[5])
    });
    digests.collect()
}

#[track_caller]
fn text(command: &mut Command) -> String {
    let Output { status, stdout, stderr } =
        command.stdin(Stdio::null()).output().expect("ffmpeg and ffprobe are installed");
    let complaints = String::from_utf8_lossy(&stderr);
    assert!(status.success() && complaints.is_empty(), "{command:?}: {status}: {complaints}");
    String::from_utf8(stdout).expect("it writes UTF-8")
}
