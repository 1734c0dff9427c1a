//! The reader of playlists.

use proptest::prelude::*;

use super::*;

const MEDIA: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
    #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:6.000000,\na.m4s\n#EXTINF:5.5,title\n\
    #EXT-X-BYTERANGE:10@20\nb.m4s\n#EXTINF:1,\n#EXT-X-BYTERANGE:5\nb.m4s\n#EXT-X-ENDLIST\n";
const MASTER: &str = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n\
    #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"A, b=c\",LANGUAGE=\"und\",DEFAULT=YES,URI=\"a.m3u8\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=1280x720,\
    FRAME-RATE=29.970,AUDIO=\"a\"\nv.m3u8\n\
    #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100,CODECS=\"avc1.64001F\",URI=\"i.m3u8\"\n";

#[test]
fn a_media_playlist_is_read() {
    let Playlist::Media(playlist) = parse(&MEDIA.replace('\n', "\r\n")).unwrap() else { panic!() };
    assert_eq!((playlist.version, playlist.target_duration), (Some(7), 6));
    assert_eq!(playlist.playlist_type.as_deref(), Some("VOD"));
    assert!(playlist.endlist && !playlist.iframes_only);
    let durations: Vec<u64> = playlist.segments.iter().map(|s| s.duration).collect();
    assert_eq!(durations, [6_000_000, 5_500_000, 1_000_000]);
    let ranges: Vec<_> = playlist.segments.iter().map(|s| s.byte_range).collect();
    let range = |length, offset| Some(ByteRange { length, offset });
    assert_eq!(ranges, [None, range(10, 20), range(5, 30)]);
    assert_eq!(playlist.segments[2].map.as_deref(), Some("init.mp4"));
}

#[test]
fn a_discontinuity_belongs_to_the_segment_after_it() {
    let marked = MEDIA.replacen("#EXTINF:5.5", "#EXT-X-DISCONTINUITY\n#EXTINF:5.5", 1);
    let marked = marked.replacen("#EXT-X-MAP", "#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXT-X-MAP", 1);
    let Playlist::Media(playlist) = parse(&marked).unwrap() else { panic!() };
    let before: Vec<bool> = playlist.segments.iter().map(|s| s.discontinuity).collect();
    assert_eq!(before, [false, true, false]);
    assert_eq!(playlist.discontinuity_sequence, Some(3));
}

#[test]
fn a_master_is_read() {
    let Playlist::Master(master) = parse(MASTER).unwrap() else { panic!() };
    assert!(master.independent_segments);
    assert_eq!(master.audio[0].name, "A, b=c");
    let variant = &master.variants[0];
    assert_eq!((variant.bandwidth, variant.average_bandwidth), (1000, None));
    assert_eq!((variant.resolution, variant.frame_rate), (Some((1280, 720)), Some(29_970)));
    assert_eq!(variant.codecs.as_deref(), Some("avc1.64001F,mp4a.40.2"));
    assert_eq!((variant.uri.as_str(), master.iframes[0].uri.as_str()), ("v.m3u8", "i.m3u8"));
}

/// A playlist, what is replaced in it and by what, the line of the error and how it starts.
type Forbidden = (&'static str, &'static str, &'static str, usize, &'static str);

const SESSION: &str = "#EXTM3U\n#EXT-X-SESSION-DATA:DATA-ID=\"t\",VALUE=\"A\"\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"t\",VALUE=\"B\",LANGUAGE=\"de\"\n\
    #EXT-X-SESSION-DATA:DATA-ID=\"u\",URI=\"u.json\"\n\
    #EXT-X-STREAM-INF:BANDWIDTH=1000\nv.m3u8\n";

#[test]
fn session_data_is_read() {
    let Playlist::Master(master) = parse(SESSION).unwrap() else { panic!() };
    assert_eq!(master.session_data.len(), 3);
    assert_eq!(master.session_data[1].language.as_deref(), Some("de"));
    assert_eq!(master.session_data[2].value, SessionValue::Uri("u.json".to_owned()));
    assert_eq!(master.session_value("t"), Some("A"));
    assert_eq!((master.session_value("u"), master.session_value("v")), (None, None));
}

