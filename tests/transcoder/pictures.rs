//! Storyboard and poster: what the child makes of recordings of many kinds, and what is published of it.

use std::fs;
use std::path::{Path, PathBuf};

use job::playlist::session_data::{POSTER, STORYBOARD};
use job::playlist::{parse_storyboard, resolve};
use serde_json::Value;

use crate::support::command::run;
use crate::support::directory::Dir;
use crate::support::ffmpeg::{ffmpeg, probe_one};
use crate::support::flv::{VIDEO, tags};
use crate::support::recordings::{make, short, short_with, usual};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 100 -sc_threshold 0";
const RED: [u8; 3] = [255, 0, 0];
const GREEN: [u8; 3] = [0, 255, 0];
const BLUE: [u8; 3] = [0, 0, 255];
const BLACK: [u8; 3] = [0, 0, 0];
const WHITE: [u8; 3] = [255, 255, 255];

/// Ten seconds of red, ten of green, five of blue, each with a keyframe at its beginning.
fn coloured(name: &str) -> PathBuf {
    let colours = [("red", 10), ("lime", 10), ("blue", 5)];
    let inputs =
        colours.map(|(colour, d)| format!("-f lavfi -i color={colour}:s=320x180:r=10:d={d}"));
    let one_after_another = "-filter_complex [0][1][2]concat=n=3[v] -map [v]";
    make(name, &format!("{} {one_after_another} {H264}", inputs.join(" ")))
}

/// What the child left.
struct Taken {
    dir: Dir,
    plan: Value,
    report: Value,
}

/// Runs the child alone, with the plan that the recording gets.
#[track_caller]
fn take(input: &Path) -> Taken {
    let dir = Dir::new();
    let plan = plan(&dir, input);
    let plan_file = dir.write("plan.json", plan.to_string());
    let output = dir.path("output");
    fs::create_dir(&output).expect("the directory is writable");
    let mut child = dir.transcoder();
    child.arg("take-pictures").arg("--input").arg(input).arg("--plan").arg(plan_file);
    run(child.arg("--output").arg(&output)).succeeds();
    let report = fs::read(output.join("pictures.json")).expect("the child leaves its report");
    Taken { dir, plan, report: serde_json::from_slice(&report).expect("the report is JSON") }
}

#[track_caller]
fn plan(dir: &Dir, input: &Path) -> Value {
    let printed = run(dir.transcoder().args(["inspect", "--json"]).arg(input)).succeeds();
    serde_json::from_str::<Value>(&printed).expect("it prints JSON")["plan"].clone()
}

impl Taken {
    fn file(&self, name: &str) -> PathBuf {
        self.dir.path("output").join(name)
    }

    fn size(&self, name: &str) -> String {
        size(&self.file(name))
    }

    /// The colour at a place of a picture.
    #[track_caller]
    fn is(&self, name: &str, (x, y): (u32, u32), expected: [u8; 3]) {
        let pixel = self.dir.path("pixel.rgb");
        let filter = format!("crop=1:1:{x}:{y}:exact=1");
        let (file, pixel_file) = (self.file(name), pixel.display().to_string());
        let options = ["-vf", &filter, "-pix_fmt", "rgb24", "-f", "rawvideo", &pixel_file];
        ffmpeg(["-i", file.to_str().expect("a path in UTF-8")].into_iter().chain(options));
        let found = fs::read(&pixel).expect("ffmpeg wrote a pixel");
        let is_near = found.iter().zip(expected).all(|(found, level)| found.abs_diff(level) <= 6);
        assert!(found.len() == 3 && is_near, "{name} at {x}, {y}: {found:?}, not {expected:?}");
    }
}

fn size(picture: &Path) -> String {
    probe_one("-show_entries stream=codec_name,width,height", picture)
}

#[test]
fn each_tile_shows_its_time_whatever_the_container() {
    for name in ["colours.flv", "colours.mp4", "colours.ts", "colours.mkv"] {
        let taken = take(&coloured(name));
        assert_eq!(taken.report["errors"], 0, "{name}");
        assert_eq!(taken.report["files"]["sprites"], serde_json::json!(["sprite-0000.jpg"]));
        assert_eq!(taken.size("sprite-0000.jpg"), "mjpeg,480,90", "{name}");
        assert_eq!(taken.size("poster.jpg"), "mjpeg,320,180", "{name}");
        for (x, colour) in [(80, RED), (240, GREEN), (400, BLUE)] {
            taken.is("sprite-0000.jpg", (x, 45), colour);
        }
        taken.is("poster.jpg", (160, 90), GREEN);
    }
}

#[test]
fn the_same_keyframes_are_the_same_files() {
    let files = || {
        let taken = take(&coloured("colours.flv"));
        ["sprite-0000.jpg", "poster.jpg"].map(|name| fs::read(taken.file(name)).unwrap())
    };
    assert_eq!(files(), files());
}

