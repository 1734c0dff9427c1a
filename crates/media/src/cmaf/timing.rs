//! Decode times, durations and composition offsets of a closed GOP.

use super::CmafError;

/// The times of one sample, in ticks of the track's timescale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleTiming {
    /// Decode time. That of an IDR is its presentation time.
    pub decode_time: u64,
    /// Time from this sample's decode time to the next one's, or to the end of the GOP.
    pub duration: u32,
    /// Presentation time minus decode time, plus the track's composition shift.
    pub composition_offset: i32,
}

/// Times the samples of one closed GOP by the model that the module's documentation describes.
///
/// `presentation_times` are in coded order, the IDR's first. `end` is where the GOP's last sample
/// stops being shown: the presentation time of the next IDR, or the end of the track.
///
/// `composition_shift` must be the same for a whole track. It is large enough when no offset comes
/// out negative; with a shift of 0, the least offset says (negated) how much this GOP needs.
///
/// # Errors
///
/// [`CmafError::NoSamples`]; [`CmafError::PresentationTime`] if a sample is presented before the
/// first one (the GOP is not closed) or two at the same time; [`CmafError::GopEnd`];
/// [`CmafError::TooLarge`] if a duration or an offset leaves 32 bits.
pub fn closed_gop(
    presentation_times: &[u64],
    end: u64,
    composition_shift: u64,
) -> Result<Vec<SampleTiming>, CmafError> {
    let mut decode_times = presentation_times.to_vec();
    decode_times.sort_unstable();
    let (Some(idr), Some(&first), Some(&last)) =
        (presentation_times.first(), decode_times.first(), decode_times.last())
    else {
        return Err(CmafError::NoSamples);
    };
    if first != *idr {
        return Err(CmafError::PresentationTime(first));
    }
    if end <= last {
        return Err(CmafError::GopEnd { end, last });
    }

    let next_decode_times = decode_times.iter().skip(1).chain([&end]);
    presentation_times
        .iter()
        .zip(&decode_times)
        .zip(next_decode_times)
        .map(|((&presentation_time, &decode_time), &next)| {
            if next == decode_time {
                return Err(CmafError::PresentationTime(next));
            }
            let offset = i128::from(presentation_time) - i128::from(decode_time)
                + i128::from(composition_shift);
            Ok(SampleTiming {
                decode_time,
                duration: u32::try_from(next - decode_time)
                    .map_err(|_| CmafError::TooLarge("sample duration"))?,
                composition_offset: i32::try_from(offset)
                    .map_err(|_| CmafError::TooLarge("composition offset"))?,
            })
        })
        .collect()
}
