//! Pictures that no player takes as they are become some that every player takes, and look the same.

use std::path::Path;

use crate::support::directory::Dir;
use crate::support::ffmpeg::{decodes_clean, packets, probe_one, psnr, samples, worst_psnr};
use crate::support::presentation::Presentation;
use crate::support::recordings::make;

/// Two seconds of fields, 50 of them in a second, of a picture that moves.
const FIELDS: &str =
    "-f lavfi -i testsrc2=size=320x180:rate=50 -t 2 -vf interlace=scan=tff:lowpass=0";
const X265: &str = "-c:v libx265 -preset ultrafast -x265-params log-level=none";

/// Published, with a single rung of its own size; copied never.
#[track_caller]
fn converted(dir: &Dir, recording: &Path) -> (Presentation, std::path::PathBuf) {
    let published = dir.publish(recording, &[]);
    decodes_clean(&published.master_path());
    let names = published.names();
    assert!(!names.contains(&"source".to_owned()), "{names:?}");
    let path = published.path_of(&names[0]);
    (published, path)
}

#[track_caller]
fn colours(path: &Path) -> String {
    probe_one(
        "-select_streams v:0 -show_entries stream=pix_fmt,color_range,color_space,color_transfer,color_primaries",
        path,
    )
}

#[test]
fn fields_become_frames() {
    for (name, codec) in [
        ("fields.ts", "-c:v libx264 -preset veryfast -crf 10 -pix_fmt yuv420p -x264-params tff=1"),
        ("fields.flv", "-c:v libx264 -preset veryfast -crf 10 -pix_fmt yuv420p -x264-params bff=1"),
        ("fields.mp4", "-c:v mpeg4 -q:v 2 -flags +ildct+ilme"),
    ] {
        let scan = if name == "fields.flv" { "scan=bff" } else { "scan=tff" };
        let fields = FIELDS.replace("scan=tff", scan);
        let recording = make(name, &format!("{fields} -g 25 {codec}"));
        let dir = Dir::new();
        let (_, shown) = converted(&dir, &recording);
        assert_eq!(packets('v', &shown), 50, "{name}");
        // What ffmpeg makes of the same fields, which look at one frame more, and less what is lost by encoding.
        let parity = u8::from(name == "fields.flv");
        let mean = |filters: &str| {
            let all = psnr(&shown, &recording, filters);
            all.iter().sum::<f64>() / f64::from(u32::try_from(all.len()).unwrap())
        };
        let (near, woven) = (mean(&format!("yadif=parity={parity}")), mean("null"));
        println!("{name}: {near} dB, woven {woven} dB");
        assert!(near > 33.0 && near > woven + 3.0, "{name}: {near} dB, woven {woven} dB");
    }
}

#[test]
fn progressive_frames_that_are_coded_as_if_interlaced_stay_whole() {
    let frames = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 2";
    let codec =
        "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 -x264-params fake-interlaced=1";
    let recording = make("fake.ts", &format!("{frames} {codec}"));
    let dir = Dir::new();
    let (_, shown) = converted(&dir, &recording);
    let (as_it_is, deinterlaced) =
        (worst_psnr(&shown, &recording, "null"), worst_psnr(&shown, &recording, "yadif"));
    assert!(as_it_is > deinterlaced + 3.0, "{as_it_is} dB, deinterlaced {deinterlaced} dB");
}

