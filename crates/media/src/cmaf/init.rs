//! Writing init segments: `ftyp` and a `moov` of one track without samples.
//!
//! The containers are written here rather than through mp4-atom's `Moov`, because that puts `mvex`
//! before `trak` and `vmhd` after `stbl`, where players' parsers have never seen them, and encodes
//! an avcC anew where ours is to be kept to the byte.

use mp4_atom::esds::{DecoderConfig, DecoderSpecific, EsDescriptor, SLConfig};
use mp4_atom::{
    Atom, Audio, Avc1, Avcc, BufMut, Colr, Dinf, Dref, Edts, Elst, ElstEntry, Encode, Esds, FourCC,
    Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mp4a, Mvex, Mvhd, Pasp, Smhd, Stbl, Stco, Stsc, Stsd, Stsz,
    Stts, Tkhd, Trak, Trex, Url, Visual, Vmhd,
};

use super::{CmafError, TRACK_ID};

/// Colour of the pictures as the code points of ITU-T H.273, for the `colr` box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Colour primaries.
    pub primaries: u16,
    /// Transfer characteristics.
    pub transfer: u16,
    /// Matrix coefficients.
    pub matrix: u16,
    /// Whether samples use the full range of values.
    pub full_range: bool,
}

/// What the init segment of an AVC track says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoInit<'a> {
    /// Ticks per second of all the track's times.
    pub timescale: u32,
    /// Width of the pictures after cropping, in (square) pixels.
    pub width: u16,
    /// Height of the pictures after cropping, in (square) pixels.
    pub height: u16,
    /// The `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15, 5.3.3.1), written as it is.
    pub avcc: &'a [u8],
    /// What the edit list takes away from all composition times, in ticks.
    pub composition_shift: u64,
    /// Colour, if known.
    pub colour: Option<Colour>,
}

/// Bit rates of an audio track, in bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bitrate {
    /// Average; 0 means that it varies or is not known.
    pub average: u32,
    /// Maximum over any second.
    pub maximum: u32,
}

/// What the init segment of an AAC track says. Its timescale is the sample rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioInit<'a> {
    /// Samples per second, and the track's timescale.
    pub sample_rate: u32,
    /// Number of channels.
    pub channels: u16,
    /// The `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1), written as it is.
    pub audio_specific_config: &'a [u8],
    /// Bit rates, if known.
    pub bitrate: Option<Bitrate>,
}

impl VideoInit<'_> {
    /// The init segment's bytes.
    ///
    /// # Errors
    ///
    /// [`CmafError::NoDecoderConfiguration`] if the avcC is empty, [`CmafError::Unwritable`] if a
    /// value does not fit in its field.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CmafError> {
        if self.avcc.is_empty() {
            return Err(CmafError::NoDecoderConfiguration);
        }
        let track = Track {
            timescale: self.timescale,
            composition_shift: self.composition_shift,
            handler: FourCC::new(b"vide"),
            tkhd: Tkhd { width: self.width.into(), height: self.height.into(), ..Tkhd::default() },
            media_header: Vmhd::default(),
        };
        init_segment(track, |out| self.sample_entry(out))
    }

    fn sample_entry(&self, out: &mut Vec<u8>) -> mp4_atom::Result<()> {
        out.encode_atom(Avc1::KIND, |out| {
            let visual = Visual {
                data_reference_index: 1,
                width: self.width,
                height: self.height,
                ..Visual::default()
            };
            visual.encode(out)?;
            out.encode_atom(Avcc::KIND, |out| {
                out.extend_from_slice(self.avcc);
                Ok(())
            })?;
            let colr = self.colour.map(|colour| Colr::Nclx {
                colour_primaries: colour.primaries,
                transfer_characteristics: colour.transfer,
                matrix_coefficients: colour.matrix,
                full_range_flag: colour.full_range,
            });
            colr.encode(out)?;
            let square_pixels = Pasp { h_spacing: 1, v_spacing: 1 };
            square_pixels.encode(out)
        })
    }
}

impl AudioInit<'_> {
    /// The init segment's bytes.
    ///
    /// # Errors
    ///
    /// [`CmafError::NoDecoderConfiguration`] if the `AudioSpecificConfig` is empty,
    /// [`CmafError::Unwritable`] if a value does not fit in its field.
    pub fn to_bytes(&self) -> Result<Vec<u8>, CmafError> {
        if self.audio_specific_config.is_empty() {
            return Err(CmafError::NoDecoderConfiguration);
        }
        let track = Track {
            timescale: self.sample_rate,
            composition_shift: 0,
            handler: FourCC::new(b"soun"),
            tkhd: Tkhd { volume: 1.into(), ..Tkhd::default() },
            media_header: Smhd::default(),
        };
        init_segment(track, |out| self.sample_entry().encode(out))
    }

    fn sample_entry(&self) -> Mp4a {
        // The field has 16 bits before its point; a greater rate is left to the timescale and the
        // AudioSpecificConfig, as FFmpeg does.
        let sample_rate = u16::try_from(self.sample_rate).unwrap_or(0);
        let bitrate = self.bitrate.unwrap_or_default();
        let dec_specific = DecoderSpecific {
            raw: self.audio_specific_config.to_vec(),
            ..DecoderSpecific::default()
        };
        Mp4a {
            audio: Audio {
                data_reference_index: 1,
                channel_count: self.channels,
                sample_size: 16,
                sample_rate: sample_rate.into(),
            },
            esds: Esds {
                es_desc: EsDescriptor {
                    // 0 in a file: the track says which stream it is (ISO/IEC 14496-14, ESDBox).
                    es_id: 0,
                    dec_config: DecoderConfig {
                        object_type_indication: OBJECT_TYPE_MPEG4_AUDIO,
                        stream_type: STREAM_TYPE_AUDIO,
                        max_bitrate: bitrate.maximum,
                        avg_bitrate: bitrate.average,
                        dec_specific: Some(dec_specific),
                        ..DecoderConfig::default()
                    },
                    sl_config: SLConfig::default(),
                    ..EsDescriptor::default()
                },
            },
            btrt: None,
            taic: None,
        }
    }
}

