//! Properties: of whatever is written, and of whatever is read.

use proptest::prelude::*;

use super::*;

/// What is to be written of a sample.
type Written = (Vec<u8>, u32, i32, bool);

fn samples(written: &[Written]) -> Vec<Sample<'_>> {
    written
        .iter()
        .map(|&(ref data, duration, composition_offset, sync)| Sample {
            data,
            duration,
            composition_offset,
            sync,
        })
        .collect()
}

fn any_sample() -> impl Strategy<Value = Written> {
    let duration = prop_oneof![Just(1024), any::<u32>()];
    let offset = prop_oneof![Just(0), any::<i32>()];
    (prop::collection::vec(any::<u8>(), 0..20), duration, offset, any::<bool>())
}

/// Bytes of which many are as our writer has them.
fn mutated(original: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let length = original.len();
    let changes = prop::collection::vec((0..length, any::<u8>()), 0..6);
    (Just(original), changes, 0..=length).prop_map(|(mut bytes, changes, cut)| {
        for (position, byte) in changes {
            bytes[position] = byte;
        }
        // Half of them whole.
        if cut % 2 == 0 {
            bytes.truncate(cut);
        }
        bytes
    })
}

fn written_segment() -> Vec<u8> {
    let data = [7; 5];
    let mut writer = SegmentWriter::new(1);
    writer.gops(0, &gop_samples(&data)).unwrap();
    writer.finish()
}

/// Whatever is read lies within the bytes that it was read from.
fn read_without_panic(bytes: &[u8]) {
    let init = init_with_defaults(2);
    for fragment in read_segment(bytes, &init).into_iter().flatten() {
        assert!(bytes.get(fragment.bytes).is_some());
        for sample in fragment.samples {
            assert!(bytes.get(sample.data).is_some());
        }
    }
}

proptest! {
    #[test]
    fn fragments_are_read_back(
        first in prop::collection::vec(any_sample(), 1..8),
        second in prop::collection::vec(any_sample(), 1..8),
        base in 0..1u64 << 60,
        shift in 0..1u64 << 40,
    ) {
        let written_init = VideoInit { composition_shift: shift, ..video_init() };
        let init = read_init(&written_init.to_bytes().unwrap()).unwrap();
        let mut writer = SegmentWriter::new(5);
        let ranges = [
            writer.fragment(base, &samples(&first)).unwrap(),
            writer.fragment(base + 1, &samples(&second)).unwrap(),
        ];
        let bytes = writer.finish();
        let fragments = read_segment(&bytes, &init).unwrap();

        prop_assert_eq!(fragments.len(), 2);
        for (index, (fragment, written)) in fragments.iter().zip([&first, &second]).enumerate() {
            let base = base + u64::try_from(index).unwrap();
            prop_assert_eq!(fragment.sequence_number, 5 + u32::try_from(index).unwrap());
            prop_assert_eq!(fragment.base_media_decode_time, base);
            let range = u64::try_from(fragment.bytes.start).unwrap()
                ..u64::try_from(fragment.bytes.end).unwrap();
            prop_assert_eq!(&range, &ranges[index]);
            prop_assert_eq!(fragment.samples.len(), written.len());
            let mut decode_time = base;
            for (sample, (data, duration, offset, sync)) in fragment.samples.iter().zip(written) {
                prop_assert_eq!(&bytes[sample.data.clone()], data.as_slice());
                prop_assert_eq!(sample.decode_time, decode_time);
                prop_assert_eq!(sample.duration, *duration);
                prop_assert_eq!(sample.composition_offset, i64::from(*offset));
                prop_assert_eq!(sample.sync, *sync);
                let presentation_time = i128::from(decode_time) + i128::from(*offset) - i128::from(shift);
                prop_assert_eq!(i128::from(sample.presentation_time), presentation_time);
                decode_time += u64::from(*duration);
            }
        }
    }

    #[test]
    fn closed_gops_are_presented_when_they_should_be(
        gaps in prop::collection::vec(1u64..10_000, 1..20),
        order in any::<prop::sample::Index>(),
        start in 0..1u64 << 40,
        shift in 0..100_000u64,
    ) {
        let mut times: Vec<u64> = gaps.iter().scan(start, |time, gap| {
            let now = *time;
            *time += gap;
            Some(now)
        }).collect();
        let end = start + gaps.iter().sum::<u64>();
        // Any order but for the IDR.
        if let [_, rest @ ..] = times.as_mut_slice() && !rest.is_empty() {
            rest.rotate_left(order.index(rest.len()));
            let from = order.index(rest.len());
            rest[from..].reverse();
        }
        let timings = closed_gop(&times, end, shift).unwrap();
        let total: u64 = timings.iter().map(|timing| u64::from(timing.duration)).sum();
        prop_assert_eq!(total, end - start);
        let mut decode_time = start;
        for (timing, time) in timings.iter().zip(&times) {
            prop_assert_eq!(timing.decode_time, decode_time);
            decode_time += u64::from(timing.duration);
            let shown = i128::from(timing.decode_time) + i128::from(timing.composition_offset)
                - i128::from(shift);
            prop_assert_eq!(shown, i128::from(*time));
            let has_room = shift >= u64::try_from(times.len()).unwrap();
            prop_assert!(timing.composition_offset >= 0 || !has_room);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_init(&bytes);
        read_without_panic(&bytes);
    }

    #[test]
    fn mutated_init_segments_never_panic(
        video in mutated(video_init().to_bytes().unwrap()),
        audio in mutated(audio_init().to_bytes().unwrap()),
    ) {
        let _ = read_init(&video);
        let _ = read_init(&audio);
    }

    #[test]
    fn mutated_segments_never_panic(bytes in mutated(written_segment())) {
        read_without_panic(&bytes);
    }
}
