//! Synthetic recordings, and the reports that a faultless worker would commit for them.

use std::num::NonZeroU32;

use crate::colour::Colour;
use crate::names::{self, PartNames, PresentationNames};
use crate::plan::{AAC_FRAME, Plan, Rung, RungBits, VideoPlan, plan};
use crate::profile::Profile;
use crate::recording::{Identity, PresentationName};
use crate::report::{
    AudioFit, AudioReport, ChunkReport, CodecFacts, Decoding, IdrFacts, PicturesReport,
    PublishedPicture, PublishedPictures, PublishedRendition, PublishedSegment, Reports,
    SegmentFacts,
};
use crate::source::{
    AudioCodec, AudioSource, Clock, Container, Frame, H264Source, SourceIndex, VideoCodec,
    VideoSource,
};

const MILLISECONDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(999);

/// A profile that no change to the shipped ones touches.
pub(crate) const PROFILE: &str = r#"
name = "test"
segment_ms = 6000
idr_ms = 1000
prune = true

[audio]
copy = true
kbps = 128

[[rung]]
short_side = 720
crf = 23
maxrate_kbps = 3000
bufsize_kbps = 4500
preset = "veryfast"
fps_cap = 60

[[rung]]
short_side = 480
crf = 23
maxrate_kbps = 1400
bufsize_kbps = 2100
preset = "veryfast"
fps_cap = 30

[[rung]]
short_side = 234
crf = 24
maxrate_kbps = 180
bufsize_kbps = 270
preset = "veryfast"
fps_cap = 30
"#;

pub(crate) fn profile(source_copy: bool) -> Profile {
    let copy = "\n[source_copy]\nlongest_gop_ms = 10000\npeak_kbps = 12000\n";
    let text = if source_copy { format!("{PROFILE}{copy}") } else { PROFILE.to_owned() };
    Profile::parse(&text).unwrap()
}

pub(crate) fn identity() -> Identity {
    Identity::Content { sha256: "5a".repeat(32) }
}

/// H.264 of 1280x720 in milliseconds from time 0 on, `frames` of them, `rate` a second, with keyframes at the given frames.
pub(crate) fn video(rate: i64, frames: i64, keyframes: &[i64]) -> VideoSource {
    let frame = |n: i64| {
        let time = (n * 1000 + rate / 2) / rate;
        let offset = 400 + u64::try_from(n).unwrap() * 20_000;
        Frame { pts: time, dts: time, offset, size: 18_000, sync: keyframes.contains(&n) }
    };
    VideoSource {
        codec: VideoCodec::H264,
        timescale: MILLISECONDS,
        width: 1280,
        height: 720,
        pixel_aspect: (1, 1),
        rotation: 0,
        colour: Colour::default(),
        h264: Some(H264Source {
            profile_idc: 100,
            level_idc: 40,
            chroma_format_idc: 1,
            bit_depth: 8,
            progressive: true,
            one_configuration: true,
            closed_gops: true,
        }),
        config_offsets: vec![13],
        shown_from: None,
        frames: (0..frames).map(frame).collect(),
        recovery_points: Vec::new(),
    }
}

/// Stereo AAC-LC at 44.1 kHz.
pub(crate) fn audio(milliseconds: i64) -> AudioSource {
    AudioSource {
        codec: AudioCodec::Aac,
        sample_rate: 44_100,
        channels: 2,
        aac_object_type: Some(2),
        timescale: MILLISECONDS,
        start: 0,
        end: milliseconds,
        frames: u64::try_from(milliseconds * 44_100 / 1000 / 1024).unwrap(),
    }
}

pub(crate) fn index(video: Option<VideoSource>, audio: Option<AudioSource>) -> SourceIndex {
    let container = Container::Flv;
    SourceIndex {
        container,
        byte_length: 1 << 30,
        video,
        audio,
        clock: Clock::default(),
        defects: Vec::new(),
    }
}

/// A plan and its reports.
pub(crate) struct Published {
    pub(crate) plan: Plan,
    pub(crate) reports: Reports,
    pub(crate) names: PartNames,
}

pub(crate) fn publish(index: &SourceIndex, profile: &Profile) -> Published {
    let plan = plan(&identity(), index, profile).unwrap();
    let reports = reports(&plan, index);
    let names = PresentationNames::new(&PresentationName::root()).part(1, &plan.id);
    Published { plan, reports, names }
}