#[test]
fn a_recording_that_lies_on_its_side_is_turned() {
    let halves = "-f lavfi -i color=red:s=160x180:r=10:d=2 -f lavfi -i color=blue:s=160x180:r=10:d=2 -filter_complex [0][1]hstack[v] -map [v]";
    let upright = make("upright.mp4", &format!("{halves} {H264}"));
    // ffmpeg 5.1 writes a rotation only where it copies.
    let copied = format!("-i {} -c copy -metadata:s:v:0 rotate=90", upright.display());
    let taken = take(&make("lying.mp4", &copied));
    // It means it counterclockwise: the left of the picture is shown below.
    assert_eq!(taken.plan["video"]["rotation"], 270);
    assert_eq!(taken.size("poster.jpg"), "mjpeg,180,320");
    assert_eq!(taken.size("sprite-0000.jpg"), "mjpeg,90,160");
    for (name, x, y) in [("poster.jpg", 90, 160), ("sprite-0000.jpg", 45, 80)] {
        taken.is(name, (x, y / 2), BLUE);
        taken.is(name, (x, y + y / 2), RED);
    }
}

#[test]
fn wide_pixels_become_square() {
    let wide = "-f lavfi -i testsrc2=size=240x180:rate=10 -t 2 -vf setsar=4/3";
    let taken = take(&make("wide.flv", &format!("{wide} {H264}")));
    assert_eq!(taken.size("poster.jpg"), "mjpeg,240,134");
    assert_eq!(taken.size("sprite-0000.jpg"), "mjpeg,162,90");
}

#[test]
fn white_is_white_in_full_range_and_in_limited() {
    for (name, format) in [("full.mp4", "yuvj420p"), ("limited.mp4", "yuv420p")] {
        let white = "-f lavfi -i color=white:s=320x180:r=10:d=2";
        let taken = take(&make(name, &format!("{white} {H264} -pix_fmt {format}")));
        taken.is("poster.jpg", (160, 90), WHITE);
        taken.is("sprite-0000.jpg", (80, 45), WHITE);
    }
}

/// Overwrites the IDR slices of those keyframes of an FLV that are asked for, behind their headers.
fn damage(dir: &Dir, keyframes: impl Fn(usize) -> bool) -> PathBuf {
    let mut file = fs::read(coloured("colours.flv")).expect("it was made");
    let videos = tags(&file).into_iter().filter(|(kind, _)| *kind == VIDEO);
    let is_keyframe = |start: usize| file[start + 11..].starts_with(&[0x17, 1]);
    let found: Vec<_> =
        videos.map(|(_, range)| range).filter(|range| is_keyframe(range.start)).collect();
    assert_eq!(found.len(), 3);
    for (_, range) in found.into_iter().enumerate().filter(|(number, _)| keyframes(*number)) {
        let mut unit = range.start + 16;
        while unit < range.end {
            let length = file[unit..unit + 4].iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            let end = unit + 4 + length;
            if file[unit + 4] & 0x1f == 5 {
                file[unit + 5..end].fill(0xaa);
            }
            unit = end;
        }
    }
    dir.write("damaged.flv", file)
}

#[test]
fn a_damaged_keyframe_shows_the_one_before_and_the_first_is_black() {
    let dir = Dir::new();
    let taken = take(&damage(&dir, |number| number == 1));
    assert_eq!(taken.report["errors"], 1);
    for (x, colour) in [(80, RED), (240, RED), (400, BLUE)] {
        taken.is("sprite-0000.jpg", (x, 45), colour);
    }
    taken.is("poster.jpg", (160, 90), RED);

    let taken = take(&damage(&dir, |number| number < 2));
    assert_eq!(taken.report["errors"], 2);
    for (x, colour) in [(80, BLACK), (240, BLACK), (400, BLUE)] {
        taken.is("sprite-0000.jpg", (x, 45), colour);
    }
    taken.is("poster.jpg", (160, 90), BLUE);
}

#[test]
fn where_no_keyframe_decodes_there_are_no_pictures() {
    let taken = take(&damage(&Dir::new(), |_| true));
    assert_eq!(taken.report, serde_json::json!({ "files": null, "errors": 3 }));
}

#[test]
fn what_is_planned_without_pictures_has_none() {
    let dir = Dir::new();
    assert!(plan(&dir, &short_with("sound.flv", "-vn")).get("pictures").is_none());
    let published = dir.publish(&short_with("sound.flv", "-vn"), &[]);
    let named = [POSTER, STORYBOARD].map(|id| published.master.session_value(id));
    assert_eq!(named, [None, None]);
    let dir = Dir::new();
    let published = dir.publish(&short(), &["--profile", "reference"]);
    assert_eq!(published.master.session_value(POSTER), None);
}

#[test]
fn poster_and_storyboard_are_published_and_missed_by_check() {
    let dir = Dir::new();
    let published = dir.publish(&usual(), &[]);
    let poster = published.master.session_value(POSTER).unwrap();
    let vod = dir.path("vod");
    assert_eq!(size(&vod.join(poster)), "mjpeg,640,360");
    let storyboard = published.master.session_value(STORYBOARD).unwrap();
    let text = fs::read_to_string(vod.join(storyboard)).unwrap();
    let cues = parse_storyboard(&text).unwrap();
    assert_eq!(cues.iter().map(|cue| (cue.start, cue.end)).collect::<Vec<_>>(), [(0, 8000)]);
    let sprite = vod.join(resolve(storyboard, &cues[0].sprite));
    assert_eq!(size(&sprite), "mjpeg,160,90");

    fs::remove_file(sprite).unwrap();
    let checked = run(dir.transcoder().args(["check", "--no-decode", "vod"]));
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert!(checked.stdout.contains("BLOCKER 13") && checked.stdout.contains("sprite-0000-"));
}
