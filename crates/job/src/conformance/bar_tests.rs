//! Each item of the bar against a presentation in which exactly one thing is wrong.

use super::bench::{Bench, broken, facts, items, published};
use super::*;
use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST, PICTURES, STORYBOARD};
use crate::playlist::fixture::{audio, index, profile, publish, video};

#[test]
fn a_clean_presentation_has_no_finding() {
    assert_eq!(check(&facts(&published())), []);
}

#[test]
fn presentations_of_one_kind_have_no_blocker() {
    let mut holes = video(30, 600, &[0]);
    holes.frames.retain(|frame| frame.pts % 5000 < 3000);
    for (name, index, copy) in [
        ("audio only", index(None, Some(audio(20_000))), false),
        ("video only", index(Some(video(30, 600, &[0])), None), false),
        ("holes", index(Some(holes), Some(audio(20_000))), false),
        ("60 frames/s", index(Some(video(60, 1200, &[0])), Some(audio(20_000))), false),
        (
            "copy",
            index(Some(video(30, 750, &[0, 7, 130, 250, 391, 640])), Some(audio(25_000))),
            true,
        ),
        ("one frame", index(Some(video(30, 1, &[0])), None), false),
        ("one frame and audio", index(Some(video(30, 1, &[0])), Some(audio(34))), false),
    ] {
        let findings = check(&facts(&publish(&index, &profile(copy))));
        let blockers: Vec<_> =
            findings.iter().filter(|finding| finding.severity == Severity::Blocker).collect();
        assert!(blockers.is_empty(), "{name}: {blockers:?}");
    }
}

pub(super) type Break = (&'static str, &'static str, fn(&mut Bench));

