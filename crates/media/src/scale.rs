//! Scaling, one size after the other: each rung's picture is made from the one above it, which costs a fraction of scaling each from the
//! source.

use ffmpeg_next::format::Pixel;
use ffmpeg_next::software::scaling::{Context, Flags};
use ffmpeg_next::{color, frame};

use crate::{MediaError, ffi};

/// Makes pictures of one size, 8-bit 4:2:0, from whatever comes.
pub struct Scaler {
    width: u32,
    height: u32,
    context: Option<Context>,
    /// Whether `context` is for pictures of full range.
    full_range: bool,
    output: frame::Video,
}

impl Scaler {
    /// A scaler to `width` x `height`.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        Self { width, height, context: None, full_range: false, output: frame::Video::empty() }
    }

    /// The picture in this scaler's size: `input` itself where it fits already.
    ///
    /// # Errors
    /// If libswscale cannot convert such a picture.
    pub fn scale<'a>(
        &'a mut self,
        input: &'a mut frame::Video,
    ) -> Result<&'a mut frame::Video, MediaError> {
        let fits = (input.width(), input.height()) == (self.width, self.height);
        if fits && input.format() == Pixel::YUV420P && !is_full_range(input) {
            return Ok(input);
        }
        let mut context = self.context_for(input)?;
        context.run(input, &mut self.output).map_err(MediaError::ffmpeg("scaling"))?;
        self.context = Some(context);
        self.output.set_color_space(input.color_space());
        self.output.set_color_primaries(input.color_primaries());
        self.output.set_color_transfer_characteristic(input.color_transfer_characteristic());
        self.output.set_color_range(color::Range::MPEG);
        Ok(&mut self.output)
    }

    /// The context for pictures like `input`; a new one where the source changes its size or format in mid-file.
    fn context_for(&mut self, input: &frame::Video) -> Result<Context, MediaError> {
        let alike = |context: &Context| {
            let of = context.input();
            (of.format, of.width, of.height) == (input.format(), input.width(), input.height())
        };
        let full_range = is_full_range(input);
        if let Some(context) = self.context.take().filter(alike)
            && self.full_range == full_range
        {
            return Ok(context);
        }
        // Without these two flags the bytes depend on the CPU's features.
        let flags = Flags::BICUBIC | Flags::ACCURATE_RND | Flags::BITEXACT;
        let mut context = Context::get(
            input.format(),
            input.width(),
            input.height(),
            Pixel::YUV420P,
            self.width,
            self.height,
            flags,
        )
        .map_err(MediaError::ffmpeg("preparing to scale"))?;
        self.full_range = full_range;
        ffi::set_input_range(&mut context, full_range);
        Ok(context)
    }
}

/// True if black is 0 and white the largest value, instead of 16 and 235 (ITU-R BT.601). Players expect the latter.
fn is_full_range(picture: &frame::Video) -> bool {
    picture.color_range() == color::Range::JPEG
}
