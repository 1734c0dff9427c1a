//! The playlists of whole presentations against golden texts, and what must hold for any presentation.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::fixture::{Published, audio, index, profile, publish, video};
use super::*;
use crate::names::{PICTURES, STORYBOARD, segment};
use crate::report::{CodecFacts, PublishedSegment, SegmentFacts};

fn text(published: &Published) -> String {
    let Published { plan, reports, names } = published;
    let renditions = Renditions::published(plan, reports).unwrap();
    let playlists = playlists(plan, &renditions, names, "A \"talk\"");
    let mut text = format!("==> master.m3u8\n{}", playlists.master);
    for NamedPlaylist { rendition, name, text: playlist } in &playlists.media {
        let _ = write!(text, "\n==> {}\n{playlist}", names.from_master(rendition, name));
    }
    if let Some(storyboard) = &playlists.storyboard {
        let _ = write!(text, "\n==> {}\n{storyboard}", names.from_master(PICTURES, STORYBOARD));
    }
    text.replace(&plan.id.to_string(), "PLAN")
}

/// Compares with the golden text; writes it instead where `UPDATE_GOLDEN` is set.
fn assert_golden(name: &str, published: &Published) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let text = text(published);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    assert_eq!(text, golden, "{}", path.display());
}

fn every_two_seconds(frames: i64) -> Vec<i64> {
    (0..frames).step_by(60).collect()
}

#[test]
fn three_rungs_and_audio() {
    let source = index(Some(video(30, 600, &every_two_seconds(600))), Some(audio(20_000)));
    assert_golden("three-rungs-and-audio.txt", &publish(&source, &profile(false)));
}

#[test]
fn video_only_at_sixty_frames_a_second() {
    let source = index(Some(video(60, 480, &every_two_seconds(480))), None);
    assert_golden("video-only.txt", &publish(&source, &profile(false)));
}

#[test]
fn audio_only() {
    assert_golden("audio-only.txt", &publish(&index(None, Some(audio(20_000))), &profile(false)));
}

#[test]
fn source_copy_with_irregular_gops() {
    let source = index(Some(video(30, 750, &[0, 7, 130, 250, 391, 640])), Some(audio(25_000)));
    assert_golden("source-copy.txt", &publish(&source, &profile(true)));
}

#[test]
fn a_rung_that_costs_about_as_much_as_the_one_above_is_left_out() {
    let source = index(Some(video(30, 600, &[0, 300])), None);
    let mut published = publish(&source, &profile(false));
    // All segments of a rung alike: bytes of v720, v480 and v234.
    let cost = |published: &mut Published, sizes: [u64; 3]| {
        for chunk in &mut published.reports.chunks {
            for (rendition, size) in chunk.renditions.iter_mut().zip(sizes) {
                rendition.segments.iter_mut().for_each(|segment| segment.facts.size = size);
            }
        }
    };
    let kept = |published: &Published| -> Vec<String> {
        let renditions = Renditions::published(&published.plan, &published.reports).unwrap();
        renditions.video.into_iter().map(|video| video.rung.name).collect()
    };
    for (sizes, expected) in [
        ([100_000, 200_000, 10_000], &["v720", "v234"] as &[&str]),
        ([100_000, 91_000, 10_000], &["v720", "v234"]),
        ([100_000, 89_000, 10_000], &["v720", "v480", "v234"]),
        ([100_000, 91_000, 89_000], &["v720", "v234"]),
        ([100_000, 89_000, 85_000], &["v720", "v480"]),
        ([100_000, 95_000, 95_000], &["v720"]),
    ] {
        cost(&mut published, sizes);
        assert_eq!(kept(&published), expected, "{sizes:?}");
    }
    published.plan.profile.prune = false;
    assert_eq!(kept(&published), ["v720", "v480", "v234"], "the profile says no");
}

#[test]
fn incomplete_or_foreign_reports_are_refused_by_name() {
    let source = index(Some(video(30, 600, &[0, 300])), Some(audio(20_000)));
    let broken = |change: fn(&mut Published)| {
        let mut published = publish(&source, &profile(false));
        change(&mut published);
        Renditions::published(&published.plan, &published.reports).unwrap_err()
    };
    let chunk = broken(|p| drop(p.reports.chunks.remove(1)));
    assert_eq!(chunk, ReportsError::Chunk(1));
    assert_eq!(broken(|p| p.reports.audio = None), ReportsError::Audio);
    assert_eq!(broken(|p| p.reports.pictures = None), ReportsError::Pictures);
    let sprites =
        broken(|p| p.reports.pictures.as_mut().unwrap().pictures.as_mut().unwrap().sprites.clear());
    assert_eq!(sprites, ReportsError::Sprites { expected: 1, found: 0 });
    let rendition = broken(|p| drop(p.reports.chunks[1].renditions.remove(0)));
    assert!(matches!(rendition, ReportsError::Rendition { chunk: 1, .. }));
    let init = broken(|p| p.reports.chunks[1].renditions[0].init.push('x'));
    assert!(matches!(init, ReportsError::Initialisation { chunk: 1, .. }));
    let segment = broken(|p| drop(p.reports.chunks[1].renditions[0].segments.remove(0)));
    assert!(matches!(segment, ReportsError::Segment { expected: 1, .. }), "{segment}");
    let other = crate::profile::Profile { name: "other".to_owned(), ..profile(false) };
    let foreign = broken_with(&publish(&source, &other), &publish(&source, &profile(false)));
    assert_eq!(foreign, ReportsError::Plan("0".to_owned()));
}

fn broken_with(plan: &Published, reports: &Published) -> ReportsError {
    Renditions::published(&plan.plan, &reports.reports).unwrap_err()
}

fn rendition(timescale: u32, durations: &[u64]) -> Rendition {
    let mut start = 0;
    let mut segments = Vec::new();
    for (duration, index) in durations.iter().zip(0..) {
        let facts = SegmentFacts {
            index,
            size: 1,
            start,
            duration: *duration,
            frames: 1,
            idrs: Vec::new(),
        };
        segments.push(PublishedSegment { name: segment(index, b""), facts });
        start += duration;
    }
    Rendition {
        name: "v720".to_owned(),
        init: "init.mp4".to_owned(),
        init_size: 1,
        codec: CodecFacts { codecs: String::new(), width: 0, height: 0 },
        timescale: timescale.try_into().unwrap(),
        segments,
    }
}

proptest! {
    /// EXTINF from a nominal frame rate drifts 2.5 s in 45 min (fliks PR#572).
    #[test]
    fn sums_of_extinf_never_drift(
        timescale in 1_u32..=u32::MAX,
        durations in prop::collection::vec(1_u64..1 << 40, 1..200),
    ) {
        let text = media_playlist(6, &rendition(timescale, &durations));
        let Ok(Playlist::Media(playlist)) = parse(&text) else { panic!("{text}") };
        prop_assert_eq!(playlist.segments.len(), durations.len());
        let (mut printed, mut real) = (0_u128, 0_u128);
        for (segment, duration) in playlist.segments.iter().zip(&durations) {
            printed += u128::from(segment.duration);
            real += u128::from(*duration);
            // |printed - real / timescale| <= 1/2 us, in integers.
            let scaled = real * 1_000_000;
            let off = (printed * u128::from(timescale)).abs_diff(scaled);
            prop_assert!(off * 2 <= u128::from(timescale), "{} off by {}", printed, off);
        }
    }
}
