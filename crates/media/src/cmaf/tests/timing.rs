//! Times of closed GOPs.

use super::*;

#[test]
fn closed_gop_decodes_at_sorted_presentation_times() {
    for (what, times, end, shift, expected) in [
        (
            "jitter",
            [100, 140, 120, 110, 131],
            151,
            21,
            [(100, 10, 21), (110, 10, 51), (120, 11, 21), (131, 9, 0), (140, 11, 12)],
        ),
        // FFmpeg moves the whole presentation by a negative offset, here of nearly a second.
        (
            "a pause within a reordered run",
            [0, 100, 33, 1200, 67],
            1233,
            100,
            [(0, 33, 100), (33, 34, 167), (67, 33, 66), (100, 67, 1200), (167, 1066, 0)],
        ),
        (
            "a shift that is too short",
            [0, 4, 3, 2, 1],
            5,
            0,
            [(0, 1, 0), (1, 1, 3), (2, 1, 1), (3, 1, -1), (4, 1, -3)],
        ),
    ] {
        let timings = closed_gop(&times, end, shift).unwrap();
        let expected = expected.map(|(decode_time, duration, composition_offset)| SampleTiming {
            decode_time,
            duration,
            composition_offset,
        });
        assert_eq!(timings, expected, "{what}");
    }
}

#[test]
fn closed_gop_refuses_impossible_times() {
    let far = 1 << 33;
    let refused = |times: &[u64], end| closed_gop(times, end, 0).unwrap_err().to_string();
    for (times, end, problem) in [
        (&[][..], 1, "there is no sample to write"),
        (&[10, 5], 20, "presentation time 5 precedes its IDR or occurs twice in one closed GOP"),
        (&[1, 5, 5], 9, "presentation time 5 precedes its IDR or occurs twice in one closed GOP"),
        (&[1, 5], 5, "GOP ends at 5, not after its last presentation time 5"),
        (&[1], far, "sample duration does not fit in 32 bits"),
        (&[0, 1 << 32, 1 << 31], far + 1, "composition offset does not fit in 32 bits"),
    ] {
        assert_eq!(refused(times, end), problem);
    }
}
