//! Writing media segments: fragments, each one `moof` and its `mdat`.

use std::ops::Range;

use mp4_atom::{
    Atom, BufMut, Encode, Mdat, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples,
};

use super::{CmafError, TRACK_ID};

/// `sample_depends_on` = 2, it depends on no other (ISO/IEC 14496-12, 8.8.3.1).
const SYNC_FLAGS: u32 = 0x0200_0000;
/// `sample_depends_on` = 1 and `sample_is_non_sync_sample` (ISO/IEC 14496-12, 8.8.3.1).
const NON_SYNC_FLAGS: u32 = 0x0101_0000;
const MDAT_HEADER_SIZE: usize = 8;

/// One coded picture or audio frame as it is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample<'a> {
    /// The sample's bytes: for AVC its NAL units with lengths before them, for AAC the raw frame.
    pub data: &'a [u8],
    /// Time to the next sample's decode time, in ticks.
    pub duration: u32,
    /// Presentation time minus decode time plus the track's composition shift, in ticks.
    pub composition_offset: i32,
    /// Whether decoding can start here: an IDR, or any AAC frame.
    pub sync: bool,
}

/// Where a keyframe is in its segment, for an I-frame playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyframe {
    /// Decode time of the IDR, which is its presentation time (see the module's timing model).
    pub decode_time: u64,
    /// Bytes of the fragment that holds the IDR and nothing else.
    pub bytes: Range<u64>,
}

/// Writes the fragments of one media segment, one after the other.
///
/// After an error the segment is incomplete; drop the writer.
#[derive(Debug)]
pub struct SegmentWriter {
    bytes: Vec<u8>,
    sequence_number: u32,
}

impl SegmentWriter {
    /// A segment whose first fragment has this sequence number. Numbers grow by one a fragment
    /// and are to grow over the whole track, though nothing asks that they do so without gaps.
    #[must_use]
    pub fn new(first_sequence_number: u32) -> Self {
        Self { bytes: Vec::new(), sequence_number: first_sequence_number }
    }

    /// Appends whole closed GOPs of video: each sync sample in a fragment of its own, so that a
    /// byte range of whole boxes gives it alone, and what follows it, up to the next, in one more.
    ///
    /// # Errors
    ///
    /// As [`SegmentWriter::fragment`]; [`CmafError::TimeRange`] if a decode time leaves 64 bits.
    pub fn gops(
        &mut self,
        base_media_decode_time: u64,
        samples: &[Sample<'_>],
    ) -> Result<Vec<Keyframe>, CmafError> {
        let mut keyframes = Vec::new();
        let mut decode_time = base_media_decode_time;
        // Two neighbours share a fragment if neither is a sync sample.
        for run in samples.chunk_by(|a, b| !a.sync && !b.sync) {
            let bytes = self.fragment(decode_time, run)?;
            if run.iter().any(|sample| sample.sync) {
                keyframes.push(Keyframe { decode_time, bytes });
            }
            let duration: u64 = run.iter().map(|sample| u64::from(sample.duration)).sum();
            decode_time =
                decode_time.checked_add(duration).ok_or(CmafError::TimeRange(Tfdt::KIND))?;
        }
        Ok(keyframes)
    }

    /// Appends one fragment and returns the bytes of the segment that it takes.
    /// `base_media_decode_time` is the decode time of the first sample, in ticks.
    ///
    /// # Errors
    ///
    /// [`CmafError::NoSamples`], and [`CmafError::TooLarge`] or [`CmafError::Unwritable`] if the
    /// fragment or its sequence number leaves 32 bits.
    pub fn fragment(
        &mut self,
        base_media_decode_time: u64,
        samples: &[Sample<'_>],
    ) -> Result<Range<u64>, CmafError> {
        let start = self.position();
        let mut moof = movie_fragment(self.sequence_number, base_media_decode_time, samples)?;
        // The offset's field has a fixed size: the first pass measures, the second one writes.
        set_data_offset(&mut moof, 0);
        let moof_size = encoded(&moof)?.len();
        let data_offset = i32::try_from(moof_size + MDAT_HEADER_SIZE)
            .map_err(|_| CmafError::TooLarge("data offset"))?;
        set_data_offset(&mut moof, data_offset);
        self.bytes.extend_from_slice(&encoded(&moof)?);
        self.media_data(samples)?;
        self.sequence_number =
            self.sequence_number.checked_add(1).ok_or(CmafError::TooLarge("sequence number"))?;
        Ok(start..self.position())
    }

    /// The sequence number that the next fragment gets.
    #[must_use]
    pub fn next_sequence_number(&self) -> u32 {
        self.sequence_number
    }

    /// The segment's bytes.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    fn position(&self) -> u64 {
        // Lossless: no supported target has addresses of more than 64 bits.
        self.bytes.len() as u64
    }

    fn media_data(&mut self, samples: &[Sample<'_>]) -> Result<(), CmafError> {
        self.bytes
            .encode_atom(Mdat::KIND, |out| {
                for sample in samples {
                    out.extend_from_slice(sample.data);
                }
                Ok(())
            })
            .map_err(|source| CmafError::Unwritable { kind: Mdat::KIND, source })
    }
}

fn encoded(moof: &Moof) -> Result<Vec<u8>, CmafError> {
    let mut bytes = Vec::new();
    moof.encode(&mut bytes).map_err(|source| CmafError::Unwritable { kind: Moof::KIND, source })?;
    Ok(bytes)
}

fn set_data_offset(moof: &mut Moof, data_offset: i32) {
    for trun in moof.traf.iter_mut().flat_map(|traf| &mut traf.trun) {
        trun.data_offset = Some(data_offset);
    }
}

/// A `moof` without its data offset. What all samples share is said once, in `tfhd`.
fn movie_fragment(
    sequence_number: u32,
    base_media_decode_time: u64,
    samples: &[Sample<'_>],
) -> Result<Moof, CmafError> {
    let flags = |sample: &Sample<'_>| {
        if sample.sync { SYNC_FLAGS } else { NON_SYNC_FLAGS }
    };
    let sizes = samples
        .iter()
        .map(|sample| {
            u32::try_from(sample.data.len()).map_err(|_| CmafError::TooLarge("sample size"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if samples.is_empty() {
        return Err(CmafError::NoSamples);
    }

    let shared_duration = shared(samples.iter().map(|sample| sample.duration));
    let shared_size = shared(sizes.iter().copied());
    let shared_flags = shared(samples.iter().map(flags));
    let has_offsets = samples.iter().any(|sample| sample.composition_offset != 0);

    let entries = samples.iter().zip(&sizes).map(|(sample, &size)| TrunEntry {
        duration: shared_duration.is_none().then_some(sample.duration),
        size: shared_size.is_none().then_some(size),
        flags: shared_flags.is_none().then(|| flags(sample)),
        cts: has_offsets.then(|| sample.composition_offset.into()),
    });
    let trun = Trun { data_offset: None, samples: TrunSamples::Explicit(entries.collect()) };
    Ok(Moof {
        mfhd: Mfhd { sequence_number },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: TRACK_ID,
                default_sample_duration: shared_duration,
                default_sample_size: shared_size,
                default_sample_flags: shared_flags,
                default_base_is_moof: true,
                ..Tfhd::default()
            },
            tfdt: Some(Tfdt { base_media_decode_time }),
            trun: vec![trun],
            ..Traf::default()
        }],
    })
}

/// The one value of all items, if they have one.
fn shared(mut values: impl Iterator<Item = u32>) -> Option<u32> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}
