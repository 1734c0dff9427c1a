//! What the numbers of a picture's samples mean, by the code points of ITU-T H.273 (tables 2 to 4).

use serde::{Deserialize, Serialize};

use crate::ladder::Size;

const UNSPECIFIED: u8 = 2;
const BT709: u8 = 1;
const BT601: u8 = 6;
const BT2020: u8 = 9;
/// `MatrixCoefficients` of red, green and blue themselves.
const RGB: u8 = 0;
/// `TransferCharacteristics` of SMPTE ST 2084, the perceptual quantiser.
const PQ: u8 = 16;
/// `TransferCharacteristics` of hybrid log-gamma.
const HLG: u8 = 18;
/// Pictures with this short side and more are taken for BT.709 where nothing says what they are, smaller ones for BT.601, as players do.
const HIGH_DEFINITION: u32 = 720;

/// A colour description.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colour {
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
}

impl Default for Colour {
    fn default() -> Self {
        Self::all(UNSPECIFIED)
    }
}

/// How light is put into numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Light {
    /// As displays of standard dynamic range take it (ITU-R BT.1886).
    Standard,
    /// The perceptual quantiser (SMPTE ST 2084), as in HDR10.
    Pq,
    /// Hybrid log-gamma (ITU-R BT.2100).
    Hlg,
}

/// The colours of a presentation's encoded renditions, the same for all of them whatever their size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColourPlan {
    /// Those of the source's pictures; guessed, as players guess, where it does not say.
    pub source: Colour,
    /// Those that are published.
    pub published: Colour,
}

impl Colour {
    const fn all(code: u8) -> Self {
        Self { primaries: code, transfer: code, matrix: code }
    }

    /// How light is put into numbers.
    #[must_use]
    pub fn light(self) -> Light {
        match self.transfer {
            PQ => Light::Pq,
            HLG => Light::Hlg,
            _ => Light::Standard,
        }
    }

    /// What a picture of `size` is taken for where the source does not say.
    fn completed(self, size: Size) -> Self {
        // 0 and 3 are reserved, but for the matrix 0.
        let said = |code: u8| (!matches!(code, UNSPECIFIED | 3)).then_some(code);
        let matrix = said(self.matrix).filter(|matrix| *matrix != RGB);
        let primaries = said(self.primaries).filter(|primaries| *primaries != 0);
        let transfer = said(self.transfer).filter(|transfer| *transfer != 0);
        let is_wide = matrix == Some(BT2020)
            || primaries == Some(BT2020)
            || matches!(transfer, Some(PQ | HLG));
        let usual = match matrix {
            _ if is_wide => BT2020,
            Some(matrix @ (BT709 | 5 | BT601)) => matrix,
            _ if size.short_side() >= HIGH_DEFINITION => BT709,
            _ => BT601,
        };
        let matrix = matrix.unwrap_or(usual);
        let primaries = primaries.unwrap_or(usual);
        // What BT.601, BT.709 and BT.2020 say of it is one and the same curve.
        let transfer = transfer.unwrap_or(match usual {
            BT2020 | 5 => BT709,
            usual => usual,
        });
        Self { primaries, transfer, matrix }
    }
}

impl ColourPlan {
    /// For a source whose pictures are shown at `size`. High dynamic range and the wide colours of BT.2020 become BT.709, which is all that
    /// 8-bit H.264 is shown in; all else stays what it is, labelled.
    #[must_use]
    pub fn of(source: Colour, size: Size) -> Self {
        let source = source.completed(size);
        let is_wide = source.primaries == BT2020 || source.light() != Light::Standard;
        Self { source, published: if is_wide { Colour::all(BT709) } else { source } }
    }

    /// Whether the source's pictures must be converted, not only labelled.
    #[must_use]
    pub fn converts(self) -> bool {
        self.source != self.published
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_what_the_source_says_or_what_players_take_them_for() {
        let (hd, sd) = (Size { width: 1280, height: 720 }, Size { width: 720, height: 576 });
        let colour = |primaries, transfer, matrix| Colour { primaries, transfer, matrix };
        for (what, said, size, source, published) in [
            ("nothing, large", Colour::all(2), hd, Colour::all(1), Colour::all(1)),
            ("nothing, small", Colour::all(2), sd, Colour::all(6), Colour::all(6)),
            ("BT.601 that is large", Colour::all(6), hd, Colour::all(6), Colour::all(6)),
            ("PAL", Colour::all(5), sd, Colour::all(5), Colour::all(5)),
            ("a matrix alone", colour(2, 2, 1), sd, Colour::all(1), Colour::all(1)),
            ("RGB", colour(1, 13, 0), hd, colour(1, 13, 1), colour(1, 13, 1)),
            ("HDR10", colour(9, 16, 9), hd, colour(9, 16, 9), Colour::all(1)),
            ("a transfer alone", colour(2, 18, 2), hd, colour(9, 18, 9), Colour::all(1)),
            ("wide, not bright", colour(9, 14, 9), hd, colour(9, 14, 9), Colour::all(1)),
        ] {
            assert_eq!(ColourPlan::of(said, size), ColourPlan { source, published }, "{what}");
        }
    }
}
