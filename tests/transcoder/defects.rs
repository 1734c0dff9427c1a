//! Defects that users of other systems reported, each with a recording made for it.

use std::fs;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{
    decodes_clean, ffprobe, packets, probe_one, samples, times, worst_psnr,
};
use crate::support::flv::{self, AUDIO, Tag, VIDEO, recorded};
use crate::support::presentation::{cuts, media_playlist};
use crate::support::recordings::make;

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -sc_threshold 0";

/// The largest difference of neighbours in a sine of 440 Hz with an amplitude of an eighth, in samples of 16 bits at 44.1 kHz, with a half
/// more for what a codec adds: 4096 * 2 pi * 440 / 44100 * 1.5.
const STEEPEST: i32 = 385;

#[test]
fn a_sine_wave_has_no_jump_at_any_join() {
    // Twelve seconds are several chunks of video, and of audio several segments; MP3 is encoded, AAC copied.
    let pictures = "-f lavfi -i testsrc2=size=160x90:rate=25";
    let sound = "-f lavfi -i sine=frequency=440:sample_rate=44100";
    for (name, codec) in [("sine.flv", "-c:a libmp3lame"), ("sine.mp4", "-c:a aac -b:a 128k")] {
        let recording = make(name, &format!("{pictures} {sound} -t 12 {H264} -g 50 -ac 2 {codec}"));
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        let playlist = published.audio();
        assert!(media_playlist(&playlist).segments.len() > 1, "{name}: nothing is joined");
        let starts = times('a', &playlist);
        let frame = 1024.0 / 44_100.0;
        let is_whole = starts.windows(2).all(|pair| (pair[1] - pair[0] - frame).abs() < 0.0001);
        assert!(is_whole, "{name}: a gap between frames");
        let heard = samples(&playlist, "c0", &dir.path(""));
        // The encoder's own beginning and end are no joins.
        let heard = &heard[4096..heard.len() - 4096];
        let steps = heard.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs());
        let (place, steepest) = steps.enumerate().max_by_key(|(_, step)| *step).unwrap();
        assert!(steepest < STEEPEST, "{name}: a jump of {steepest} at sample {}", place + 4096);
        let silent = heard.chunks(256).any(|part| part.iter().all(|s| s.unsigned_abs() < 1000));
        assert!(!silent, "{name}: a silent gap");
    }
}

#[test]
fn changes_of_scene_move_no_cut() {
    let scenes =
        "-f lavfi -i testsrc2=size=160x90:rate=25 -f lavfi -i mandelbrot=size=160x90:rate=25";
    let cut = "-filter_complex [0][1]overlay=enable='lt(mod(t,1.3),0.6)'[v] -map [v] -t 16";
    // A profile's own keyframes only, whatever the picture shows; the source's are where its scenes change.
    let recording =
        make("scenes.mp4", &format!("{scenes} {cut} -c:v libx264 -pix_fmt yuv444p -g 250"));
    let dir = Dir::new();
    let published = dir.publish(&recording, &["--profile", "reference"]);
    let (_, playlist) = &published.video()[0];
    assert_eq!(cuts(playlist), [4_000_000, 8_000_000, 12_000_000, 16_000_000]);
}

#[test]
fn a_variable_frame_rate_is_measured_and_drifts_nowhere() {
    // 20 frames a second with up to 20 ms of jitter, which some take for 1000 frames a second.
    let pictures = "-f lavfi -i testsrc2=size=96x54:rate=20";
    let jitter =
        "-vf settb=1/1000,setpts=N*50+20*random(7) -fps_mode passthrough -enc_time_base 1/1000";
    let recording = make("jitter.mkv", &format!("{pictures} -t 60 {jitter} {H264} -g 9999"));
    let dir = Dir::new();
    let published = dir.publish(&recording, &[]);
    let (name, playlist) = &published.video()[0];
    let rate = published.master.variants[0].frame_rate.unwrap();
    assert!((19_000..=21_000).contains(&rate), "{name}: {rate} thousandths");
    let of_recording = times('v', &recording);
    let shown = times('v', playlist);
    assert_eq!(shown.len(), of_recording.len());
    for (shown_at, recorded) in shown.iter().zip(&of_recording) {
        let off = (shown_at - shown[0]) - (recorded - of_recording[0]);
        assert!(off.abs() < 0.0015, "{off} s at {recorded} s");
    }
    // Each cut is the time of a picture, to the last.
    let length = of_recording.last().unwrap() - of_recording[0] + 0.05;
    let cuts = cuts(playlist);
    assert!(cuts.len() >= 10);
    for cut in &cuts[..cuts.len() - 1] {
        let seconds = std::time::Duration::from_micros(*cut).as_secs_f64();
        let nearest = shown.iter().map(|time| (time - shown[0] - seconds).abs());
        assert!(nearest.fold(1.0, f64::min) < 0.0015, "{seconds} s is no picture's time");
    }
    let end = std::time::Duration::from_micros(*cuts.last().unwrap()).as_secs_f64();
    assert!((end - length).abs() < 0.05, "{end} s of {length} s");
}

