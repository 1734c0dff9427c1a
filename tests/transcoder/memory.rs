//! Memory does not grow with the recording: what is kept of each frame is small, and nothing else is kept. Pictures are left out: a sprite of
//! the storyboard holds as many tiles as there are, up to a number that a minute does not reach.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::directory::Dir;
use crate::support::ffmpeg::ffmpeg;
use crate::support::recordings::make;

/// Frames of a second of the recordings here.
const RATE: u64 = 30;
/// What may be kept of one frame: its entry in the index, and that entry as it is written and read.
const BYTES_PER_FRAME: u64 = 150;

/// The default profile.
const DEFAULT: &str = include_str!("../../crates/job/profiles/default.toml");

/// Seconds of the longer recording.
fn length() -> u64 {
    let is_full = std::env::var_os("REC2VOD_TIER").is_some_and(|tier| tier == "full");
    if is_full { 1800 } else { 120 }
}

/// Seconds of the shorter one: enough that all that ever runs at a time does.
const SHORT: u64 = 60;

/// Ten seconds with sound, of which a copy that is kept would be seen.
fn ten_seconds() -> PathBuf {
    let pictures = format!("-f lavfi -i testsrc2=size=320x180:rate={RATE},noise=alls=40:allf=t");
    let codecs = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 60 -sc_threshold 0 -b:v 1M";
    let sound = "-f lavfi -i sine=sample_rate=48000";
    make("ten.flv", &format!("{pictures} {sound} -t 10 {codecs} -c:a aac -ac 2"))
}

/// The same again and again.
fn repeated(dir: &Dir, seconds: u64) -> PathBuf {
    let path = dir.path("long.flv");
    let (once, times) = (ten_seconds().display().to_string(), (seconds / 10 - 1).to_string());
    let copy = ["-stream_loop", &times, "-i", &once, "-c", "copy"].map(str::to_owned);
    ffmpeg(copy.into_iter().chain([path.display().to_string()]));
    path
}

/// The most memory that the program and its children have at a time while they publish a recording, in bytes. Memory that files are mapped
/// into is left out: how much of it is whose depends on who else runs.
fn peak(dir: &Dir, recording: &Path) -> u64 {
    let plain = DEFAULT.replace("\npictures = true\n", "\npictures = false\n");
    assert_ne!(plain, DEFAULT);
    dir.write("plain.toml", plain);
    let mut command: Command = dir.transcoder();
    command.arg("transcode").arg(recording);
    command.args(["-o", "vod", "--children", "1", "--source-first", "--profile", "plain.toml"]);
    let mut program: Child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program starts");
    let mut peak = 0;
    let status = loop {
        if let Some(status) = program.try_wait().expect("it is our child") {
            break status;
        }
        peak = peak.max(anonymous(program.id()));
        sleep(Duration::from_millis(2));
    };
    assert!(status.success());
    peak
}

/// Bytes of a process and its descendants; none of those that are gone by now.
fn anonymous(process: u32) -> u64 {
    let kilobytes =
        |line: &str| line.strip_prefix("Pss_Anon:")?.trim().strip_suffix(" kB")?.parse().ok();
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).unwrap_or_default();
    let own: u64 = rollup.lines().find_map(kilobytes).unwrap_or(0);
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children: u64 = tasks
        .map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default())
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .map(anonymous)
        .sum();
    own * 1024 + children
}

#[test]
fn the_peak_of_memory_grows_by_what_is_kept_of_each_frame_and_no_more() {
    let measure = |seconds| {
        let dir = Dir::new();
        peak(&dir, &repeated(&dir, seconds))
    };
    let (short, long) = (measure(SHORT), measure(length()));
    let kept = (length() - SHORT) * RATE * BYTES_PER_FRAME;
    let said = format!("{short} bytes at most for {SHORT} s, {long} for {} s", length());
    println!("{said}");
    assert!(short > 1 << 20, "so little cannot be: {said}");
    // A quarter more is what chance makes of it: how many uploads fall together, and what the allocator keeps.
    assert!(long <= short + short / 4 + kept, "{said}");
}
