//! The one file with `unsafe`: fields and calls of libav that `ffmpeg-next` does not wrap.
#![expect(unsafe_code, reason = "see the module's documentation")]

use std::ptr;

use ffmpeg_next::codec;
use ffmpeg_next::codec::packet::Ref;
use ffmpeg_next::ffi::{
    AV_INPUT_BUFFER_PADDING_SIZE, AV_PIX_FMT_FLAG_RGB, AV_PKT_FLAG_DISCARD, AVChannelLayout,
    AVSEEK_FLAG_BACKWARD, FF_QP2LAMBDA, SWS_CS_ITU709, av_channel_layout_default, av_free,
    av_mallocz, av_seek_frame, sws_getCoefficients, sws_setColorspaceDetails,
};
use ffmpeg_next::format::context::Input;
use ffmpeg_next::software::scaling;
use ffmpeg_next::util::format::pixel::Descriptor;
use ffmpeg_next::{Packet, frame};
use job::colour::Colour;

/// Gives a codec context that is not yet open its extradata. Returns false if memory is short.
pub(crate) fn set_extradata(context: &mut codec::Context, bytes: &[u8]) -> bool {
    // Lossless: the constant is 64.
    let padding = AV_INPUT_BUFFER_PADDING_SIZE as usize;
    let Ok(length) = i32::try_from(bytes.len()) else { return false };
    // SAFETY: the context is valid as long as the borrow. The buffer is allocated by libav's allocator with the padding that libavcodec
    // asks for, zeroed, and `bytes.len()` bytes of it are written; the context owns it from then on and frees it. A former buffer was
    // allocated the same way and is freed first.
    unsafe {
        let context = context.as_mut_ptr();
        let buffer = av_mallocz(bytes.len() + padding).cast::<u8>();
        if buffer.is_null() {
            return false;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len());
        av_free((*context).extradata.cast());
        (*context).extradata = buffer;
        (*context).extradata_size = length;
    }
    true
}

/// The extradata of a codec context: empty if it has none.
pub(crate) fn extradata(context: &codec::Context) -> &[u8] {
    // SAFETY: the context is valid as long as the borrow, which the slice shares; libavcodec keeps `extradata_size` bytes at
    // `extradata` and changes neither after opening.
    unsafe {
        let context = context.as_ptr();
        slice((*context).extradata, (*context).extradata_size)
    }
}

/// The extradata of stream parameters: empty if they have none.
pub(crate) fn parameters_extradata(parameters: &codec::Parameters) -> &[u8] {
    // SAFETY: as above, for the parameters of an open input.
    unsafe {
        let parameters = parameters.as_ptr();
        slice((*parameters).extradata, (*parameters).extradata_size)
    }
}

/// # Safety
/// `start` is null or points to `length` readable bytes that live as long as the caller says.
unsafe fn slice<'a>(start: *const u8, length: i32) -> &'a [u8] {
    match usize::try_from(length) {
        // SAFETY: promised by the caller.
        Ok(length) if !start.is_null() && length > 0 => unsafe {
            std::slice::from_raw_parts(start, length)
        },
        _ => &[],
    }
}

/// Picture size and sample aspect ratio of stream parameters, as the demuxer found them.
pub(crate) fn parameters_picture(parameters: &codec::Parameters) -> (u32, u32, (u32, u32)) {
    // SAFETY: the parameters are valid as long as the borrow; the fields are plain integers.
    let (width, height, aspect) = unsafe {
        let parameters = parameters.as_ptr();
        ((*parameters).width, (*parameters).height, (*parameters).sample_aspect_ratio)
    };
    let positive = |value: i32| u32::try_from(value).unwrap_or(0);
    let aspect = match (positive(aspect.num), positive(aspect.den)) {
        (0, _) | (_, 0) => (1, 1),
        aspect => aspect,
    };
    (positive(width), positive(height), aspect)
}

/// What the samples of stream parameters mean: the code points are those of ITU-T H.273.
pub(crate) fn parameters_colour(parameters: &codec::Parameters) -> Colour {
    // SAFETY: as above; the fields are read as the integers that C has them as.
    let codes = unsafe {
        let parameters = parameters.as_ptr();
        [
            (*parameters).color_primaries as u32,
            (*parameters).color_trc as u32,
            (*parameters).color_space as u32,
        ]
    };
    let [primaries, transfer, matrix] = codes.map(|code| u8::try_from(code).unwrap_or(2));
    Colour { primaries, transfer, matrix }
}

