//! Reading init segments.

use mp4_atom::{
    Atom, Audio, Avc1, Avc3, Avcc, Colr, Decode, Edts, Elst, Esds, FourCC, Hdlr, Mdhd, Mdia, Minf,
    Moov, Mp4a, Mvex, Pasp, Stbl, Stsd, Tkhd, Trak, Trex, Visual,
};

use super::boxes::{RawBox, at_most_one, boxes, one};
use super::{CmafError, Colour};

/// mp4-atom reads descriptors that nest in each other recursively, so that a long `esds` can
/// overflow the stack. Real ones have some fifty bytes.
const MAX_ESDS_SIZE: usize = 1024;

/// What an init segment says of its one track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Id of the track.
    pub track_id: u32,
    /// Ticks per second of all the track's times.
    pub timescale: u32,
    /// What the edit list takes away from all composition times, in ticks; 0 without a list.
    pub composition_shift: u64,
    /// Whether the track states its loudness, in a `ludt` box (ISO/IEC 14496-12, 12.2.7).
    pub states_loudness: bool,
    /// What a fragment's samples have where the fragment does not say.
    pub defaults: SampleDefaults,
    /// The sample entry.
    pub media: Media,
}

/// The defaults in `trex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleDefaults {
    /// Duration in ticks.
    pub duration: u32,
    /// Size in bytes.
    pub size: u32,
    /// Flags (ISO/IEC 14496-12, 8.8.3.1).
    pub flags: u32,
}

/// A track's sample entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// AVC.
    Video(VideoEntry),
    /// AAC.
    Audio(AudioEntry),
}

/// The sample entry of an AVC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoEntry {
    /// `avc1`, or `avc3` where parameter sets are in the samples.
    pub fourcc: FourCC,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// The `AVCDecoderConfigurationRecord`; not parsed.
    pub avcc: Vec<u8>,
    /// Horizontal and vertical spacing of pixels, if said.
    pub pixel_aspect_ratio: Option<(u32, u32)>,
    /// Colour, if said by code points.
    pub colour: Option<Colour>,
}

/// The sample entry of an AAC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioEntry {
    /// `mp4a`.
    pub fourcc: FourCC,
    /// Number of channels as the container has it.
    pub channels: u16,
    /// Samples per second as the container has it: the sample entry, or the timescale for rates
    /// that do not fit there.
    pub sample_rate: u32,
    /// The `AudioSpecificConfig`; not parsed.
    pub audio_specific_config: Vec<u8>,
}

/// Reads an init segment with one AVC or AAC track.
///
/// Memory use is linear in the length of `bytes`.
///
/// # Errors
///
/// [`CmafError::BoxSize`], [`CmafError::MissingBox`], [`CmafError::DuplicateBox`],
/// [`CmafError::Malformed`], [`CmafError::SampleEntry`], or [`CmafError::Unsupported`] for a zero
/// timescale, an edit list that is more than a shift, or several sample entries.
pub fn read_init(bytes: &[u8]) -> Result<Init, CmafError> {
    let moov = one(bytes, Moov::KIND)?;
    let trak = moov.child(Trak::KIND)?;
    let tkhd = trak.child(Tkhd::KIND)?.decode::<Tkhd>()?;
    let mdia = trak.child(Mdia::KIND)?;
    let mdhd_box = mdia.child(Mdhd::KIND)?;
    let timescale = mdhd_box.decode::<Mdhd>()?.timescale;
    if timescale == 0 {
        return Err(mdhd_box.unsupported("has a timescale of 0"));
    }

    let trex_box = moov.child(Mvex::KIND)?.child(Trex::KIND)?;
    let trex = trex_box.decode::<Trex>()?;
    if trex.track_id != tkhd.track_id {
        return Err(CmafError::Track { found: trex.track_id, expected: tkhd.track_id });
    }

    let hdlr_box = mdia.child(Hdlr::KIND)?;
    let stsd = mdia.child(Minf::KIND)?.child(Stbl::KIND)?.child(Stsd::KIND)?;
    let entry = only_sample_entry(&stsd)?;
    let sample_entry = match <[u8; 4]>::from(hdlr_box.decode::<Hdlr>()?.handler).as_slice() {
        b"vide" => Media::Video(video_entry(&entry)?),
        b"soun" => Media::Audio(audio_entry(&entry, timescale)?),
        _ => return Err(hdlr_box.unsupported("is neither of video nor of audio")),
    };
    Ok(Init {
        track_id: tkhd.track_id,
        timescale,
        composition_shift: composition_shift(&trak)?,
        states_loudness: states_loudness(&trak)?,
        defaults: SampleDefaults {
            duration: trex.default_sample_duration,
            size: trex.default_sample_size,
            flags: trex.default_sample_flags,
        },
        media: sample_entry,
    })
}

