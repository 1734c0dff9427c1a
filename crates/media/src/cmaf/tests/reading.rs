//! What is read, and what is refused.

use super::*;

#[test]
fn video_init_is_read_back() {
    let init = read_init(&video_init().to_bytes().unwrap()).unwrap();
    let expected = Init {
        track_id: 1,
        timescale: 90_000,
        composition_shift: 7_200,
        states_loudness: false,
        defaults: SampleDefaults { duration: 0, size: 0, flags: 0 },
        media: Media::Video(VideoEntry {
            fourcc: FourCC::new(b"avc1"),
            width: 642,
            height: 358,
            avcc: AVCC.to_vec(),
            pixel_aspect_ratio: Some((1, 1)),
            colour: video_init().colour,
        }),
    };
    assert_eq!(init, expected);
}

#[test]
fn audio_init_is_read_back() {
    // 96 kHz does not fit in the sample entry.
    for sample_rate in [48_000, 96_000] {
        let written = AudioInit { sample_rate, ..audio_init() };
        let init = read_init(&written.to_bytes().unwrap()).unwrap();
        let expected = Media::Audio(AudioEntry {
            fourcc: FourCC::new(b"mp4a"),
            channels: 2,
            sample_rate,
            audio_specific_config: ASC.to_vec(),
        });
        assert_eq!(init.media, expected);
        assert_eq!((init.timescale, init.composition_shift), (sample_rate, 0));
    }
}

#[test]
fn no_shift_means_no_edit_list() {
    let written = VideoInit { composition_shift: 0, colour: None, ..video_init() };
    let bytes = written.to_bytes().unwrap();
    assert!(!bytes.windows(4).any(|kind| kind == b"edts"));
    assert_eq!(read_init(&bytes).unwrap().composition_shift, 0);
}

/// A box around a payload.
fn boxed(kind: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).unwrap();
    [&size.to_be_bytes(), &kind, payload].concat()
}

/// A segment of one fragment whose `trun` and `mdat` have these payloads.
fn segment(trun: &[u8], mdat: &[u8]) -> Vec<u8> {
    let tfhd = boxed(*b"tfhd", &[0, 2, 0, 0, 0, 0, 0, 1]);
    let tfdt = boxed(*b"tfdt", &[0; 8]);
    let traf = boxed(*b"traf", &[tfhd, tfdt, boxed(*b"trun", trun)].concat());
    let moof = boxed(*b"moof", &[boxed(*b"mfhd", &[0; 8]), traf].concat());
    [moof, boxed(*b"mdat", mdat)].concat()
}

#[test]
fn defaults_of_the_init_segment_apply() {
    // Data offset; two samples; moof has 8 + 16 + (8 + 16 + 16 + 20) = 84 bytes.
    let bytes = segment(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 92], b"abcdef");
    let fragments = read_segment(&bytes, &init_with_defaults(3)).unwrap();
    let read: Vec<_> = fragments[0]
        .samples
        .iter()
        .map(|sample| (sample.decode_time, sample.sync, &bytes[sample.data.clone()]))
        .collect();
    assert_eq!(read, [(0, false, &b"abc"[..]), (10, false, b"def")]);
    assert_eq!(fragments[0].samples[1].presentation_time, 10 - 7_200);
}

#[test]
fn samples_that_are_not_in_the_mdat_are_refused() {
    for (offset, size) in [(92, 4), (91, 3), (93, 3), (-1, 3), (i32::MIN, 3), (i32::MAX, 3)] {
        let trun = [&[0, 0, 0, 1, 0, 0, 0, 2][..], &i32::to_be_bytes(offset)].concat();
        let read = read_segment(&segment(&trun, b"abcdef"), &init_with_defaults(size));
        assert!(matches!(read, Err(CmafError::SampleData { .. })), "{offset} {size}: {read:?}");
    }
}

#[test]
fn few_bytes_that_claim_billions_of_empty_samples_are_refused() {
    let trun = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 92];
    let read = read_segment(&segment(&trun, b""), &init_with_defaults(0));
    assert!(matches!(read, Err(CmafError::TooManySamples)), "{read:?}");
}

