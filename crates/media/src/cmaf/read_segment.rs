//! Reading media segments.

use std::ops::Range;

use mp4_atom::{Atom, Mdat, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun};

use super::boxes::{RawBox, boxes};
use super::{CmafError, Init};

/// The most samples that a segment may have: some twenty minutes of video or audio. It bounds what
/// a few bytes that claim many samples can make a reader allocate.
pub const MAX_SAMPLES: usize = 65_536;

/// `sample_is_non_sync_sample` (ISO/IEC 14496-12, 8.8.3.1).
const NON_SYNC_FLAG: u32 = 0x0001_0000;

/// One `moof` with its `mdat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// Where the pair is in the segment.
    pub bytes: Range<usize>,
    /// From `mfhd`.
    pub sequence_number: u32,
    /// Decode time of the first sample, in ticks, from `tfdt`.
    pub base_media_decode_time: u64,
    /// The samples in coded order.
    pub samples: Vec<FragmentSample>,
}

/// One sample of a fragment. Times are in ticks of the track's timescale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FragmentSample {
    /// Decode time.
    pub decode_time: u64,
    /// Time to the next sample's decode time.
    pub duration: u32,
    /// As written: the track's composition shift is still in it.
    pub composition_offset: i64,
    /// When the sample is shown: decode time plus offset, minus the track's composition shift.
    pub presentation_time: i64,
    /// Whether decoding can start here.
    pub sync: bool,
    /// Where the sample's data is in the segment; always within it.
    pub data: Range<usize>,
}

/// Reads the fragments of a media segment of the track that `init` describes.
///
/// Boxes other than `moof` and `mdat` are skipped. Memory use is linear in the length of `bytes`,
/// plus at most [`MAX_SAMPLES`] samples.
///
/// # Errors
///
/// [`CmafError::MissingBox`] if `moof` and `mdat` do not come in pairs, there is none, or a
/// fragment lacks `tfdt`; [`CmafError::Track`], [`CmafError::TooManySamples`],
/// [`CmafError::SampleData`], [`CmafError::TimeRange`]; [`CmafError::Unsupported`] for absolute
/// data offsets; and [`CmafError::BoxSize`], [`CmafError::DuplicateBox`] or
/// [`CmafError::Malformed`] for broken boxes.
pub fn read_segment(bytes: &[u8], init: &Init) -> Result<Vec<Fragment>, CmafError> {
    let mut fragments = Vec::new();
    let mut samples_left = MAX_SAMPLES;
    let mut top_level = boxes(bytes);
    while let Some(raw) = top_level.next() {
        let moof = raw?;
        if moof.kind == Mdat::KIND {
            return Err(CmafError::MissingBox(Moof::KIND));
        }
        if moof.kind != Moof::KIND {
            continue;
        }
        let mdat = top_level.next().transpose()?;
        let mdat =
            mdat.filter(|raw| raw.kind == Mdat::KIND).ok_or(CmafError::MissingBox(Mdat::KIND))?;
        let fragment = read_fragment(&moof, &mdat, init, samples_left)?;
        samples_left -= fragment.samples.len();
        fragments.push(fragment);
    }
    if fragments.is_empty() {
        return Err(CmafError::MissingBox(Moof::KIND));
    }
    Ok(fragments)
}

fn read_fragment(
    moof: &RawBox<'_>,
    mdat: &RawBox<'_>,
    init: &Init,
    samples_left: usize,
) -> Result<Fragment, CmafError> {
    let sequence_number = moof.child(Mfhd::KIND)?.decode::<Mfhd>()?.sequence_number;
    let traf = moof.child(Traf::KIND)?;
    let tfhd_box = traf.child(Tfhd::KIND)?;
    let tfhd = tfhd_box.decode::<Tfhd>()?;
    if tfhd.track_id != init.track_id {
        return Err(CmafError::Track { found: tfhd.track_id, expected: init.track_id });
    }
    if tfhd.base_data_offset.is_some() {
        return Err(tfhd_box.unsupported("has an absolute data offset"));
    }
    let base_media_decode_time = traf.child(Tfdt::KIND)?.decode::<Tfdt>()?.base_media_decode_time;

    let mut run = SampleReader {
        init,
        tfhd: &tfhd,
        media_data: mdat.end - mdat.payload.len()..mdat.end,
        sequence_number,
        samples_left,
        decode_time: base_media_decode_time,
        position: moof.start,
        samples: Vec::new(),
    };
    for raw in boxes(traf.payload) {
        let raw = raw?;
        if raw.kind == Trun::KIND {
            run.read(moof.start, &raw.decode()?)?;
        }
    }
    Ok(Fragment {
        bytes: moof.start..mdat.end,
        sequence_number,
        base_media_decode_time,
        samples: run.samples,
    })
}

/// Lays the samples of a fragment's runs one after the other.
struct SampleReader<'a> {
    init: &'a Init,
    tfhd: &'a Tfhd,
    /// Where the payload of the fragment's `mdat` is in the segment.
    media_data: Range<usize>,
    sequence_number: u32,
    samples_left: usize,
    decode_time: u64,
    /// Where the next sample's data starts in the segment.
    position: usize,
    samples: Vec<FragmentSample>,
}

impl SampleReader<'_> {
    fn read(&mut self, moof_start: usize, trun: &Trun) -> Result<(), CmafError> {
        // A run without an offset goes on where the one before it ended.
        if let Some(offset) = trun.data_offset {
            let position = isize::try_from(offset)
                .ok()
                .and_then(|offset| moof_start.checked_add_signed(offset));
            self.position = position.ok_or_else(|| self.outside())?;
        }
        self.samples_left =
            self.samples_left.checked_sub(trun.samples.len()).ok_or(CmafError::TooManySamples)?;
        let defaults = self.init.defaults;
        for entry in &trun.samples {
            let size = entry.size.or(self.tfhd.default_sample_size).unwrap_or(defaults.size);
            let duration =
                entry.duration.or(self.tfhd.default_sample_duration).unwrap_or(defaults.duration);
            let flags = entry.flags.or(self.tfhd.default_sample_flags).unwrap_or(defaults.flags);
            let composition_offset = entry.cts.unwrap_or(0);
            let sample = FragmentSample {
                decode_time: self.decode_time,
                duration,
                composition_offset,
                presentation_time: self.presentation_time(composition_offset)?,
                sync: flags & NON_SYNC_FLAG == 0,
                data: self.take_data(size)?,
            };
            self.decode_time = self
                .decode_time
                .checked_add(duration.into())
                .ok_or(CmafError::TimeRange(Trun::KIND))?;
            self.samples.push(sample);
        }
        Ok(())
    }

    fn take_data(&mut self, size: u32) -> Result<Range<usize>, CmafError> {
        let start = self.position;
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size))
            .filter(|&end| self.media_data.start <= start && end <= self.media_data.end)
            .ok_or_else(|| self.outside())?;
        self.position = end;
        Ok(start..end)
    }

    fn presentation_time(&self, composition_offset: i64) -> Result<i64, CmafError> {
        let time = i128::from(self.decode_time) + i128::from(composition_offset)
            - i128::from(self.init.composition_shift);
        i64::try_from(time).map_err(|_| CmafError::TimeRange(Trun::KIND))
    }

    fn outside(&self) -> CmafError {
        CmafError::SampleData { sequence_number: self.sequence_number, index: self.samples.len() }
    }
}
