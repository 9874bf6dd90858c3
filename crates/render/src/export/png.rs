//! Writes the pictures as PNG files of a folder, numbered from 1. Without a rate, each picture of the edit is
//! written once, however long it is shown; with one, a picture is written for each tick, as converters expect it.

use snaplark_core::render::RenderError;
use snaplark_files as files;

use super::pictures::{Rgba, ShownPicture, each_picture, rgba};
use super::{Export, ExportTarget};
use crate::codec::failed;

pub(super) fn write(export: &Export<'_>, target: &ExportTarget) -> Result<(), RenderError> {
    let fps = export.options.fps.map(u64::from);
    let mut number = 0;
    each_picture(export, export.options.fps, |ShownPicture { from_ms, to_ms, picture }| {
        let picture = rgba(&picture, export.options.width)?;
        let bytes = encode(&picture)?;
        let ticks = fps.map_or(1, |fps| {
            let until = |time_ms: u64| (time_ms * fps).div_ceil(1_000);
            until(to_ms).saturating_sub(until(from_ms)).max(1)
        });
        for _ in 0..ticks {
            export.check()?;
            number += 1;
            let path = target.part().join(format!("frame-{number:06}.png"));
            let write = || -> std::io::Result<()> {
                let mut file = files::create(&path)?;
                std::io::Write::write_all(&mut file, &bytes)
            };
            write().map_err(|error| target.unwritable(error))?;
        }
        Ok(())
    })
}

fn encode(picture: &Rgba) -> Result<Vec<u8>, RenderError> {
    let opaque: Vec<u8> =
        picture.pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&opaque).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