fn composition_shift(trak: &RawBox<'_>) -> Result<u64, CmafError> {
    let Some(edts) = trak.optional_child(Edts::KIND)? else {
        return Ok(0);
    };
    let elst_box = edts.child(Elst::KIND)?;
    let elst = elst_box.decode::<Elst>()?;
    let [entry] = elst.entries.as_slice() else {
        return Err(elst_box.unsupported("has not exactly one entry"));
    };
    if entry.media_rate != 1.into() {
        return Err(elst_box.unsupported("changes the speed"));
    }
    if entry.segment_duration != 0 {
        return Err(elst_box.unsupported("ends before the track does"));
    }
    entry.media_time.ok_or_else(|| elst_box.unsupported("has an empty edit"))
}

fn states_loudness(trak: &RawBox<'_>) -> Result<bool, CmafError> {
    let Some(udta) = trak.optional_child(FourCC::new(b"udta"))? else {
        return Ok(false);
    };
    Ok(udta.optional_child(FourCC::new(b"ludt"))?.is_some())
}

fn only_sample_entry<'a>(stsd: &RawBox<'a>) -> Result<RawBox<'a>, CmafError> {
    let Some(([_, _, _, _, entry_count @ ..], entries)) = stsd.payload.split_first_chunk::<8>()
    else {
        return Err(stsd.malformed(mp4_atom::Error::OutOfBounds));
    };
    let mut found = boxes(entries);
    match (u32::from_be_bytes(*entry_count), found.next(), found.next()) {
        (1, Some(entry), None) => entry,
        _ => Err(stsd.unsupported("has not exactly one sample entry")),
    }
}

fn video_entry(entry: &RawBox<'_>) -> Result<VideoEntry, CmafError> {
    if ![Avc1::KIND, Avc3::KIND].contains(&entry.kind) {
        return Err(CmafError::SampleEntry(entry.kind));
    }
    let (visual, children) = decode_fields::<Visual>(entry)?;
    let colr = at_most_one(children, Colr::KIND)?.map(|colr| colr.decode::<Colr>()).transpose()?;
    let pasp = at_most_one(children, Pasp::KIND)?.map(|pasp| pasp.decode::<Pasp>()).transpose()?;
    Ok(VideoEntry {
        fourcc: entry.kind,
        width: visual.width,
        height: visual.height,
        avcc: one(children, Avcc::KIND)?.payload.to_vec(),
        pixel_aspect_ratio: pasp.map(|pasp| (pasp.h_spacing, pasp.v_spacing)),
        colour: colr.as_ref().and_then(colour),
    })
}

fn colour(colr: &Colr) -> Option<Colour> {
    match *colr {
        Colr::Nclx {
            colour_primaries: primaries,
            transfer_characteristics: transfer,
            matrix_coefficients: matrix,
            full_range_flag: full_range,
        } => Some(Colour { primaries, transfer, matrix, full_range }),
        _ => None,
    }
}

fn audio_entry(entry: &RawBox<'_>, timescale: u32) -> Result<AudioEntry, CmafError> {
    if entry.kind != Mp4a::KIND {
        return Err(CmafError::SampleEntry(entry.kind));
    }
    let (audio, children) = decode_fields::<Audio>(entry)?;
    let esds_box = one(children, Esds::KIND)?;
    if esds_box.payload.len() > MAX_ESDS_SIZE {
        return Err(esds_box.unsupported("is too long"));
    }
    let esds = esds_box.decode::<Esds>()?;
    let dec_specific = esds.es_desc.dec_config.dec_specific;
    let sample_rate = match audio.sample_rate.integer() {
        0 => timescale,
        rate => rate.into(),
    };
    Ok(AudioEntry {
        fourcc: entry.kind,
        channels: audio.channel_count,
        sample_rate,
        audio_specific_config: dec_specific
            .ok_or_else(|| esds_box.unsupported("has no AudioSpecificConfig"))?
            .raw,
    })
}

/// The fixed fields at the front of a sample entry, and the boxes after them.
fn decode_fields<'a, T: Decode>(entry: &RawBox<'a>) -> Result<(T, &'a [u8]), CmafError> {
    let mut rest = entry.payload;
    let fields = T::decode(&mut rest).map_err(|source| entry.malformed(source))?;
    Ok((fields, rest))
}
