//! Labels of colour, and the conversion of colours that 8-bit H.264 is not shown in.

use ffmpeg_next::{color, frame};
use job::colour::{Colour, ColourPlan};

use crate::MediaError;
use tone_map::ToneMap;

mod tone_map;

/// Gives decoded pictures the colours of a presentation.
pub struct Colours {
    published: Colour,
    conversion: Option<Box<ToneMap>>,
}

impl Colours {
    /// For pictures that will be shown at `width` x `height` or less.
    #[must_use]
    pub fn new(plan: ColourPlan, width: u32, height: u32) -> Self {
        let conversion =
            plan.converts().then(|| Box::new(ToneMap::new(plan.source, width, height)));
        Self { published: plan.published, conversion }
    }

    /// The picture in the presentation's colours, labelled: `picture` itself if it only lacks the label.
    ///
    /// # Errors
    /// If libswscale cannot convert such a picture.
    pub fn apply<'a>(
        &'a mut self,
        picture: &'a mut frame::Video,
    ) -> Result<&'a mut frame::Video, MediaError> {
        let picture = match &mut self.conversion {
            Some(conversion) => conversion.run(picture)?,
            None => picture,
        };
        picture.set_color_space(space(self.published.matrix));
        picture.set_color_primaries(primaries(self.published.primaries));
        picture.set_color_transfer_characteristic(transfer(self.published.transfer));
        Ok(picture)
    }
}

fn space(matrix: u8) -> color::Space {
    match matrix {
        1 => color::Space::BT709,
        4 => color::Space::FCC,
        5 => color::Space::BT470BG,
        6 => color::Space::SMPTE170M,
        7 => color::Space::SMPTE240M,
        8 => color::Space::YCGCO,
        9 => color::Space::BT2020NCL,
        10 => color::Space::BT2020CL,
        _ => color::Space::Unspecified,
    }
}

fn primaries(code: u8) -> color::Primaries {
    match code {
        1 => color::Primaries::BT709,
        4 => color::Primaries::BT470M,
        5 => color::Primaries::BT470BG,
        6 => color::Primaries::SMPTE170M,
        7 => color::Primaries::SMPTE240M,
        8 => color::Primaries::Film,
        9 => color::Primaries::BT2020,
        11 => color::Primaries::SMPTE431,
        12 => color::Primaries::SMPTE432,
        _ => color::Primaries::Unspecified,
    }
}

fn transfer(code: u8) -> color::TransferCharacteristic {
    use color::TransferCharacteristic as Transfer;
    match code {
        1 => Transfer::BT709,
        4 => Transfer::GAMMA22,
        5 => Transfer::GAMMA28,
        6 => Transfer::SMPTE170M,
        7 => Transfer::SMPTE240M,
        8 => Transfer::Linear,
        11 => Transfer::IEC61966_2_4,
        13 => Transfer::IEC61966_2_1,
        14 => Transfer::BT2020_10,
        15 => Transfer::BT2020_12,
        _ => Transfer::Unspecified,
    }
}