/// ISO/IEC 14496-1, 7.2.6.6.
const OBJECT_TYPE_MPEG4_AUDIO: u8 = 0x40;
/// ISO/IEC 14496-1, 7.2.6.6.
const STREAM_TYPE_AUDIO: u8 = 0x05;

/// What differs between the kinds of track outside of their sample entry.
struct Track<H> {
    timescale: u32,
    composition_shift: u64,
    handler: FourCC,
    tkhd: Tkhd,
    media_header: H,
}

fn init_segment<H: Encode>(
    track: Track<H>,
    sample_entry: impl FnOnce(&mut Vec<u8>) -> mp4_atom::Result<()>,
) -> Result<Vec<u8>, CmafError> {
    let mut out = Vec::new();
    file_type()
        .encode(&mut out)
        .and_then(|()| {
            out.encode_atom(Moov::KIND, |out| {
                movie_header(track.timescale).encode(out)?;
                out.encode_atom(Trak::KIND, |out| track_box(track, sample_entry, out))?;
                movie_extends().encode(out)
            })
        })
        .map_err(|source| CmafError::Unwritable { kind: Moov::KIND, source })?;
    Ok(out)
}

/// `iso6` has all that is used here; `cmfc` says CMAF. Not `cmf2`, which forbids edit lists.
fn file_type() -> Ftyp {
    Ftyp {
        major_brand: b"iso6".into(),
        minor_version: 0,
        compatible_brands: vec![b"iso6".into(), b"cmfc".into(), b"mp41".into()],
    }
}

fn movie_header(timescale: u32) -> Mvhd {
    Mvhd {
        creation_time: 0,
        modification_time: 0,
        timescale,
        duration: 0,
        rate: 1.into(),
        volume: 1.into(),
        matrix: mp4_atom::Matrix::default(),
        next_track_id: TRACK_ID + 1,
    }
}

/// The defaults are all in `tfhd`, so that each fragment stands alone.
fn movie_extends() -> Mvex {
    Mvex {
        mehd: None,
        trex: vec![Trex {
            track_id: TRACK_ID,
            default_sample_description_index: 1,
            ..Trex::default()
        }],
    }
}

fn track_box<H: Encode>(
    track: Track<H>,
    sample_entry: impl FnOnce(&mut Vec<u8>) -> mp4_atom::Result<()>,
    out: &mut Vec<u8>,
) -> mp4_atom::Result<()> {
    let tkhd = Tkhd { track_id: TRACK_ID, enabled: true, in_movie: true, ..track.tkhd };
    tkhd.encode(out)?;
    edit_list(track.composition_shift).encode(out)?;
    out.encode_atom(Mdia::KIND, |out| {
        let mdhd = Mdhd { timescale: track.timescale, language: "und".into(), ..Mdhd::default() };
        mdhd.encode(out)?;
        let hdlr = Hdlr { handler: track.handler, name: String::new() };
        hdlr.encode(out)?;
        out.encode_atom(Minf::KIND, |out| {
            track.media_header.encode(out)?;
            let this_file = Dref { entries: vec![Url::default().into()] };
            Dinf { dref: this_file }.encode(out)?;
            sample_table(sample_entry, out)
        })
    })
}

/// A duration of 0 means "to the end", whatever fragments follow (ISO/IEC 14496-12, 8.6.6).
fn edit_list(composition_shift: u64) -> Option<Edts> {
    let entry = ElstEntry {
        segment_duration: 0,
        media_time: Some(composition_shift),
        media_rate: 1.into(),
    };
    let elst = Elst { entries: vec![entry] };
    (composition_shift > 0).then_some(Edts { elst: Some(elst) })
}

fn sample_table(
    sample_entry: impl FnOnce(&mut Vec<u8>) -> mp4_atom::Result<()>,
    out: &mut Vec<u8>,
) -> mp4_atom::Result<()> {
    out.encode_atom(Stbl::KIND, |out| {
        out.encode_atom(Stsd::KIND, |out| {
            let (version_and_flags, entry_count) = (0u32, 1u32);
            version_and_flags.encode(out)?;
            entry_count.encode(out)?;
            sample_entry(out)
        })?;
        Stts::default().encode(out)?;
        Stsc::default().encode(out)?;
        Stsz::default().encode(out)?;
        Stco::default().encode(out)
    })
}
