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
/// out negative.
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
    let mut sorted = presentation_times.to_vec();
    sorted.sort_unstable();
    let (Some(idr), Some(&first), Some(&last)) =
        (presentation_times.first(), sorted.first(), sorted.last())
    else {
        return Err(CmafError::NoSamples);
    };
    if first != *idr {
        return Err(CmafError::PresentationTime(first));
    }
    if end <= last {
        return Err(CmafError::GopEnd { end, last });
    }
    if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CmafError::PresentationTime(twice[0]));
    }

    let decode_times = decode_times(presentation_times, &sorted, composition_shift);
    let next_decode_times = decode_times.iter().skip(1).chain([&end]);
    presentation_times
        .iter()
        .zip(&decode_times)
        .zip(next_decode_times)
        .map(|((&presentation_time, &decode_time), &next)| {
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

/// The sorted presentation times, but none so late that a sample would be shown before it is decoded and the shift cannot make up for it:
/// where frames are reordered over a pause, those before it are decoded before it. Strictly increasing, from the first presentation time on.
fn decode_times(presentation_times: &[u64], sorted: &[u64], composition_shift: u64) -> Vec<u64> {
    let mut decode_times = sorted.to_vec();
    let mut latest = u64::MAX;
    for (decode_time, presented) in decode_times.iter_mut().zip(presentation_times).rev() {
        latest = latest.saturating_sub(1).min(presented.saturating_add(composition_shift));
        *decode_time = latest.min(*decode_time);
    }
    let earliest = sorted.iter().zip(sorted.first().copied().unwrap_or(0)..);
    for (decode_time, (sorted, earliest)) in decode_times.iter_mut().zip(earliest) {
        *decode_time = earliest.max(*decode_time).min(*sorted);
    }
    decode_times
}
