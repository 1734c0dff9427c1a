//! Profiles: what a ladder is made of, as TOML that an operator can read and change.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A profile as it stands in TOML and, whole, in every plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name; part of the plan's identity.
    pub name: String,
    /// Wanted length of a segment in milliseconds. Segments end at the next cut that the source allows.
    pub segment_ms: u32,
    /// Distance of IDR pictures in encoded rungs in milliseconds; divides `segment_ms`.
    pub idr_ms: u32,
    /// When the source's own bits become the top rung; absent means never.
    pub source_copy: Option<SourceCopy>,
    /// Whether no rung may cost more than it is worth: rungs that cost more than 9/10 of the bits of the rung above them, or of the copied
    /// source, are left out, and peak rates above the source's rate are lowered to it.
    pub prune: bool,
    /// Whether a storyboard and a poster are made. Absent means that they are; it is left out when written, so that profiles and plan
    /// ids from before there were pictures stay what they were.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub pictures: bool,
    /// The audio rendition.
    pub audio: AudioProfile,
    /// The rungs, from the largest to the smallest.
    #[serde(rename = "rung")]
    pub rungs: Vec<RungProfile>,
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
const fn is_yes(value: &bool) -> bool {
    *value
}

/// What a source must be to be copied, beyond what every player needs (H.264 up to High, 8-bit 4:2:0, progressive, square
/// pixels, one configuration, closed GOPs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceCopy {
    /// Longest distance of two keyframes in milliseconds.
    pub longest_gop_ms: u32,
    /// Highest rate over any GOP, in kilobits per second.
    pub peak_kbps: u32,
}

/// The audio rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AudioProfile {
    /// Whether stereo AAC-LC is copied as it is.
    pub copy: bool,
    /// Rate at which everything else is encoded, in kilobits per second.
    pub kbps: u32,
}

/// One rung. Rate control is capped CRF: the quality is constant until the peak rate is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungProfile {
    /// Length of the picture's short side in pixels.
    pub short_side: u32,
    /// x264's constant rate factor, 1 to 51; 0 would be lossless, which is no profile that players take.
    pub crf: u8,
    /// Peak rate (VBV `maxrate`) in kilobits per second.
    pub maxrate_kbps: u32,
    /// VBV buffer in kilobits.
    pub bufsize_kbps: u32,
    /// x264's preset.
    pub preset: Preset,
    /// x264's `subme`, how finely motion is searched, 1 to 10, where it is not the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subme: Option<u8>,
    /// x264's `trellis`, 0 to 2, where it is not the preset's: 1 spends few bits less on what is not seen, and little time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trellis: Option<u8>,
    /// Frames that x264 looks ahead to spend bits on what later pictures are made from (`rc-lookahead` with `mbtree`), 1 to 250, where it
    /// is not the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookahead: Option<u8>,
    /// How x264 moves bits from busy to flat parts of a picture, where it is not the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adaptive_quantization: Option<AdaptiveQuantization>,
    /// Highest frame rate; sources above it lose frames evenly.
    pub fps_cap: u32,
    /// The mean VMAF that the CRF was chosen for, 0 to 100, at the size of the largest rung. It changes no picture: `--measure` shows it beside
    /// what was reached. Content decides how near a recording comes. As every word of a profile, it is part of the plan's identity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vmaf: Option<u8>,
}

/// x264's adaptive quantization. Less of it gains VMAF and PSNR, and shows in dark, flat parts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveQuantization {
    /// `aq-mode`: 1 by the variance, 2 by the variance in relation to that of the whole picture, 3 as 2 with more bits for what is dark.
    pub mode: u8,
    /// `aq-strength` in per cent, 1 to 200; usual are 100.
    pub percent: u8,
}

/// x264's presets by their own names, `ultrafast` to `veryslow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are x264's and say all there is")]
pub enum Preset {
    Ultrafast,
    Superfast,
    Veryfast,
    Faster,
    Fast,
    Medium,
    Slow,
    Slower,
    Veryslow,
}

impl Preset {
    /// The name as x264 takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ultrafast => "ultrafast",
            Self::Superfast => "superfast",
            Self::Veryfast => "veryfast",
            Self::Faster => "faster",
            Self::Fast => "fast",
            Self::Medium => "medium",
            Self::Slow => "slow",
            Self::Slower => "slower",
            Self::Veryslow => "veryslow",
        }
    }
}

/// A profile that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// It is not TOML of the right shape.
    #[error("the profile does not read as TOML: {0}")]
    Syntax(String),
    /// It reads, but a value makes no sense.
    #[error("the profile {name:?} cannot be used: {reason}")]
    Senseless {
        /// The profile's name.
        name: String,
        /// What is wrong and what to do.
        reason: &'static str,
    },
}

const SHIPPED: [(&str, &str); 5] = [
    ("default", include_str!("../profiles/default.toml")),
    ("fast", include_str!("../profiles/fast.toml")),
    ("quality", include_str!("../profiles/quality.toml")),
    ("360", include_str!("../profiles/360.toml")),
    ("reference", include_str!("../profiles/reference.toml")),
];

