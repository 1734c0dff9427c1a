//! What is in a media segment: its boxes, and what decoding gives.

use ffmpeg_next::codec::Id;
use flv::{AvcConfig, contains_idr};
use job::conformance::{Decoded, Fragment, SegmentContents};

use crate::MediaError;
use crate::cmaf::{self, Init, read_segment};
use crate::codec::decoder_context;
use crate::decode::{AudioDecoder, VideoDecoder};
use crate::input::{AudioPacket, VideoPacket};

/// What is in a segment, or why its boxes cannot be read.
pub(super) fn contents(
    bytes: &[u8],
    init: &Init,
    decode: bool,
) -> Result<Result<SegmentContents, String>, MediaError> {
    let fragments = match read_segment(bytes, init) {
        Ok(fragments) => fragments,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let samples: Vec<&cmaf::FragmentSample> = fragments.iter().flat_map(|f| &f.samples).collect();
    let Some(first) = samples.first() else { return Ok(Err("it has no samples".to_owned())) };
    let starts = samples.iter().map(|sample| sample.presentation_time);
    let ends = samples.iter().map(|s| s.presentation_time.saturating_add(i64::from(s.duration)));
    let decoded = decode.then(|| decode_samples(bytes, init, &samples)).transpose()?;
    let mut described = Vec::new();
    for fragment in &fragments {
        described.push(fragment_facts(bytes, init, fragment, decode)?);
    }
    let duration: u64 = samples.iter().map(|sample| u64::from(sample.duration)).sum();
    Ok(Ok(SegmentContents {
        tfdt: first.decode_time,
        duration,
        gaps: gaps(&samples, first.decode_time.saturating_add(duration)),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        starts_with_idr: is_idr(bytes, init, first),
        first_presentation: starts.min().unwrap_or(0),
        end_presentation: ends.max().unwrap_or(0),
        fragments: described,
        decoded,
    }))
}

/// How much longer than the usual time those pictures are shown, in all, that are shown more than one and a half times as long. The samples'
/// own durations, from decoding to decoding, do not tell: where pictures are reordered over a gap, several share it.
fn gaps(samples: &[&cmaf::FragmentSample], end: u64) -> u64 {
    let mut shown: Vec<i64> = samples.iter().map(|sample| sample.presentation_time).collect();
    // The last is shown until the segment ends.
    shown.push(i64::try_from(end).unwrap_or(i64::MAX));
    shown.sort_unstable();
    let mut distances: Vec<u64> = shown.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    let middle = distances.len() / 2;
    let Some((_, usual, _)) =
        (!distances.is_empty()).then(|| distances.select_nth_unstable(middle))
    else {
        return 0;
    };
    let usual = *usual;
    let excess = distances.iter().map(|distance| distance - usual.min(*distance));
    excess.filter(|excess| *excess > usual / 2).sum()
}

fn fragment_facts(
    bytes: &[u8],
    init: &Init,
    fragment: &cmaf::Fragment,
    decode: bool,
) -> Result<Fragment, MediaError> {
    let starts_with_idr = fragment.samples.first().is_some_and(|first| is_idr(bytes, init, first));
    // Only I-frames are asked for alone.
    let alone = decode && starts_with_idr && matches!(init.media, cmaf::Media::Video(_));
    let samples: Vec<&cmaf::FragmentSample> = fragment.samples.iter().collect();
    Ok(Fragment {
        offset: fragment.bytes.start as u64,
        size: fragment.bytes.len() as u64,
        tfdt: fragment.base_media_decode_time,
        presentation: samples.first().map_or(0, |first| first.presentation_time),
        duration: Some(samples.iter().map(|sample| u64::from(sample.duration)).sum()),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        starts_with_idr,
        decoded: alone.then(|| decode_samples(bytes, init, &samples)).transpose()?,
    })
}

fn is_idr(bytes: &[u8], init: &Init, sample: &cmaf::FragmentSample) -> bool {
    let cmaf::Media::Video(entry) = &init.media else { return true };
    let Ok(config) = AvcConfig::parse(&entry.avcc) else { return false };
    let data = bytes.get(sample.data.clone()).unwrap_or_default();
    sample.sync && contains_idr(data, config.nal_length_size())
}

/// Decodes samples alone, with nothing before them but the configuration.
fn decode_samples(
    bytes: &[u8],
    init: &Init,
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    match &init.media {
        cmaf::Media::Video(entry) => decode_video(bytes, &entry.avcc, samples),
        cmaf::Media::Audio(entry) => decode_audio(bytes, &entry.audio_specific_config, samples),
    }
}

fn decode_video(
    bytes: &[u8],
    config: &[u8],
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    let mut frames = 0;
    let mut decoder = match VideoDecoder::open(decoder_context(Id::H264, config)?) {
        Ok(decoder) => decoder,
        Err(error) if error.is_refusal() => return Ok(Decoded { frames: 0, errors: 1 }),
        Err(error) => return Err(error),
    };
    let mut count = |_: &mut ffmpeg_next::frame::Video, _| {
        frames += 1;
        Ok(())
    };
    for sample in samples {
        let packet = VideoPacket {
            pts: sample.presentation_time,
            dts: i64::try_from(sample.decode_time).unwrap_or(i64::MAX),
            offset: 0,
            sync: sample.sync,
            recovery_frames: None,
            is_reference: true,
            hidden: false,
            data: bytes.get(sample.data.clone()).unwrap_or_default(),
        };
        decoder.decode(&packet, &mut count)?;
    }
    decoder.finish(&mut count)?;
    Ok(Decoded { frames, errors: decoder.errors() })
}

fn decode_audio(
    bytes: &[u8],
    config: &[u8],
    samples: &[&cmaf::FragmentSample],
) -> Result<Decoded, MediaError> {
    let Ok(mut decoder) = AudioDecoder::open(decoder_context(Id::AAC, config)?) else {
        return Ok(Decoded { frames: 0, errors: 1 });
    };
    let mut frames = 0;
    let mut count = |_: &mut ffmpeg_next::frame::Audio, _| {
        frames += 1;
        Ok(())
    };
    for sample in samples {
        let data = bytes.get(sample.data.clone()).unwrap_or_default();
        let packet = AudioPacket { pts: sample.presentation_time, offset: 0, data };
        decoder.decode(Some(&packet), &mut count)?;
    }
    decoder.decode(None, &mut count)?;
    Ok(Decoded { frames, errors: u32::try_from(decoder.errors()).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_audio_decoder_that_does_not_open_is_a_fact() {
        crate::init().unwrap();
        // AAC scalable (audio object type 6), which no decoder of FFmpeg's knows; and AAC-LC, 44.1 kHz, stereo.
        let opens = |config: &[u8]| decode_audio(&[], config, &[]).unwrap();
        assert_eq!(opens(&[0x32, 0x10]), Decoded { frames: 0, errors: 1 });
        assert_eq!(opens(&[0x12, 0x10]), Decoded { frames: 0, errors: 0 });
    }
}