pub(super) const BLOCKERS: &[Break] = &[
    ("1", "no IDR first", |b| {
        b.segment("v720", 1).starts_with_idr = false;
    }),
    ("1", "decoding errors", |b| {
        b.segment("v720", 1).decoded = Some(Decoded { frames: 180, errors: 1 });
    }),
    ("1", "frames lost", |b| {
        b.segment("v720", 1).decoded = Some(Decoded { frames: 179, errors: 0 });
    }),
    ("1", "audio that gives no frame", |b| {
        b.segment("audio", 1).decoded = Some(Decoded { frames: 0, errors: 1 });
    }),
    ("2", "a gap within a segment", |b| {
        let segment = b.segment("v720", 1);
        segment.fragments[0].duration = Some(999);
    }),
    ("2", "a segment that cannot be read", |b| {
        let uri = b.segment_uri("v720", 1);
        b.facts.segments.remove(&uri);
        b.facts.unreadable.insert(uri, "the box moof is missing".to_owned());
    }),
    ("2", "audio that cannot be read", |b| {
        let uri = b.segment_uri("audio", 1);
        b.facts.segments.remove(&uri);
        b.facts.unreadable.insert(uri, "it has no samples".to_owned());
    }),
    ("3", "a target duration too small", |b| {
        for rendition in ["v720", "v480", "v234", "audio"] {
            b.media(rendition, "TARGETDURATION:8", "TARGETDURATION:7");
        }
    }),
    ("4", "EXTINF off by two frames", |b| {
        b.media("v720", "EXTINF:6.000000", "EXTINF:5.930000");
    }),
    ("5", "another target duration", |b| {
        b.media("v480", "TARGETDURATION:8", "TARGETDURATION:9");
    }),
    ("6", "no type", |b| {
        b.media("v720", "#EXT-X-PLAYLIST-TYPE:VOD\n", "");
    }),
    ("6", "an event", |b| {
        b.media("v720", "TYPE:VOD", "TYPE:EVENT");
    }),
    ("6", "no end", |b| b.media("audio", "#EXT-X-ENDLIST\n", "")),
    ("6", "a discontinuity in one", |b| {
        b.media("v480", "#EXTINF", "#EXT-X-DISCONTINUITY\n#EXTINF");
    }),
    ("6", "an unreadable playlist", |b| {
        b.iframes("#EXTM3U", "#EXTM4U");
    }),
    ("6", "session data twice", |b| {
        let data = "#EXT-X-SESSION-DATA:DATA-ID=\"com.rec2vod.title\",VALUE=\"talk\"\n";
        b.master(data, &format!("{data}{data}"));
    }),
    ("6", "session data with URI and VALUE", |b| {
        b.master("VALUE=\"talk\"", "VALUE=\"talk\",URI=\"talk.json\"");
    }),
    ("6", "a discontinuity before the first segment everywhere", |b| {
        for rendition in ["v720", "v480", "v234", "audio"] {
            b.mark(rendition, MEDIA_PLAYLIST, 0);
            if rendition != "audio" {
                b.mark(rendition, IFRAME_PLAYLIST, 0);
            }
        }
    }),
    ("6", "a discontinuity that the audio lacks", |b| b.mark_all_but(("audio", MEDIA_PLAYLIST))),
    ("6", "a discontinuity that an I-frame playlist lacks", |b| {
        b.mark_all_but(("v480", IFRAME_PLAYLIST));
    }),
    ("6", "a discontinuity elsewhere in the audio", |b| {
        b.mark_all_but(("audio", MEDIA_PLAYLIST));
        b.mark("audio", MEDIA_PLAYLIST, 2);
    }),
    ("6", "a discontinuity elsewhere in an I-frame playlist", |b| {
        b.mark_all_but(("v720", IFRAME_PLAYLIST));
        b.mark("v720", IFRAME_PLAYLIST, 2);
    }),
    ("6", "another discontinuity sequence", |b| {
        b.media("v480", "#EXTINF", "#EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXTINF");
    }),
    ("6", "a map that changes without a discontinuity", |b| {
        b.facts
            .objects
            .insert(b.uri("v480", "init-1.mp4"), ObjectFacts { size: 1, content_type: None });
        let uri = b.uri("v480", MEDIA_PLAYLIST);
        let text = b.facts.playlists.get_mut(&uri).unwrap();
        let (at, _) = text.match_indices("#EXTINF").nth(1).unwrap();
        text.insert_str(at, "#EXT-X-MAP:URI=\"init-1.mp4\"\n");
    }),
    ("6", "no end where others of what grows have none", |b| {
        b.grow();
        b.media("v720", "TYPE:EVENT", "TYPE:VOD");
        b.later("v720", "TYPE:EVENT", "TYPE:VOD");
    }),
    ("6", "a segment replaced while the presentation grows", |b| {
        b.grow();
        b.later("v720", "EXTINF:6.000000", "EXTINF:5.000000");
    }),
    ("6", "a segment taken away while the presentation grows", |b| {
        b.grow();
        let start = b.facts.playlists[&b.uri("v720", MEDIA_PLAYLIST)].rfind("#EXTINF").unwrap();
        let uri = b.uri("v720", MEDIA_PLAYLIST);
        b.facts.later.get_mut(&uri).unwrap().truncate(start);
    }),
    ("7", "an initialisation segment that cannot be read", |b| {
        let uri = b.init_uri("v720");
        b.facts.unreadable.insert(uri, "the box moov is missing".to_owned());
    }),
    ("7", "a sample entry of another size", |b| {
        b.picture("v720").container_size = Some((1280, 718));
    }),
    ("7", "CODECS of another level", |b| {
        b.master("avc1.64001F,mp4a", "avc1.64001E,mp4a");
    }),
    ("7", "no audio in CODECS", |b| {
        b.master("avc1.64001F,mp4a.40.2", "avc1.64001F");
    }),
    ("7", "no CODECS for I-frames", |b| {
        b.master("CODECS=\"avc1.64001F\",", "");
    }),
    ("7", "RESOLUTION of another size", |b| {
        b.master("1280x720", "1280x718");
    }),
    ("7", "no RESOLUTION", |b| {
        b.master("RESOLUTION=1280x720,", "");
    }),
    ("7", "no FRAME-RATE", |b| b.master("FRAME-RATE=30.000,", "")),
    ("7", "FRAME-RATE of another rate", |b| {
        b.master("FRAME-RATE=30.000", "FRAME-RATE=25.000");
    }),
    ("8", "BANDWIDTH is no peak", |b| {
        let stated = b.stated(":BANDWIDTH=");
        b.master(&stated, ":BANDWIDTH=1500000");
    }),
    ("8", "AVERAGE-BANDWIDTH is no average", |b| {
        let stated = b.stated("AVERAGE-BANDWIDTH=");
        b.master(&stated, "AVERAGE-BANDWIDTH=1500000");
    }),
    ("8", "no average", |b| {
        let stated = b.stated("INF:BANDWIDTH=");
        let average = b.stated("AVERAGE-BANDWIDTH=");
        b.master(&format!("{stated},{average}"), &stated);
    }),
    ("9", "no independent segments", |b| {
        b.master("#EXT-X-INDEPENDENT-SEGMENTS\n", "");
    }),
    ("10", "no I-frame playlist", |b| {
        let kept = |line: &&str| !line.starts_with("#EXT-X-I-FRAME");
        let kept = b.facts.master.lines().filter(kept);
        b.facts.master = kept.flat_map(|line| [line, "\n"]).collect();
    }),
    ("10", "no I-FRAMES-ONLY", |b| {
        b.iframes("#EXT-X-I-FRAMES-ONLY\n", "");
    }),
    ("10", "half a fragment", |b| {
        b.segment("v720", 0).fragments[1].size += 1;
    }),
    ("10", "two frames", |b| {
        b.segment("v720", 0).fragments[1].samples = 2;
    }),
    ("10", "two decoded frames", |b| {
        b.segment("v720", 0).fragments[1].decoded = Some(Decoded { frames: 2, errors: 0 });
    }),
    ("11", "a rung is missing", |b| {
        b.expected().video_renditions = 4;
    }),
    ("11", "mono", |b| {
        b.init("audio").media = Media::Audio { channels: 1 };
    }),
    ("11", "two tracks", |b| b.init("v480").tracks = 2),
    ("11", "no language", |b| b.master("LANGUAGE=\"und\",", "")),
    ("12", "4:4:4", |b| {
        b.picture("v720").chroma_format_idc = Some(3);
    }),
    ("12", "10 bit", |b| b.picture("v720").bit_depth = Some(10)),
    ("12", "interlaced", |b| {
        b.picture("v720").progressive = Some(false);
    }),
    ("12", "wide pixels", |b| {
        b.picture("v720").pixel_aspect = Some((4, 3));
    }),
    ("12", "High 4:2:2", |b| {
        b.init("v720").codecs = "avc1.7A001F".to_owned();
        b.facts.master = b.facts.master.replace("avc1.64001F", "avc1.7A001F");
    }),
    ("12", "avc3", |b| {
        b.init("v720").codecs = "avc3.64001F".to_owned();
        b.facts.master = b.facts.master.replace("avc1.64001F", "avc3.64001F");
    }),
    ("12", "an odd size", |b| {
        b.picture("v720").height = 719;
        b.facts.master = b.facts.master.replace("1280x720", "1280x719");
    }),
    ("13", "a segment is missing", |b| {
        let uri = b.segment_uri("v720", 1);
        b.facts.objects.remove(&uri);
    }),
    ("13", "a playlist is missing", |b| {
        let uri = b.uri("v480", IFRAME_PLAYLIST);
        b.facts.objects.remove(&uri);
    }),
    ("13", "a wrong Content-Type", |b| {
        let uri = b.segment_uri("v720", 1);
        let object = b.facts.objects.get_mut(&uri).unwrap();
        object.content_type = Some("application/octet-stream".to_owned());
    }),
    ("13", "no Content-Type from a server", |b| {
        let uri = b.segment_uri("audio", 1);
        b.facts.objects.get_mut(&uri).unwrap().content_type = Some(String::new());
    }),
    ("13", "a picture that does not decode", |b| b.decode_sprite(DecodedPicture::Damaged)),
    ("13", "a picture of another size than planned", |b| {
        b.decode_sprite(DecodedPicture::Whole { width: 640, height: 90 });
    }),
    ("13", "a report of something else", |b| {
        b.facts.bad_reports.insert("1/ab/plan.json".to_owned(), "it is another plan".to_owned());
    }),
    ("13", "a sprite is missing", |b| {
        let uri = b.picture_uri("sprite-0000");
        b.facts.objects.remove(&uri);
    }),
    ("13", "the poster is no JPEG", |b| {
        let uri = b.picture_uri("poster-");
        let object = b.facts.objects.get_mut(&uri).unwrap();
        object.content_type = Some("image/png".to_owned());
    }),
    ("13", "the storyboard is plain text", |b| {
        let uri = b.uri(PICTURES, STORYBOARD);
        let object = b.facts.objects.get_mut(&uri).unwrap();
        object.content_type = Some("text/plain".to_owned());
    }),
    ("13", "the storyboard is missing", |b| {
        let uri = b.uri(PICTURES, STORYBOARD);
        b.facts.objects.remove(&uri);
        b.facts.storyboards.clear();
    }),
    ("13", "session data that is elsewhere", |b| {
        b.master("VALUE=\"talk\"", "URI=\"talk.json\"");
    }),
    ("13", "another size", |b| {
        let uri = b.segment_uri("v720", 1);
        b.facts.objects.get_mut(&uri).unwrap().size += 1;
    }),
    ("14", "a frame too few", |b| {
        let uri = b.uri("v720", MEDIA_PLAYLIST);
        b.expected().frames.insert(uri, FrameRange { least: 601, most: 601 });
    }),
    ("14", "audio starts late", |b| {
        for number in 0..b.published.plan.audio.as_ref().unwrap().cuts.len() - 1 {
            let segment = b.segment("audio", number);
            segment.first_presentation += 2048;
            segment.end_presentation += 2048;
        }
    }),
    ("14", "audio ends early", |b| {
        let last = b.published.plan.audio.as_ref().unwrap().cuts.len() - 2;
        b.segment("audio", last).end_presentation -= 44_100 * 9;
    }),
];