#[test]
fn full_range_becomes_limited_whatever_the_depth() {
    let bt709 = "-colorspace bt709 -color_primaries bt709 -color_trc bt709";
    for (format, labels) in [
        ("yuvj420p", ""),
        ("yuvj420p", bt709),
        ("yuv420p10le", bt709),
        ("yuv422p10le", ""),
        ("yuv444p10le", ""),
    ] {
        let full = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -vf scale=out_range=pc";
        let codec = "-c:v libx264 -preset veryfast -crf 10 -g 25 -color_range pc";
        let name = format!("full-{format}.mp4");
        let recording = make(&name, &format!("{full} {codec} -pix_fmt {format} {labels}"));
        let dir = Dir::new();
        let published = dir.publish(&recording, &["--profile", "reference"]);
        let shown = published.path_of(&published.names()[0]);
        assert!(colours(&shown).starts_with("yuv420p,tv,"), "{format}: {}", colours(&shown));
        let near = worst_psnr(&shown, &recording, "scale=in_range=pc:out_range=tv");
        let mistaken = worst_psnr(&shown, &recording, "scale=in_range=tv:out_range=tv");
        assert!(
            near > 32.0 && mistaken < 30.0,
            "{format} {labels}: {near} dB, mistaken {mistaken} dB"
        );
    }
}

#[test]
fn high_dynamic_range_becomes_bt709() {
    // Colours that BT.709 has, and nothing brighter than 1000 cd/m2: what is beyond is cut off in other ways by the filters compared with.
    for (transfer, luma) in [("smpte2084", "0.7"), ("arib-std-b67", "0.95")] {
        let levels = format!(
            "format=yuv420p,lutyuv=y=16+(val-16)*{luma}:u=128+(val-128)*0.3:v=128+(val-128)*0.3,format=yuv420p10le"
        );
        let pictures = format!("-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -vf {levels}");
        let labels = format!(
            "-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc -tag:v hvc1"
        );
        let name = format!("{transfer}.mp4");
        let recording = make(&name, &format!("{pictures} {X265} {labels}"));
        let dir = Dir::new();
        let (_, shown) = converted(&dir, &recording);
        assert_eq!(colours(&shown), "yuv420p,tv,bt709,bt709,bt709", "{transfer}");
        // The same curve, by floating point; 1000 cd/m2 are 4.926 times the white of 203.
        let reference = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:peak=4.926:desat=0,\
                         zscale=t=bt709,format=gbrp,zscale=m=bt709:r=tv,format=yuv420p";
        let near = worst_psnr(&shown, &recording, reference);
        let as_it_was = worst_psnr(&shown, &recording, "format=yuv420p");
        assert!(near > 30.0 && as_it_was < 26.0, "{transfer}: {near} dB, else {as_it_was} dB");
    }
}

#[test]
fn all_rungs_of_a_source_without_labels_have_the_same_colours() {
    let unlabelled = "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -g 25";
    for (size, expected) in [
        ("1280x720", "yuv420p,tv,bt709,bt709,bt709"),
        ("640x480", "yuv420p,tv,smpte170m,smpte170m,smpte170m"),
    ] {
        let pictures = format!("-f lavfi -i testsrc2=size={size}:rate=10 -t 1");
        let recording = make(&format!("{size}.mp4"), &format!("{pictures} {unlabelled}"));
        let dir = Dir::new();
        let published = dir.publish(&recording, &[]);
        assert!(published.video().len() > 1, "{size}: nothing to compare");
        for (rung, path) in published.video() {
            assert_eq!(colours(&path), expected, "{size} {rung}");
        }
    }
}

#[test]
fn labels_of_the_source_stay_true_on_rungs_of_any_size() {
    let pictures = "-f lavfi -i testsrc2=size=1280x720:rate=10 -t 1";
    let labels = "-color_primaries bt470bg -color_trc gamma28 -colorspace bt470bg";
    let codec = "-c:v libx264 -preset ultrafast -pix_fmt yuv444p -g 25";
    let recording = make("labelled.mp4", &format!("{pictures} {codec} {labels}"));
    let dir = Dir::new();
    let published = dir.publish(&recording, &[]);
    for (rung, path) in published.video() {
        assert_eq!(colours(&path), "yuv420p,tv,bt470bg,bt470bg,bt470bg", "{rung}");
    }
}

