//! Measures how long the export of a picture of 3840x2160 takes, with one shape of each kind, and how large the
//! files are; and the same of a photo, which is the most work for PNG. docs/screenshots.md has the figures. `picture-cost FOLDER` keeps the files there, to be compared with what
//! other encoders make of them.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use snaplark_core::edit::{Area, Canvas, Drawing, Point, Rgb, Shape, ShapeKind};
use snaplark_core::render::{PictureFormat, PictureRecipe, Render as _, RenderProgress};
use snaplark_render::SystemRender;

const SIZE: (u32, u32) = (3840, 2160);
/// A time that a person doesn't notice as a wait after Alt+C.
const LIMIT: Duration = Duration::from_millis(500);
/// The best of these is taken: the others measure what else the machine does.
const RUNS: u32 = 5;
/// A WebP of one black pixel.
const ONE_PIXEL: &[u8] =
    b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0";

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let source = screen()?;
    let photo = photo()?;
    println!("{}x{}, one shape of each kind, best of {RUNS}:", SIZE.0, SIZE.1);
    let measured = [
        ("PNG", &source, PictureFormat::Png),
        ("JPEG, quality 90", &source, PictureFormat::Jpeg { quality: 90 }),
        ("WebP, lossless", &source, PictureFormat::WebpLossless),
        ("photo as PNG", &photo, PictureFormat::Png),
    ];
    let drawing = Drawing { canvas: Canvas::default(), shapes: shapes() };
    for (name, source, format) in measured {
        let (took, file) = best(source, &drawing, format)?;
        println!("  {name:18} {:4} ms {:6} KB", took.as_millis(), file.len() / 1000);
        if let Some(folder) = &folder {
            std::fs::write(folder.join(name.split(',').next().unwrap_or(name)), &file)?;
        }
        if format == PictureFormat::Png {
            ensure!(took < LIMIT, "the {name} took {took:?}; it may take {LIMIT:?}");
        }
    }
    Ok(())
}

fn best(source: &[u8], drawing: &Drawing, format: PictureFormat) -> Result<(Duration, Vec<u8>)> {
    let recipe = PictureRecipe { source, drawing, format };
    let mut best = (Duration::MAX, Vec::new());
    for _ in 0..RUNS {
        let began = Instant::now();
        let file = SystemRender.picture(&recipe, &RenderProgress::default())?;
        let took = began.elapsed();
        if took < best.0 {
            best = (took, file);
        }
    }
    Ok(best)
}