#[test]
fn each_blocker_finds_exactly_its_fault() {
    for (item, name, change) in BLOCKERS {
        let findings = broken(*change);
        assert!(!findings.is_empty(), "{item}, {name}: not found");
        for finding in &findings {
            assert_eq!(finding.item, *item, "{name}: {findings:?}");
            assert_eq!(finding.severity, Severity::Blocker, "{name}: {findings:?}");
        }
    }
}

/// A jump of `tfdt` moves all cuts behind it too, so that items 4 and 5 must see it as well.
#[test]
fn a_jump_of_tfdt_is_found() {
    let findings = broken(|b| b.segment("v720", 1).tfdt += 1);
    assert_eq!(findings[0].item, "2", "{findings:?}");
    let findings = broken(|b| b.segment("audio", 1).tfdt += 2048);
    assert!(findings.iter().any(|finding| finding.item == "5"), "{findings:?}");
}

pub(super) const WARNINGS: &[Break] = &[
    ("1-audio", "an audio packet does not decode", |b| {
        let segment = b.segment("audio", 1);
        segment.decoded = Some(Decoded { frames: segment.samples - 1, errors: 1 });
    }),
    ("1-audio", "an audio frame is lost", |b| {
        let segment = b.segment("audio", 1);
        segment.decoded = Some(Decoded { frames: segment.samples - 1, errors: 0 });
    }),
    ("13-pictures", "another duration", |b| {
        b.master("VALUE=\"20.000\"", "VALUE=\"20.200\"");
    }),
    ("13-pictures", "a storyboard that is none", |b| b.storyboard("WEBVTT", "VTT")),
    ("13-pictures", "a hole in the storyboard", |b| {
        b.storyboard("00:00:10.000 -->", "00:00:10.001 -->");
    }),
    ("13-pictures", "a cue that goes back", |b| {
        b.storyboard("--> 00:00:20.000", "--> 00:00:10.000");
    }),
    ("13-pictures", "a storyboard that ends early", |b| {
        b.storyboard("--> 00:00:20.000", "--> 00:00:19.800");
    }),
    ("13-pictures", "a part of a sprite that is not in it", |b| {
        b.decode_sprite(DecodedPicture::Whole { width: 320, height: 90 });
        b.storyboard("#xywh=160,0,", "#xywh=161,0,");
    }),
    ("2.18", "no loudness", |b| b.init("audio").loudness = Some(false)),
    ("1.3a", "a high level", |b| {
        for (rendition, codecs) in
            [("v720", "avc1.64001F"), ("v480", "avc1.64001E"), ("v234", "avc1.64000D")]
        {
            b.init(rendition).codecs = "avc1.64002A".to_owned();
            b.facts.master = b.facts.master.replace(codecs, "avc1.64002A");
        }
    }),
    ("1.11", "a level too high", |b| {
        b.init("v720").codecs = "avc1.640033".to_owned();
        b.facts.master = b.facts.master.replace("avc1.64001F", "avc1.640033");
    }),
    ("1.32", "another order", |b| {
        let (lines, rest) = b.facts.master.split_once("#EXT-X-STREAM-INF").unwrap();
        let (first, others) = rest.split_once("#EXT-X-STREAM-INF").unwrap();
        let (second, others) = others.split_once("#EXT-X").unwrap();
        let inf = "#EXT-X-STREAM-INF";
        b.facts.master = format!("{lines}{inf}{second}{inf}{first}#EXT-X{others}");
    }),
    ("9.5", "audio not apart", |b| {
        b.master(",AUDIO=\"audio\"", "");
    }),
];