#[test]
fn red_green_and_blue_become_luma_and_chroma() {
    let pictures = "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1";
    let recording = make("rgb.mp4", &format!("{pictures} -c:v libx264rgb -crf 5 -pix_fmt rgb24"));
    let dir = Dir::new();
    let (_, shown) = converted(&dir, &recording);
    let near = worst_psnr(&shown, &recording, "scale=out_color_matrix=bt601:out_range=tv");
    assert!(near > 30.0 && colours(&shown).contains("smpte170m"), "{near} dB, {}", colours(&shown));
}

/// Red on the left, blue on the right.
const HALVES: &str = "-f lavfi -i color=red:s=160x180:r=25:d=1 -f lavfi -i color=blue:s=160x180:r=25:d=1 -filter_complex [0][1]hstack[v] -map [v]";

#[test]
fn a_recording_that_lies_on_its_side_is_shown_upright() {
    let lying = make("to-be-turned.mp4", &format!("{HALVES} -c:v libx264 -pix_fmt yuv420p"));
    for (degrees, upright) in [(90, "transpose=2"), (180, "hflip,vflip"), (270, "transpose=1")] {
        let copied = format!("-i {} -c copy -metadata:s:v:0 rotate={degrees}", lying.display());
        let recording = make(&format!("turned-{degrees}.mp4"), &copied);
        let dir = Dir::new();
        let (published, shown) = converted(&dir, &recording);
        let size = published.sizes()[&published.names()[0]];
        assert_eq!(size, if degrees == 180 { (320, 180) } else { (180, 320) }, "{degrees}");
        let near = worst_psnr(&shown, &lying, upright);
        assert!(near > 30.0, "{degrees} degrees: {near} dB");
    }
}

#[test]
fn pixels_that_are_not_square_become_square() {
    let wide = "-f lavfi -i testsrc2=size=240x180:rate=25 -t 1 -vf setsar=4/3";
    let recording = make("wide.flv", &format!("{wide} -c:v libx264 -crf 10 -pix_fmt yuv420p"));
    let dir = Dir::new();
    let (published, shown) = converted(&dir, &recording);
    assert_eq!(published.sizes()[&published.names()[0]], (240, 134));
    assert!(worst_psnr(&shown, &recording, "scale=240:134:flags=bicubic,setsar=1") > 30.0);
}

#[test]
fn more_than_sixty_frames_a_second_become_at_most_sixty() {
    let pictures = "-f lavfi -i testsrc2=size=320x180:rate=120 -t 1";
    let codec = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 120";
    let dir = Dir::new();
    let (published, shown) = converted(&dir, &make("120.mp4", &format!("{pictures} {codec}")));
    let rates = published.master.variants.iter().map(|variant| variant.frame_rate);
    assert!(rates.into_iter().all(|rate| rate.is_some_and(|rate| rate <= 60_000)));
    assert!(packets('v', &shown) <= 60);
}

#[test]
fn five_channels_and_one_are_heard_on_both_sides() {
    for (name, channels, layout) in [("5.1.mp4", 6, "5.1"), ("mono.mp4", 1, "mono")] {
        // Only the centre speaks, which a careless downmix loses.
        let centre = if channels == 6 { "0|0|sin(2764*t)/2|0|0|0" } else { "sin(2764*t)/2" };
        let sound = format!("-f lavfi -i aevalsrc={centre}:c={layout}:s=48000:d=2");
        let pictures = "-f lavfi -i testsrc2=size=160x90:rate=25 -t 2";
        let codecs = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a ac3";
        let codecs = if channels == 6 { codecs } else { "-c:v libx264 -pix_fmt yuv420p -c:a aac" };
        let dir = Dir::new();
        let recording = make(name, &format!("{sound} {pictures} {codecs}"));
        let published = dir.publish(&recording, &[]);
        for side in ["c0", "c1"] {
            let heard = samples(&published.audio(), side, &dir.path(""));
            let loudest = heard.iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!(loudest > 6000, "{name} {side}: {loudest}");
        }
    }
}