#[test]
fn deeply_nested_boxes_do_not_overflow_the_stack() {
    let depth = 100_000;
    let mut nested = Vec::new();
    for level in (1..=depth).rev() {
        nested.extend(u32::to_be_bytes(level * 8));
        nested.extend(b"moov");
    }
    assert!(matches!(read_init(&nested), Err(CmafError::MissingBox(_))));
    let padding = boxed(*b"udta", &nested);
    let moof = boxed(*b"moof", &padding);
    let read = read_segment(&[moof, boxed(*b"mdat", b"")].concat(), &init_with_defaults(0));
    assert!(matches!(read, Err(CmafError::MissingBox(_))));
}

#[test]
fn deeply_nested_descriptors_do_not_overflow_the_stack() {
    // Each ES descriptor (tag 3) holds the next one after its three bytes of fields.
    let mut nested: Vec<u8> = Vec::new();
    for _ in 0..100_000 {
        let size = nested.len() + 3;
        let group = |shift: usize| u8::try_from(size >> shift & 0x7F).unwrap();
        // Written back to front, as each level goes before the last one.
        nested.extend([0, 0, 0]);
        nested.extend([group(0), group(7) | 0x80, group(14) | 0x80, group(21) | 0x80, 3]);
    }
    nested.reverse();
    let esds = boxed(*b"esds", &[&[0; 4], nested.as_slice()].concat());
    let bytes = replace_leaf(&audio_init().to_bytes().unwrap(), FourCC::new(b"esds"), &esds);
    let read = read_init(&bytes);
    assert!(matches!(read, Err(CmafError::Unsupported { .. })), "{read:?}");
}

/// Puts another box in the place of a leaf, and corrects the sizes of what holds it.
fn replace_leaf(bytes: &[u8], kind: FourCC, replacement: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for raw in boxes(bytes) {
        let raw = raw.unwrap();
        let name = raw.kind.to_string();
        let fields = match name.as_str() {
            "stsd" => 8,
            "mp4a" => 28,
            container if CONTAINERS.contains(&container) => 0,
            _ if raw.kind == kind => {
                out.extend(replacement);
                continue;
            }
            _ => {
                out.extend(&bytes[raw.start..raw.end]);
                continue;
            }
        };
        let (fields, children) = raw.payload.split_at(fields);
        let children = replace_leaf(children, kind, replacement);
        out.extend(boxed(raw.kind.into(), &[fields, &children].concat()));
    }
    out
}

#[test]
fn reader_names_what_is_wrong() {
    let init = video_init().to_bytes().unwrap();
    let edited = |kind: [u8; 4], payload: &[u8]| {
        let bytes = replace_leaf(&init, kind.into(), &boxed(kind, payload));
        read_init(&bytes).unwrap_err().to_string()
    };
    assert_eq!(edited(*b"mdhd", &[0; 24]), "box mdhd has a timescale of 0");
    assert_eq!(edited(*b"elst", &[0; 8]), "box elst has not exactly one entry");
    assert_eq!(edited(*b"trex", &[0; 3]), "content of box trex is invalid");
    assert_eq!(edited(*b"trex", &[0; 24]), "fragment is of track 0, the init segment has track 1");
    assert_eq!(
        read_init(&init[..40]).unwrap_err().to_string(),
        "box moov at byte 28 of its parent has an impossible size"
    );

    let good = init_with_defaults(3);
    let bytes = segment(&[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 92], b"abcdef");
    let wrong = |bytes: &[u8]| read_segment(bytes, &good).unwrap_err().to_string();
    assert_eq!(wrong(&[]), "box moof is missing");
    assert_eq!(wrong(&bytes[..84]), "box mdat is missing");
    assert_eq!(wrong(&bytes[84..]), "box moof is missing");
    assert_eq!(wrong(&bytes[..92]), "box mdat at byte 84 of its parent has an impossible size");
    let other_track = Init { track_id: 2, ..good.clone() };
    assert!(matches!(
        read_segment(&bytes, &other_track),
        Err(CmafError::Track { found: 1, expected: 2 })
    ));
}
