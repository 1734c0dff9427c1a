//! What is written, as box structures and bytes.

use super::*;

/// Fourcc and size of every box, indented by depth.
fn structure(bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for raw in boxes(bytes) {
        let raw = raw.unwrap();
        let kind = raw.kind.to_string();
        lines.push(format!("{kind} {}", raw.end - raw.start));
        let fields = match kind.as_str() {
            "stsd" => 8,
            "avc1" => 78,
            "mp4a" => 28,
            container if CONTAINERS.contains(&container) => 0,
            _ => continue,
        };
        let children = structure(&raw.payload[fields..]);
        lines.extend(children.into_iter().map(|line| format!("  {line}")));
    }
    lines
}

#[test]
fn video_init_has_this_structure() {
    let expected = "\
ftyp 28
moov 708
  mvhd 120
  trak 540
    tkhd 104
    edts 36
      elst 28
    mdia 392
      mdhd 44
      hdlr 33
      minf 307
        vmhd 20
        dinf 36
          dref 28
        stbl 243
          stsd 167
            avc1 151
              avcC 30
              colr 19
              pasp 16
          stts 16
          stsc 16
          stsz 20
          stco 16
  mvex 40
    trex 32";
    assert_eq!(structure(&video_init().to_bytes().unwrap()).join("\n"), expected);
}

#[test]
fn audio_init_has_this_structure() {
    let expected = "\
ftyp 28
moov 592
  mvhd 120
  trak 424
    tkhd 104
    mdia 312
      mdhd 44
      hdlr 33
      minf 227
        smhd 16
        dinf 36
          dref 28
        stbl 167
          stsd 91
            mp4a 75
              esds 39
          stts 16
          stsc 16
          stsz 20
          stco 16
  mvex 40
    trex 32";
    assert_eq!(structure(&audio_init().to_bytes().unwrap()).join("\n"), expected);
}

#[test]
fn idr_has_a_fragment_of_its_own() {
    let data = [7; 5];
    let samples = gop_samples(&data);
    let two_gops = [samples.as_slice(), samples.as_slice()].concat();
    let mut writer = SegmentWriter::new(3);
    let keyframes = writer.gops(90_000, &two_gops).unwrap();
    assert_eq!(writer.next_sequence_number(), 7);
    let bytes = writer.finish();

    // The IDR: duration, size and flags in tfhd, its offset in trun. The rest: sizes too in trun.
    let gop = "\
moof 104
  mfhd 16
  traf 80
    tfhd 28
    tfdt 20
    trun 24
mdat 9
moof 128
  mfhd 16
  traf 104
    tfhd 24
    tfdt 20
    trun 52
mdat 22";
    assert_eq!(structure(&bytes).join("\n"), format!("{gop}\n{gop}"));

    let expected = [(90_000, 0..113), (108_000, 263..376)]
        .map(|(decode_time, bytes)| Keyframe { decode_time, bytes });
    assert_eq!(keyframes, expected);
    let init = read_init(&video_init().to_bytes().unwrap()).unwrap();
    for keyframe in keyframes {
        let range = usize::try_from(keyframe.bytes.start).unwrap()
            ..usize::try_from(keyframe.bytes.end).unwrap();
        let alone = read_segment(&bytes[range], &init).unwrap();
        let [fragment] = alone.as_slice() else {
            panic!("{alone:?}");
        };
        let [idr] = fragment.samples.as_slice() else {
            panic!("{fragment:?}");
        };
        assert!(idr.sync);
        assert_eq!(u64::try_from(idr.presentation_time).unwrap(), keyframe.decode_time);
    }
}

#[test]
fn audio_fragment_says_constant_durations_once() {
    let frames: [&[u8]; 3] = [&[1; 10], &[2; 11], &[3; 12]];
    let samples =
        frames.map(|data| Sample { data, duration: 1024, composition_offset: 0, sync: true });
    let mut writer = SegmentWriter::new(1);
    assert_eq!(writer.fragment(0, &samples).unwrap(), 0..149);
    let expected = "\
moof 108
  mfhd 16
  traf 84
    tfhd 24
    tfdt 20
    trun 32
mdat 41";
    assert_eq!(structure(&writer.finish()).join("\n"), expected);
}

#[test]
fn fragment_bytes_are_these() {
    let sample = Sample { data: b"data", duration: 3_600, composition_offset: -2, sync: true };
    let mut writer = SegmentWriter::new(9);
    writer.fragment(0x1_0000_0002, &[sample]).unwrap();
    let expected: &[&[u8]] = &[
        b"\0\0\0\x68moof",
        b"\0\0\0\x10mfhd\0\0\0\0\0\0\0\x09",
        b"\0\0\0\x50traf",
        // default-base-is-moof, default flags, size and duration; track 1
        b"\0\0\0\x1Ctfhd\0\x02\0\x38\0\0\0\x01\0\0\x0E\x10\0\0\0\x04\x02\0\0\0",
        b"\0\0\0\x14tfdt\x01\0\0\0\0\0\0\x01\0\0\0\x02",
        // version 1, composition offsets and data offset; 1 sample at 112
        b"\0\0\0\x18trun\x01\0\x08\x01\0\0\0\x01\0\0\0\x70\xFF\xFF\xFF\xFE",
        b"\0\0\0\x0Cmdatdata",
    ];
    assert_eq!(writer.finish(), expected.concat());
}

#[test]
fn writer_refuses_what_is_not_there() {
    let no_avcc = VideoInit { avcc: &[], ..video_init() };
    let no_asc = AudioInit { audio_specific_config: &[], ..audio_init() };
    assert!(matches!(no_avcc.to_bytes(), Err(CmafError::NoDecoderConfiguration)));
    assert!(matches!(no_asc.to_bytes(), Err(CmafError::NoDecoderConfiguration)));
    assert!(matches!(SegmentWriter::new(1).fragment(0, &[]), Err(CmafError::NoSamples)));
}