/// Returns a PNG of something like a photo: soft colors, and the noise of a camera in each pixel.
fn photo() -> Result<Vec<u8>> {
    let (width, height) = SIZE;
    let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
    let mut random = 7_u32;
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        for channel in 1..=3 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let soft = (x * channel / 60 + y / (9 * channel)) % 240;
            pixels.push((soft + (random >> 24) % 13) as u8);
        }
    }
    // Each row as the difference to the one above, as screenshots are stored.
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args(["-s", &format!("{width}x{height}"), "-i", "-"])
        .args(["-c:v", "png", "-pred", "up", "-compression_level", "1", "-f", "image2pipe", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("ffmpeg can't be started")?;
    // It writes nothing before it has read all of the only frame.
    ffmpeg.stdin.take().context("ffmpeg reads nothing")?.write_all(&pixels)?;
    let out = ffmpeg.wait_with_output()?;
    ensure!(out.status.success(), "ffmpeg failed");
    Ok(out.stdout)
}

/// Returns a PNG of a screen with a wallpaper of many colors and four windows full of text.
fn screen() -> Result<Vec<u8>> {
    let line = "The quick brown fox jumps over the lazy dog; 0123456789, and once more: {[(<>)]}\n";
    let text = |id, at, color| {
        let (text, plate) = (line.repeat(44), false);
        Shape { id, kind: ShapeKind::Text { at, text, size_px: 16, color: Rgb(color), plate } }
    };
    let window = |id, area, color| {
        let (radius_px, filled, width_px) = (12, true, 1);
        let color = Rgb(color);
        Shape { id, kind: ShapeKind::Box { area, radius_px, filled, color, width_px } }
    };
    let mut shapes = Vec::new();
    for (index, (x, y)) in [(80, 80), (1980, 80), (80, 1120), (1980, 1120)].into_iter().enumerate()
    {
        let id = index as u32 * 2;
        let dark = index % 2 == 0;
        let (paper, ink) = if dark { ([30; 3], [220; 3]) } else { ([255; 3], [20; 3]) };
        shapes.push(window(id, Area { x, y, width: 1780, height: 960 }, paper));
        shapes.push(text(id + 1, Point { x: x + 30, y: y + 30 }, ink));
    }
    let paint = snaplark_core::edit::Paint::Gradient {
        from: Rgb([58, 28, 113]),
        to: Rgb([255, 175, 123]),
        degrees: 120,
    };
    // One pixel with padding is a wallpaper: the crop of the next step takes what is needed.
    let background =
        snaplark_core::edit::Background { paint, padding_px: 2_000, radius_px: 0, shadow: false };
    let wallpaper = Canvas { background: Some(background), ..Canvas::default() };
    let format = PictureFormat::Png;
    let flat = |source: &[u8], drawing: &Drawing| {
        let recipe = PictureRecipe { source, drawing, format };
        SystemRender.picture(&recipe, &RenderProgress::default())
    };
    let wall = flat(ONE_PIXEL, &Drawing { canvas: wallpaper, shapes: Vec::new() })?;
    let crop = Some(Area { x: 0, y: 0, width: SIZE.0, height: SIZE.1 });
    let canvas = Canvas { crop, ..Canvas::default() };
    Ok(flat(&wall, &Drawing { canvas, shapes })?)
}

fn shapes() -> Vec<Shape> {
    let red = Rgb([255, 59, 48]);
    let yellow = Rgb([255, 214, 10]);
    let point = |x, y| Point { x, y };
    let area = |x, y| Area { x, y, width: 600, height: 300 };
    let wave: Vec<Point> = (0..200).map(|at| point(2000 + at * 5, 700 + (at * 37 % 90))).collect();
    let text = "Look here: مرحبا\nand there".to_owned();
    let kinds = vec![
        ShapeKind::Arrow {
            from: point(200, 200),
            to: point(900, 500),
            bend: Some(point(800, 100)),
            color: red,
            width_px: 10,
        },
        ShapeKind::Line { from: point(200, 900), to: point(900, 950), color: red, width_px: 6 },
        ShapeKind::Box {
            area: area(1000, 200),
            radius_px: 12,
            filled: false,
            color: red,
            width_px: 8,
        },
        ShapeKind::Ellipse { area: area(1000, 700), filled: false, color: red, width_px: 8 },
        ShapeKind::Pen { points: wave.clone(), color: red, width_px: 8 },
        ShapeKind::Marker { points: wave, color: yellow, width_px: 40 },
        ShapeKind::Text { at: point(2000, 200), text, size_px: 64, color: yellow, plate: true },
        ShapeKind::Step { at: point(300, 1300), number: 1, size_px: 80, color: red },
        ShapeKind::Emoji { at: point(500, 1300), emoji: "👍".to_owned(), size_px: 96 },
        ShapeKind::Blur { area: area(1000, 1200), radius_px: 16 },
        ShapeKind::Pixelate { area: area(1700, 1200), block_px: 16 },
        ShapeKind::Cover { area: area(2400, 1200), color: Rgb([20, 20, 24]) },
        ShapeKind::Spotlight { area: Area { x: 100, y: 100, width: 3200, height: 1700 } },
    ];
    (1..).zip(kinds).map(|(id, kind)| Shape { id, kind }).collect()
}