const FORBIDDEN: &[Forbidden] = &[
    (MEDIA, "#EXTM3U\n", "", 1, "a playlist starts with #EXTM3U"),
    (MEDIA, "#EXTM3U", "\u{feff}#EXTM3U", 1, "control characters"),
    (MEDIA, "a.m4s", "a\u{1}.m4s", 7, "control characters"),
    (MEDIA, "TARGETDURATION:6", "TARGETDURATION:+6", 3, "the value of EXT-X-TARGETDURATION"),
    (MEDIA, "#EXT-X-TARGETDURATION:6\n", "", 13, "EXT-X-TARGETDURATION is missing"),
    (MEDIA, "VERSION:7", "VERSION:7\n#EXT-X-VERSION:7", 3, "EXT-X-VERSION stands twice"),
    (MEDIA, "TYPE:VOD", "TYPE:LIVE", 4, "the value of EXT-X-PLAYLIST-TYPE"),
    (MEDIA, "EXTINF:6.000000,", "EXTINF:6.000000", 6, "the value of EXTINF"),
    (MEDIA, "EXTINF:6.000000,", "EXTINF:-6,", 6, "the value of EXTINF"),
    (MEDIA, "#EXTINF:6.000000,\n", "", 6, "a URI stands here without EXTINF"),
    (MEDIA, "a.m4s\n", "", 7, "EXTINF stands twice"),
    (MEDIA, "10@20", "18446744073709551615@20", 10, "the byte range has no offset"),
    (MEDIA, "10@20\nb", "10@20\nc", 13, "the byte range has no offset"),
    (MEDIA, "=\"init", "=init", 5, "the attribute list is malformed"),
    (MEDIA, "#EXT-X-ENDLIST", "#EXT-X-MEDIA:TYPE=AUDIO", 14, "EXT-X-MEDIA does not belong"),
    (
        MEDIA,
        "#EXT-X-ENDLIST",
        "#EXT-X-DISCONTINUITY",
        14,
        "EXT-X-DISCONTINUITY is not followed by a URI",
    ),
    (
        MEDIA,
        "a.m4s",
        "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\na.m4s",
        8,
        "EXT-X-DISCONTINUITY stands twice",
    ),
    (
        MEDIA,
        "VERSION:7",
        "VERSION:7\n#EXT-X-DISCONTINUITY-SEQUENCE:x",
        3,
        "the value of EXT-X-DISCONTINUITY-SEQUENCE",
    ),
    (MASTER, "VERSION:7", "VERSION:7\n#EXT-X-DISCONTINUITY", 3, "EXT-X-DISCONTINUITY does not"),
    (MASTER, "v.m3u8\n", "", 6, "EXT-X-STREAM-INF is not followed by a URI"),
    (MASTER, "BANDWIDTH=1000,", "", 5, "the attribute BANDWIDTH is missing"),
    (MASTER, "BANDWIDTH=1000", "BANDWIDTH=\"1000\"", 5, "the value of the attribute BANDWIDTH"),
    (MASTER, "1280x720", "1280*720", 5, "the value of the attribute RESOLUTION"),
    (MASTER, "RESOLUTION", "BANDWIDTH", 5, "BANDWIDTH stands twice"),
    (MASTER, "DEFAULT=YES", "DEFAULT=yes", 4, "the value of the attribute DEFAULT"),
    (MASTER, "GROUP-ID=\"a\",", "", 4, "the attribute GROUP-ID is missing"),
    (MASTER, "\"A, b=c\"", "\"A, b=c", 4, "the attribute list is malformed"),
    (SESSION, "DATA-ID=\"t\",", "", 2, "the attribute DATA-ID is missing"),
    (SESSION, ",VALUE=\"A\"", "", 2, "t has to have either VALUE or URI"),
    (SESSION, "VALUE=\"A\"", "VALUE=\"A\",URI=\"u.json\"", 2, "t has to have either VALUE or URI"),
    (SESSION, "VALUE=\"A\"", "VALUE=A", 2, "the value of the attribute VALUE"),
    (SESSION, ",LANGUAGE=\"de\"", "", 3, "t stands twice"),
    (
        MEDIA,
        "#EXT-X-ENDLIST",
        "#EXT-X-SESSION-DATA:DATA-ID=\"t\"",
        14,
        "EXT-X-SESSION-DATA does not",
    ),
    (MASTER, "URI=\"i.m3u8\"", "URI=\"i.m3u8\",", 7, "the attribute list is malformed"),
];

#[test]
fn what_the_rfc_forbids_is_refused_with_its_line() {
    for (whole, from, to, line, sentence) in FORBIDDEN {
        assert!(whole.contains(*from), "{from}");
        let error = parse(&whole.replacen(*from, to, 1)).unwrap_err();
        assert_eq!(error.line, *line, "{from} -> {to}: {error}");
        assert!(error.problem.to_string().starts_with(sentence), "{from} -> {to}: {error}");
    }
    assert_eq!(parse("").unwrap_err().problem, Problem::Start);
    assert_eq!(parse("#EXTM3U\n").unwrap_err().problem, Problem::Neither);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let _ = parse(&format!("#EXTM3U\n{text}"));
    }

    #[test]
    fn no_mutation_of_a_playlist_panics(at in 0_usize..500, length in 0_usize..20, to in ".{0,8}") {
        for whole in [MEDIA, MASTER, SESSION] {
            let at = at.min(whole.len());
            let end = (at + length).min(whole.len());
            let _ = parse(&format!("{}{to}{}", &whole[..at], &whole[end..]));
        }
    }
}
