//! A QR code as a picture.

use doorward_http::Error;
use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};

/// Pixels a module.
const SCALE: usize = 8;
/// Modules of white around the code (ISO/IEC 18004 §5.3.8).
const QUIET: usize = 4;

/// The QR code of a text, as a PNG in black and white.
pub fn png_of(text: &str) -> Result<Vec<u8>, Error> {
    // The longest names that may be fit only at the lower level.
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .or_else(|_| QrCode::with_error_correction_level(text, EcLevel::L))
        .map_err(|error| Error::Unavailable(error.into()))?;
    let modules = code.width();
    let side = (modules + 2 * QUIET) * SCALE;
    let colors = code.to_colors();
    let is_dark = |x: usize, y: usize| {
        let module = |pixel: usize| (pixel / SCALE).checked_sub(QUIET).filter(|module| *module < modules);
        matches!((module(x), module(y)), (Some(x), Some(y)) if colors[y * modules + x] == Color::Dark)
    };
    // One bit a pixel, white is one, each line in whole bytes; `side` is a multiple of eight.
    let byte = |x: usize, y: usize| (x..x + 8).fold(0, |byte, x| (byte << 1) | u8::from(!is_dark(x, y)));
    let pixels: Vec<u8> = (0..side).flat_map(|y| (0..side).step_by(8).map(move |x| byte(x, y))).collect();

    let fault = |error: png::EncodingError| Error::Unavailable(error.into());
    let side = u32::try_from(side).map_err(|error| Error::Unavailable(error.into()))?;
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    let mut writer = encoder.write_header().map_err(fault)?;
    writer.write_image_data(&pixels).and_then(|()| writer.finish()).map_err(fault)?;
    Ok(png)
}
