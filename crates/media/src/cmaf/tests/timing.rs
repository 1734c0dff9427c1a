//! Times of closed GOPs.

use super::*;

#[test]
fn closed_gop_decodes_at_sorted_presentation_times() {
    let timings = closed_gop(&[100, 140, 120, 110, 131], 151, 20).unwrap();
    let expected = [(100, 10, 20), (110, 10, 50), (120, 11, 20), (131, 9, -1), (140, 11, 11)].map(
        |(decode_time, duration, composition_offset)| SampleTiming {
            decode_time,
            duration,
            composition_offset,
        },
    );
    assert_eq!(timings, expected);
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
