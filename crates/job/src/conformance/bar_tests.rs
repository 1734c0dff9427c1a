//! Each item of the bar against a presentation in which exactly one thing is wrong.

use super::*;
use crate::names::{IFRAME_PLAYLIST, MEDIA_PLAYLIST, PICTURES, STORYBOARD};
use crate::playlist::fixture::{Published, audio, index, profile, publish, video};
use crate::playlist::{Renditions, playlists};

fn published() -> Published {
    let source = index(Some(video(30, 600, &[0, 300])), Some(audio(20_000)));
    publish(&source, &profile(false))
}

fn facts(published: &Published) -> Facts {
    let Published { plan, reports, names } = published;
    let renditions = Renditions::published(plan, reports).unwrap();
    let playlists = playlists(plan, &renditions, names, "talk");
    facts_from_reports(plan, reports, &renditions, &playlists, names)
}

fn items(facts: &Facts) -> Vec<&'static str> {
    let mut items: Vec<&str> = check(facts).into_iter().map(|finding| finding.item).collect();
    items.dedup();
    items
}

/// A presentation under change.
struct Bench {
    published: Published,
    facts: Facts,
}

impl Bench {
    fn uri(&self, rendition: &str, object: &str) -> String {
        self.published.names.from_master(rendition, object)
    }

    fn segment_uri(&self, rendition: &str, number: usize) -> String {
        let chunks = self.published.reports.chunks.iter().flat_map(|chunk| &chunk.renditions);
        let audio = self.published.reports.audio.iter().map(|audio| &audio.rendition);
        let of = chunks.chain(audio).filter(|r| r.rendition == rendition);
        let segment = of.flat_map(|r| &r.segments).nth(number).unwrap();
        self.uri(rendition, &segment.name)
    }

    fn segment(&mut self, rendition: &str, number: usize) -> &mut SegmentContents {
        let uri = self.segment_uri(rendition, number);
        self.facts.segments.get_mut(&uri).unwrap()
    }

    fn init(&mut self, rendition: &str) -> &mut InitFacts {
        let prefix = self.uri(rendition, "init");
        self.facts.inits.iter_mut().find(|(uri, _)| uri.starts_with(&prefix)).unwrap().1
    }

    fn picture(&mut self, rendition: &str) -> &mut Picture {
        match &mut self.init(rendition).media {
            Media::Video(picture) => picture,
            Media::Audio { .. } => panic!("{rendition} is audio"),
        }
    }

    fn replace(&mut self, rendition: &str, name: &str, from: &str, to: &str) {
        let uri = self.uri(rendition, name);
        let text = self.facts.playlists.get_mut(&uri).unwrap();
        assert!(text.contains(from), "{from:?} in {text}");
        *text = text.replacen(from, to, 1);
    }

    fn media(&mut self, rendition: &str, from: &str, to: &str) {
        self.replace(rendition, MEDIA_PLAYLIST, from, to);
    }

    fn iframes(&mut self, from: &str, to: &str) {
        self.replace("v720", IFRAME_PLAYLIST, from, to);
    }

    fn master(&mut self, from: &str, to: &str) {
        assert!(self.facts.master.contains(from), "{from:?} in {}", self.facts.master);
        self.facts.master = self.facts.master.replacen(from, to, 1);
    }

    fn storyboard(&mut self, from: &str, to: &str) {
        let uri = self.uri(PICTURES, STORYBOARD);
        let text = self.facts.storyboards.get_mut(&uri).unwrap();
        assert!(text.contains(from), "{from:?} in {text}");
        *text = text.replacen(from, to, 1);
    }

    fn picture_uri(&self, start: &str) -> String {
        let start = self.uri(PICTURES, start);
        self.facts.objects.keys().find(|uri| uri.starts_with(&start)).unwrap().clone()
    }

    fn expected(&mut self) -> &mut Expected {
        self.facts.expected.as_mut().unwrap()
    }

    /// Takes the value of an attribute from the first line of the master that has it.
    fn stated(&self, name: &str) -> String {
        let after = self.facts.master.split_once(name).unwrap().1;
        let value = after.split([',', '\n']).next().unwrap();
        format!("{name}{value}")
    }
}

fn broken(change: fn(&mut Bench)) -> Vec<Finding> {
    let published = published();
    let facts = facts(&published);
    let mut bench = Bench { published, facts };
    change(&mut bench);
    check(&bench.facts)
}

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

type Break = (&'static str, &'static str, fn(&mut Bench));

const BLOCKERS: &[Break] = &[
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
        b.segment("audio", 0).first_presentation = 2048;
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

const WARNINGS: &[Break] = &[
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

#[test]
fn a_stated_rate_above_all_segments_is_wrong_if_no_plan_vouches_for_it() {
    for (expected, blockers) in [(true, vec![]), (false, vec!["7"])] {
        let mut facts = facts(&published());
        facts.master = facts.master.replacen("FRAME-RATE=30.000", "FRAME-RATE=50.000", 1);
        facts.expected = facts.expected.filter(|_| expected);
        assert_eq!(items(&facts), blockers);
    }
}

#[test]
fn an_unreadable_master_is_one_blocker() {
    let facts = Facts { master: "nonsense".to_owned(), ..facts(&published()) };
    assert_eq!(items(&facts), ["6"]);
}