fn reports(plan: &Plan, index: &SourceIndex) -> Reports {
    let chunks = plan.video.iter().flat_map(|video| {
        let source = index.video.as_ref().unwrap();
        video.chunks.iter().map(move |chunk| ChunkReport {
            plan: plan.id.clone(),
            chunk: chunk.index,
            renditions: video
                .rungs
                .iter()
                .map(|rung| {
                    let first = usize::try_from(chunk.first_segment).unwrap();
                    let count = usize::try_from(chunk.segments).unwrap();
                    rendition(video, source, rung, first..first + count)
                })
                .collect(),
            decoding: Decoding { frames: chunk.frames, errors: 0 },
        })
    });
    let audio = plan.audio.as_ref().map(|audio| AudioReport {
        plan: plan.id.clone(),
        rendition: PublishedRendition {
            rendition: names::AUDIO.to_owned(),
            init: names::init(b"audio"),
            init_size: 600,
            codec: CodecFacts { codecs: "mp4a.40.2".to_owned(), width: 0, height: 0 },
            timescale: audio.sample_rate,
            segments: audio.cuts.windows(2).zip(0..).map(audio_segment).collect(),
        },
        fit: AudioFit::default(),
    });
    Reports { chunks: chunks.collect(), audio, pictures: pictures(plan) }
}

fn pictures(plan: &Plan) -> Option<PicturesReport> {
    let sprites = plan.pictures.as_ref()?.sprites().zip(0..).map(|(sprite, number)| {
        let name = names::sprite(number, format!("sprite {number}").as_bytes());
        PublishedPicture { name, size: 3000 * u64::from(sprite.tiles) }
    });
    let poster = PublishedPicture { name: names::poster(b"poster"), size: 60_000 };
    let pictures = Some(PublishedPictures { sprites: sprites.collect(), poster });
    Some(PicturesReport { plan: plan.id.clone(), pictures, warnings: Vec::new() })
}

fn audio_segment((cuts, index): (&[u64], u32)) -> PublishedSegment {
    let frames = cuts[1] - cuts[0];
    PublishedSegment {
        name: names::segment(index, format!("audio {index}").as_bytes()),
        facts: SegmentFacts {
            index,
            size: frames * 371 + 120,
            start: cuts[0] * AAC_FRAME,
            duration: frames * AAC_FRAME,
            frames: u32::try_from(frames).unwrap(),
            idrs: Vec::new(),
        },
    }
}

fn rendition(
    video: &VideoPlan,
    source: &VideoSource,
    rung: &Rung,
    segments: std::ops::Range<usize>,
) -> PublishedRendition {
    // The rates in kilobits per second that the encoder reached.
    let (codecs, kbps) = match (&rung.bits, rung.height) {
        (RungBits::Source, _) => ("avc1.640020", 4320),
        (_, 720) => ("avc1.64001F", 1900),
        (_, 480) => ("avc1.64001E", 900),
        _ => ("avc1.64000D", 50),
    };
    PublishedRendition {
        rendition: rung.name.clone(),
        init: names::init(rung.name.as_bytes()),
        init_size: 800,
        codec: CodecFacts { codecs: codecs.to_owned(), width: rung.width, height: rung.height },
        timescale: video.timescale.get(),
        segments: segments.map(|n| segment(video, source, rung, n, kbps)).collect(),
    }
}

fn segment(
    video: &VideoPlan,
    source: &VideoSource,
    rung: &Rung,
    number: usize,
    kbps: u64,
) -> PublishedSegment {
    let grid = &video.segments[number];
    let inside = |frame: &&Frame| (grid.start..grid.end).contains(&(frame.pts - video.origin));
    let times: Vec<i64> =
        source.frames.iter().filter(inside).map(|frame| frame.pts - video.origin).collect();
    let idrs: Vec<i64> = match rung.bits {
        RungBits::Encoded(_) => grid.idrs.clone(),
        RungBits::Source => {
            let keyframes = source.frames.iter().filter(inside).filter(|frame| frame.sync);
            keyframes.map(|frame| frame.pts - video.origin).collect()
        }
    };
    let step = usize::try_from(rung.keep_every).unwrap();
    let ends = idrs.iter().skip(1).copied().chain([grid.end]);
    let frames = idrs.iter().zip(ends).map(|(start, end)| {
        times.iter().filter(|time| (*start..end).contains(*time)).count().div_ceil(step)
    });
    let index = u32::try_from(number).unwrap();
    let ticks = u64::try_from(grid.end - grid.start).unwrap();
    let size = (ticks * kbps * 1000 / 8 / u64::from(video.timescale.get())).max(1000);
    let share = size / u64::try_from(idrs.len()).unwrap();
    let facts = |(time, n): (&i64, u64)| IdrFacts {
        time: u64::try_from(*time).unwrap(),
        offset: n * share,
        size: share / 4,
    };
    PublishedSegment {
        name: names::segment(index, format!("{} {number}", rung.name).as_bytes()),
        facts: SegmentFacts {
            index,
            size,
            start: u64::try_from(grid.start).unwrap(),
            duration: ticks,
            frames: u32::try_from(frames.sum::<usize>()).unwrap(),
            idrs: idrs.iter().zip(0..).map(facts).collect(),
        },
    }
}