/// Samples per second and channels of stream parameters, as the demuxer found them.
pub(crate) fn parameters_sound(parameters: &codec::Parameters) -> (u32, u16) {
    // SAFETY: as above.
    let (sample_rate, channels) = unsafe {
        let parameters = parameters.as_ptr();
        ((*parameters).sample_rate, (*parameters).ch_layout.nb_channels)
    };
    (u32::try_from(sample_rate).unwrap_or(0), u16::try_from(channels).unwrap_or(0))
}

/// Tells a decoder of headerless audio what it gets.
pub(crate) fn set_audio_format(context: &mut codec::Context, sample_rate: u32, channels: u16) {
    // SAFETY: the context is valid as long as the borrow; `av_channel_layout_default` initialises the layout in place.
    unsafe {
        let context = context.as_mut_ptr();
        (*context).sample_rate = i32::try_from(sample_rate).unwrap_or(0);
        let layout: *mut AVChannelLayout = &raw mut (*context).ch_layout;
        av_channel_layout_default(layout, i32::from(channels));
    }
}

/// Keeps the libraries to instructions that every CPU of the architecture has, in the whole process: sums with FMA are rounded otherwise, and
/// so are those that wider registers take in another order. Has no effect on what is open already, on libx264 and where no such
/// instructions are known to matter.
pub(crate) fn use_common_instructions() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: it sets a number that is read when a codec, resampler or scaler is opened.
    unsafe {
        use ffmpeg_next::ffi::{
            AV_CPU_FLAG_CMOV, AV_CPU_FLAG_MMX, AV_CPU_FLAG_MMXEXT, AV_CPU_FLAG_SSE,
            AV_CPU_FLAG_SSE2, av_force_cpu_flags,
        };
        let scalar = AV_CPU_FLAG_CMOV | AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT;
        av_force_cpu_flags(scalar | AV_CPU_FLAG_SSE | AV_CPU_FLAG_SSE2);
    }
}

/// True if a packet is to be decoded and its picture not shown.
pub(crate) fn is_discarded(packet: &Packet) -> bool {
    // SAFETY: the packet is valid as long as the borrow; the field is a plain integer.
    let flags = unsafe { (*packet.as_ptr()).flags };
    flags & AV_PKT_FLAG_DISCARD != 0
}

/// True for a format of red, green and blue.
pub(crate) fn is_rgb(format: Descriptor) -> bool {
    // SAFETY: descriptors are constants of libavutil.
    let flags = unsafe { (*format.as_ptr()).flags };
    flags & u64::from(AV_PIX_FMT_FLAG_RGB.unsigned_abs()) != 0
}

/// Makes a scaler from red, green and blue use the weights of BT.709 instead of BT.601's. Not for other pictures: it takes their range for
/// limited.
pub(crate) fn make_bt709_of_rgb(context: &mut scaling::Context) {
    const ONE: i32 = 1 << 16;
    // SAFETY: the context is valid and borrowed exclusively; the tables are libswscale's own constants, of which it makes copies.
    unsafe {
        let bt709 = sws_getCoefficients(SWS_CS_ITU709);
        let context = context.as_mut_ptr();
        sws_setColorspaceDetails(context, bt709, 0, bt709, 0, 0, ONE, ONE);
    }
}

/// Tells an encoder with a fixed quantiser scale which one it is for this picture.
pub(crate) fn set_quantiser(picture: &mut frame::Video, scale: u16) {
    // SAFETY: the frame is borrowed exclusively; the field is a plain integer.
    unsafe { (*picture.as_mut_ptr()).quality = i32::from(scale) * FF_QP2LAMBDA };
}

/// Seeks to the keyframe of a stream at or before `dts`. False if the demuxer cannot.
pub(crate) fn seek(input: &mut Input, stream: usize, dts: i64) -> bool {
    let Ok(stream) = i32::try_from(stream) else { return false };
    // SAFETY: the input is open and borrowed exclusively.
    unsafe { av_seek_frame(input.as_mut_ptr(), stream, dts, AVSEEK_FLAG_BACKWARD) >= 0 }
}