impl Profile {
    /// The profile that is shipped under `name`; none if there is none.
    ///
    /// # Errors
    /// As [`Profile::parse`]; the shipped ones are tested, so never in practice.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Result<Self, ProfileError>> {
        let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Some(Self::parse(text))
    }

    /// The names of the shipped profiles.
    pub fn shipped_names() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// Reads a profile and refuses one that cannot work.
    ///
    /// # Errors
    /// If the text is not TOML of a profile's shape, or if a value makes no sense.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let profile: Self =
            toml::from_str(text).map_err(|error| ProfileError::Syntax(error.to_string()))?;
        match profile.fault() {
            None => Ok(profile),
            Some(reason) => Err(ProfileError::Senseless { name: profile.name, reason }),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        let sinking = |pair: &[RungProfile]| pair[0].short_side > pair[1].short_side;
        let checks = [
            (self.name.is_empty(), "give it a name"),
            (self.idr_ms < 500, "idr_ms must be at least 500"),
            (
                self.segment_ms < self.idr_ms || !self.segment_ms.is_multiple_of(self.idr_ms),
                "segment_ms must be a multiple of idr_ms, and at least idr_ms",
            ),
            (self.segment_ms > 30_000, "segment_ms must be at most 30000"),
            (self.rungs.is_empty(), "it needs at least one [[rung]]"),
            (
                !self.rungs.windows(2).all(sinking),
                "order the rungs from the largest to the smallest",
            ),
            (!(32..=512).contains(&self.audio.kbps), "audio.kbps must be between 32 and 512"),
        ];
        checks
            .into_iter()
            .find_map(|(fault, reason)| fault.then_some(reason))
            .or_else(|| self.rungs.iter().find_map(RungProfile::fault))
    }
}

impl RungProfile {
    fn fault(&self) -> Option<&'static str> {
        // A gigabit per second is more than any level of H.264 allows, and far from where x264's arithmetic ends.
        let rates = 1..=1_000_000;
        let checks = [
            (!(64..=4320).contains(&self.short_side), "short_side must be between 64 and 4320"),
            (!self.short_side.is_multiple_of(2), "short_side must be even"),
            (!(1..=51).contains(&self.crf), "crf must be between 1 and 51"),
            (!rates.contains(&self.maxrate_kbps), "maxrate_kbps must be between 1 and 1000000"),
            (!rates.contains(&self.bufsize_kbps), "bufsize_kbps must be between 1 and 1000000"),
            (!(1..=60).contains(&self.fps_cap), "fps_cap must be between 1 and 60"),
            (
                self.subme.is_some_and(|subme| !(1..=10).contains(&subme)),
                "subme must be between 1 and 10",
            ),
            (self.trellis.is_some_and(|trellis| trellis > 2), "trellis must be between 0 and 2"),
            (
                self.lookahead.is_some_and(|frames| !(1..=250).contains(&frames)),
                "lookahead must be between 1 and 250",
            ),
            (
                self.adaptive_quantization.is_some_and(|aq| !(1..=3).contains(&aq.mode)),
                "adaptive_quantization.mode must be between 1 and 3",
            ),
            (
                self.adaptive_quantization.is_some_and(|aq| !(1..=200).contains(&aq.percent)),
                "adaptive_quantization.percent must be between 1 and 200",
            ),
            (self.vmaf.is_some_and(|vmaf| vmaf > 100), "vmaf must be between 0 and 100"),
        ];
        checks.into_iter().find_map(|(fault, reason)| fault.then_some(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_profiles_read_and_carry_their_own_name() {
        for name in Profile::shipped_names() {
            assert_eq!(Profile::shipped(name).unwrap().unwrap().name, name);
        }
        assert!(Profile::shipped("no such").is_none());
    }

    #[test]
    fn senseless_profiles_are_refused_with_what_to_do() {
        let good = include_str!("../profiles/reference.toml");
        for (from, to, reason) in [
            ("idr_ms = 4000", "idr_ms = 3000", "segment_ms must be a multiple of idr_ms"),
            ("segment_ms = 4000", "segment_ms = 0", "and at least idr_ms"),
            (
                "maxrate_kbps = ",
                "maxrate_kbps = 1000001 # ",
                "maxrate_kbps must be between 1 and 1000000",
            ),
            (
                "bufsize_kbps = ",
                "bufsize_kbps = 1000001 # ",
                "bufsize_kbps must be between 1 and 1000000",
            ),
            (
                "short_side = 720",
                "short_side = 1440",
                "order the rungs from the largest to the smallest",
            ),
            ("crf = 23", "crf = 52", "crf must be between 1 and 51"),
            ("crf = 23", "crf = 0", "crf must be between 1 and 51"),
            ("short_side = 360", "short_side = 361", "short_side must be even"),
            ("fps_cap = 60", "fps_cap = 60\nsubme = 0", "subme must be between 1 and 10"),
            ("fps_cap = 60", "fps_cap = 60\ntrellis = 3", "trellis must be between 0 and 2"),
            ("fps_cap = 60", "fps_cap = 60\nlookahead = 0", "lookahead must be between 1 and 250"),
            (
                "fps_cap = 60",
                "fps_cap = 60\nadaptive_quantization = { mode = 4, percent = 50 }",
                "mode must be between 1 and 3",
            ),
            (
                "fps_cap = 60",
                "fps_cap = 60\nadaptive_quantization = { mode = 2, percent = 0 }",
                "percent must be between 1 and 200",
            ),
            ("fps_cap = 60", "fps_cap = 60\nvmaf = 101", "vmaf must be between 0 and 100"),
        ] {
            assert!(good.contains(from));
            let error = Profile::parse(&good.replacen(from, to, 1)).unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
        assert!(Profile::parse(&good.replace("crf", "cfr")).is_err(), "unknown fields are typos");
    }
}