/// Four seconds of tags, a picture every 40 ms and a tone from exactly two seconds on.
fn beep(name: &str, options: &str) -> std::path::PathBuf {
    let pictures = "-f lavfi -i testsrc2=size=160x90:rate=25";
    let tone = "-f lavfi -i aevalsrc=if(gte(t\\,2)\\,sin(6283*t)/2\\,0):c=stereo:s=48000";
    make(name, &format!("{pictures} {tone} -t 4 {H264} -bf 2 -g 25 {options}"))
}

#[test]
fn reordered_pictures_and_priming_shift_no_sound() {
    for (name, codec) in [
        ("beep.flv", "-c:a aac"),
        ("beep.mp4", "-c:a aac"),
        ("beep.mkv", "-c:a libopus"),
        ("beep.ts", "-c:a ac3 -muxdelay 0"),
        ("beep-mp3.flv", "-c:a libmp3lame"),
    ] {
        let recording = beep(name, codec);
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        let heard = samples(&published.audio(), "c0", &dir.path(""));
        let first = heard.iter().position(|sample| sample.unsigned_abs() > 4000).unwrap();
        // FLV does not tell how much of the audio is an encoder's priming: one frame, or a bit more of MP3.
        let rate = "-select_streams a:0 -show_entries stream=sample_rate";
        let rate: i64 = probe_one(rate, &published.audio()).parse().unwrap();
        let off = i64::try_from(first).unwrap() - 2 * rate;
        assert!(off.abs() <= 2304, "{name}: {off} samples off");
    }
}

/// Those tags of a recording that are wanted.
fn only(file: &std::path::Path, wanted: impl Fn(&Tag) -> bool) -> Vec<u8> {
    let tags = recorded(&fs::read(file).expect("it was made"));
    flv::file(tags.iter().filter(|tag| tag.is_header() || wanted(tag)))
}

#[test]
fn audio_that_comes_late_ends_early_or_goes_on_stays_in_its_place() {
    let file = beep("beep.flv", "-c:a aac");
    for (what, wanted) in [
        (
            "audio from 1.5 s",
            (|tag| tag.kind == VIDEO || tag.milliseconds >= 1500) as fn(&Tag) -> bool,
        ),
        ("audio to 3 s", |tag| tag.kind == VIDEO || tag.milliseconds < 3000),
        ("video to 3 s", |tag| tag.kind == AUDIO || tag.milliseconds < 3000),
    ] {
        let dir = Dir::new();
        let published = dir.publish(&dir.write("part.flv", only(&file, wanted)), &[]);
        decodes_clean(&published.master_path());
        let heard = samples(&published.audio(), "c0", &dir.path(""));
        let first = heard.iter().position(|sample| sample.unsigned_abs() > 4000).unwrap();
        let off = i64::try_from(first).unwrap() - 96_000;
        assert!(off.abs() <= 2304, "{what}: {off} samples off");
        let (sound, pictures) = (cuts(&published.audio()), cuts(&published.video()[0].1));
        let end = sound.last().unwrap().abs_diff(*pictures.last().unwrap());
        assert!(end < 25_000, "{what}: the ends are {end} us apart");
    }
}

#[test]
fn open_gops_lose_no_picture_wherever_they_are_read_from() {
    // One IDR picture in 15 s, so that later chunks begin at recovery points; of HEVC at clean random accesses.
    let pictures = "-f lavfi -i testsrc2=size=160x90:rate=25 -t 15";
    let x264 = "-c:v libx264 -preset veryfast -crf 15 -pix_fmt yuv420p -bf 2 -g 25 -x264-params open-gop=1";
    let refresh = "-c:v libx264 -preset veryfast -crf 15 -pix_fmt yuv420p -g 25 -x264-params intra-refresh=1:bframes=0";
    let x265 = "-c:v libx265 -preset ultrafast -crf 15 -x265-params log-level=none:open-gop=1:keyint=25:bframes=3";
    for (name, codec) in [
        ("open.flv", x264),
        ("open.ts", x264),
        ("open.mp4", x264),
        ("refresh.ts", refresh),
        ("open-hevc.mp4", x265),
    ] {
        let recording = make(name, &format!("{pictures} {codec}"));
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        let (rung, playlist) = &published.video()[0];
        assert_ne!(rung, "source", "{name}");
        assert!(cuts(playlist).len() > 1, "{name}: nothing begins in the middle");
        assert_eq!(packets('v', playlist), 375, "{name}");
        let near = worst_psnr(playlist, &recording, "null");
        assert!(near > 28.0, "{name}: {near} dB");
        let keys = ffprobe("-select_streams v:0 -show_entries packet=flags", playlist);
        assert!(keys[0].starts_with('K'), "{name}");
    }
}