/// Warnings that other tests here make with profiles of their own.
pub(super) const OF_OTHER_PROFILES: [&str; 7] =
    ["1.13", "1.18", "1.30", "6.2", "7.5", "9.9", "9.21"];

#[test]
fn each_warning_is_found() {
    for (item, name, change) in WARNINGS {
        let findings = broken(*change);
        let found = findings.iter().find(|finding| finding.item == *item);
        let severity = found.map(|finding| finding.severity);
        assert_eq!(severity, Some(Severity::Warning), "{item}, {name}: {findings:?}");
    }
}

#[test]
fn audio_that_decodes_has_no_finding() {
    let findings = broken(|b| {
        let segment = b.segment("audio", 1);
        segment.decoded = Some(Decoded { frames: segment.samples, errors: 0 });
    });
    assert_eq!(findings, []);
}

#[test]
fn durations_are_told_in_seconds() {
    for (microseconds, told) in [
        (0, "0 s"),
        (3_002_000_000, "3002 s"),
        (4_004_000, "4.004 s"),
        (8_500_000, "8.5 s"),
        (33_367, "0.033 s"),
        (5_999_999, "6 s"),
    ] {
        assert_eq!(seconds(microseconds), told);
    }
}

#[test]
fn what_a_profile_of_long_gops_and_short_segments_lacks_is_warned_of() {
    let mut profile = profile(false);
    (profile.segment_ms, profile.idr_ms) = (4000, 4000);
    profile.rungs.truncate(1);
    let mut facts = facts(&publish(&index(Some(video(27, 540, &[0])), None), &profile));
    assert_eq!(items(&facts), ["1.13", "1.18", "6.2", "7.5", "9.21"]);
    facts.expected = None;
    assert_eq!(items(&facts), ["1.13", "1.18", "6.2", "7.5", "9.9", "9.21"]);
}

