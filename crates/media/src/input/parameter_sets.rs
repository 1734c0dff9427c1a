//! The parameter sets of an H.264 stream that a demuxer gives us: out of band, and again in the stream, where they may change.

use ::flv::{AccessUnit, AvcConfig, NalLengthSize, NalUnits, annex_b_nal_units};

const SPS: u8 = 7;
const PPS: u8 = 8;

/// The configuration in force.
pub(super) struct ParameterSets {
    /// Length of the NAL units' lengths; none if they have start codes (ITU-T H.264 annex B).
    nal_length: Option<NalLengthSize>,
    config: Option<AvcConfig>,
}

impl ParameterSets {
    /// From what the container keeps apart: an `AVCDecoderConfigurationRecord`, or parameter sets with start codes.
    pub(super) fn new(extradata: &[u8]) -> Self {
        let record = AvcConfig::parse(extradata).ok();
        let nal_length = record.as_ref().map(AvcConfig::nal_length_size);
        Self { nal_length, config: record.or_else(|| AvcConfig::from_annex_b(extradata).ok()) }
    }

    /// The configuration in force, if there is one yet.
    pub(super) fn config(&self) -> Option<&AvcConfig> {
        self.config.as_ref()
    }

    /// True if NAL units have start codes.
    pub(super) fn is_annex_b(&self) -> bool {
        self.nal_length.is_none()
    }

    /// What a frame says about starting to decode at it.
    pub(super) fn access_unit(&self, frame: &[u8]) -> AccessUnit {
        match self.nal_length {
            Some(length) => AccessUnit::of(NalUnits::new(frame, length).flatten()),
            None => AccessUnit::of(annex_b_nal_units(frame)),
        }
    }

    /// Adopts the parameter sets that a frame brings along; true if they are others than those in force.
    pub(super) fn adopt(&mut self, frame: &[u8]) -> bool {
        let units: Vec<&[u8]> = match self.nal_length {
            Some(length) => NalUnits::new(frame, length).filter_map(Result::ok).collect(),
            None => annex_b_nal_units(frame).collect(),
        };
        let of_kind = |kind: u8| units.iter().copied().filter(move |unit| is_of(unit, kind));
        let (sps, pps) = self.config().map_or((&[][..], &[][..]), |c| (c.sps(), c.pps()));
        let is_known = of_kind(SPS).all(|unit| sps.iter().any(|known| known == unit))
            && of_kind(PPS).all(|unit| pps.iter().any(|known| known == unit));
        if is_known {
            return false;
        }
        let mut annex_b = Vec::new();
        let kept = |kind: u8, known: &[Vec<u8>]| -> Vec<Vec<u8>> {
            let own: Vec<Vec<u8>> = of_kind(kind).map(<[u8]>::to_vec).collect();
            if own.is_empty() { known.to_vec() } else { own }
        };
        for unit in kept(SPS, sps).into_iter().chain(kept(PPS, pps)) {
            annex_b.extend_from_slice(&[0, 0, 0, 1]);
            annex_b.extend_from_slice(&unit);
        }
        match AvcConfig::from_annex_b(&annex_b) {
            Ok(config) => {
                self.config = Some(config);
                true
            }
            Err(_) => false,
        }
    }
}

fn is_of(unit: &[u8], kind: u8) -> bool {
    unit.first().is_some_and(|header| header & 0x1f == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Start codes before each unit.
    fn annex_b(units: &[&[u8]]) -> Vec<u8> {
        units.iter().flat_map(|unit| [&[0, 0, 0, 1], *unit].concat()).collect()
    }

    /// x264's, baseline, 320x240 and 640x360.
    const SMALL: [u8; 24] = [
        0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x42, 0xa4, 0x80,
    ];
    const OTHER: [u8; 25] = [
        0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03, 0x00,
        0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48,
    ];
    const PICTURE: [u8; 5] = [0x68, 0xcb, 0x83, 0xcb, 0x20];

    #[test]
    fn a_repeat_is_no_change_and_another_set_is() {
        let mut sets = ParameterSets::new(&annex_b(&[&SMALL, &PICTURE]));
        assert!(sets.is_annex_b());
        assert!(!sets.adopt(&annex_b(&[&SMALL, &PICTURE, &[0x65, 0x88]])), "a repeat");
        assert!(!sets.adopt(&annex_b(&[&[0x41, 0x9a]])), "no parameter sets at all");
        assert!(sets.adopt(&annex_b(&[&OTHER, &PICTURE, &[0x65, 0x88]])), "another SPS");
        assert_eq!(sets.config().unwrap().sps(), [OTHER.to_vec()]);
    }

    #[test]
    fn idr_pictures_are_found_behind_start_codes() {
        let sets = ParameterSets::new(&annex_b(&[&SMALL, &PICTURE]));
        assert!(sets.access_unit(&annex_b(&[&[0x09, 0xf0], &[0x65, 0x88]])).is_idr);
        assert!(!sets.access_unit(&annex_b(&[&[0x09, 0xf0], &[0x41, 0x9a]])).is_idr);
    }
}