#[test]
fn a_peak_over_twice_the_average_is_warned_of() {
    let mut published = published();
    for rendition in &mut published.reports.chunks[1].renditions {
        rendition.segments[0].facts.size *= 20;
    }
    assert_eq!(items(&facts(&published)), ["1.30", "9.21"]);
}

#[test]
fn a_damaged_copy_blocks() {
    let source = index(Some(video(30, 600, &[0, 200, 400])), None);
    let mut published = publish(&source, &profile(true));
    assert!(!items(&facts(&published)).contains(&"1"));
    published.reports.chunks[0].decoding.errors = 1;
    assert_eq!(items(&facts(&published))[0], "1");
}

/// Reports do not tell of gaps, which lower a segment's rate; segments do.
#[test]
fn a_stated_rate_above_all_segments_is_wrong_if_the_segments_were_read() {
    for (were_read, blockers) in [(false, vec![]), (true, vec!["7"])] {
        let mut facts = facts(&published());
        facts.master = facts.master.replacen("FRAME-RATE=30.000", "FRAME-RATE=50.000", 1);
        if were_read {
            let fragments = facts.segments.values_mut().flat_map(|s| &mut s.fragments);
            for fragment in fragments {
                fragment.duration = Some(1);
            }
            // Only the first fragment of each can be told apart from the next by it.
            facts.segments.values_mut().for_each(|segment| segment.fragments.truncate(1));
            facts.playlists.retain(|uri, _| !uri.ends_with(IFRAME_PLAYLIST));
        }
        assert_eq!(
            items(&facts).iter().filter(|item| **item == "7").copied().collect::<Vec<_>>(),
            blockers
        );
    }
}

#[test]
fn an_unreadable_master_is_one_blocker() {
    let facts = Facts { master: "nonsense".to_owned(), ..facts(&published()) };
    assert_eq!(items(&facts), ["6"]);
}
