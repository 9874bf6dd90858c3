//! Draws each tool: the one place of this crate that names the tools. [`technique_of`] says how a shape gets
//! onto the picture; `draw` and `effects` carry that out and know techniques, not tools.
//!
//! The editor's window makes the same SVG elements, in `ui/src/windows/editor/shapeTools.ts`. Both are held to
//! `tests/shapes.json`. So they use nothing that two languages compute differently: additions, products, quotients
//! and square roots of doubles, and one way to write a number. Neither measures text, because the fonts are known
//! only to who draws.

use snaplark_core::edit::{Area, Point, Rgb, Shape, ShapeKind};

/// The family of letters, in the weight of the bundled file.
const LETTERS: &str = r#"font-family="Inter, sans-serif" font-weight="600""#;
/// The families of color emoji on the three systems.
pub(super) const EMOJI_FAMILIES: [&str; 3] =
    ["Noto Color Emoji", "Apple Color Emoji", "Segoe UI Emoji"];
/// How a marker's color meets what lies below. `draw` takes it off and blends by itself, with less memory.
pub(super) const MULTIPLY: &str = r#" style="mix-blend-mode:multiply""#;

/// The baseline of a text's first line below its upper edge, in ems: Inter's ascender.
const BASELINE_EM: f64 = 0.97;
/// The distance of two lines, in ems.
const LINE_EM: f64 = 1.25;
/// The width of the stroke that makes a text's plate, in ems: enough to close the gap of a space.
const PLATE_EM: f64 = 0.6;
/// Half the height of Inter's capitals and digits, in ems, by which they are centered on a point.
const HALF_CAPITAL_EM: f64 = 0.36;
/// How far an emoji's center lies above its baseline, in ems.
const EMOJI_CENTER_EM: f64 = 0.35;

/// How a shape gets onto a picture.
pub(super) enum Technique {
    /// Its SVG elements are drawn by resvg. Without any, nothing is drawn.
    Vector(String),
    /// Its area becomes one color. The editor's window shows the same as an SVG element.
    Cover {
        /// The area, which is erased before anything is drawn.
        area: Area,
        /// The color.
        color: Rgb,
    },
    /// Its area becomes blocks that are computed from the pixels around it.
    Pixelate {
        /// The area, which is erased before anything is drawn.
        area: Area,
        /// The side of a block.
        block_px: u32,
    },
    /// Its area is blurred. What was there isn't hidden.
    Blur {
        /// The area.
        area: Area,
        /// How far a pixel is spread.
        radius_px: u32,
    },
    /// All areas of this technique together stay bright, and the rest of the picture is darkened.
    Spotlight {
        /// The area.
        area: Area,
    },
}

/// Returns how a shape is drawn.
pub(super) fn technique_of(kind: &ShapeKind) -> Technique {
    match kind {
        ShapeKind::Arrow { from, to, bend, color, width_px } => {
            Technique::Vector(arrow(*from, *to, *bend, *color, *width_px))
        }
        ShapeKind::Line { from, to, color, width_px } => {
            Technique::Vector(line(*from, *to, *color, *width_px))
        }
        ShapeKind::Box { area, radius_px, filled, color, width_px } => {
            Technique::Vector(rectangle(*area, *radius_px, *filled, *color, *width_px))
        }
        ShapeKind::Ellipse { area, filled, color, width_px } => {
            Technique::Vector(ellipse(*area, *filled, *color, *width_px))
        }
        ShapeKind::Pen { points, color, width_px } => {
            Technique::Vector(freehand(points, *color, *width_px, "", ""))
        }
        ShapeKind::Marker { points, color, width_px } => {
            Technique::Vector(freehand(points, *color, *width_px, "0.5", MULTIPLY))
        }
        ShapeKind::Text { at, text, size_px, color, plate } => {
            Technique::Vector(lines(*at, text, *size_px, *color, *plate))
        }
        ShapeKind::Step { at, number, size_px, color } => {
            Technique::Vector(step(*at, *number, *size_px, *color))
        }
        ShapeKind::Emoji { at, emoji, size_px } => {
            Technique::Vector(centered_emoji(*at, emoji, *size_px))
        }
        ShapeKind::Cover { area, color } => Technique::Cover { area: *area, color: *color },
        ShapeKind::Pixelate { area, block_px } => {
            Technique::Pixelate { area: *area, block_px: *block_px }
        }
        ShapeKind::Blur { area, radius_px } => {
            Technique::Blur { area: *area, radius_px: *radius_px }
        }
        ShapeKind::Spotlight { area } => Technique::Spotlight { area: *area },
    }
}

/// Returns the SVG elements of a shape. Blur, pixelate and spotlight have none: they are computed from pixels.
pub fn svg_of(shape: &Shape) -> String {
    match technique_of(&shape.kind) {
        Technique::Vector(elements) => elements,
        Technique::Cover { area, color } => cover(area, color),
        Technique::Pixelate { .. } | Technique::Blur { .. } | Technique::Spotlight { .. } => {
            String::new()
        }
    }
}

fn line(from: Point, to: Point, color: Rgb, width_px: u32) -> String {
    format!(r#"<path d="M{} L{}" {}/>"#, at(from), at(to), stroke(color, width_px))
}

fn rectangle(area: Area, radius_px: u32, filled: bool, color: Rgb, width_px: u32) -> String {
    format!(
        r#"<rect x="{}" y="{}" width="{}" height="{}" rx="{radius_px}" fill="{}" stroke="{}" stroke-width="{width_px}"/>"#,
        area.x,
        area.y,
        area.width,
        area.height,
        fill(filled, color),
        hex(color),
    )
}

fn ellipse(area: Area, filled: bool, color: Rgb, width_px: u32) -> String {
    let (rx, ry) = (f64::from(area.width) / 2.0, f64::from(area.height) / 2.0);
    format!(
        r#"<ellipse cx="{}" cy="{}" rx="{}" ry="{}" fill="{}" stroke="{}" stroke-width="{width_px}"/>"#,
        number(f64::from(area.x) + rx),
        number(f64::from(area.y) + ry),
        number(rx),
        number(ry),
        fill(filled, color),
        hex(color),
    )
}

fn centered_emoji(center: Point, emoji: &str, size_px: u32) -> String {
    format!(
        r#"<text x="{}" y="{}" font-family="{}" font-size="{size_px}" text-anchor="middle">{}</text>"#,
        center.x,
        number(f64::from(center.y) + f64::from(size_px) * EMOJI_CENTER_EM),
        EMOJI_FAMILIES.join(", "),
        escaped(emoji),
    )
}

fn cover(area: Area, color: Rgb) -> String {
    format!(
        r#"<rect x="{}" y="{}" width="{}" height="{}" fill="{}" shape-rendering="crispEdges"/>"#,
        area.x,
        area.y,
        area.width,
        area.height,
        hex(color),
    )
}

/// Draws a shaft that ends inside of the head, and a head with a notch. The head points the way in which the
/// shaft arrives, and is no longer than the way to there.
fn arrow(from: Point, to: Point, bend: Option<Point>, color: Rgb, width_px: u32) -> String {
    let width = f64::from(width_px);
    let bend = bend.filter(|bend| *bend != to && *bend != from);
    let tail = bend.unwrap_or(from);
    let (to_x, to_y) = (f64::from(to.x), f64::from(to.y));
    let (dx, dy) = (to_x - f64::from(tail.x), to_y - f64::from(tail.y));
    let length = (dx * dx + dy * dy).sqrt();
    if length == 0.0 {
        return dot(to, color, width_px, "", "");
    }
    let (ux, uy) = (dx / length, dy / length);
    let head = (width * 4.0 + 8.0).min(length);
    let half = head * 0.45;
    let (base_x, base_y) = (to_x - ux * head, to_y - uy * head);
    let (notch_x, notch_y) = (to_x - ux * head * 0.8, to_y - uy * head * 0.8);
    let notch = pair(notch_x, notch_y);
    let way = match bend {
        Some(bend) => format!("Q{} {notch}", at(bend)),
        None => format!("L{notch}"),
    };
    format!(
        r#"<path d="M{} {way}" {}/><path d="M{} L{} L{notch} L{} Z" fill="{color}" stroke="{color}" stroke-width="{}" stroke-linejoin="round"/>"#,
        at(from),
        stroke(color, width_px),
        at(to),
        pair(base_x - uy * half, base_y + ux * half),
        pair(base_x + uy * half, base_y - ux * half),
        number(width / 4.0),
        color = hex(color),
    )
}

/// Draws a smooth line: curves between the middles of neighbouring points, bent by the points themselves.
fn freehand(points: &[Point], color: Rgb, width_px: u32, opacity: &str, style: &str) -> String {
    let [first, rest @ ..] = points else { return String::new() };
    let [.., last] = rest else { return dot(*first, color, width_px, opacity, style) };
    let mut path = format!("M{}", at(*first));
    for pair_of in rest.windows(2) {
        let (bend, next) = (pair_of[0], pair_of[1]);
        let middle_x = (f64::from(bend.x) + f64::from(next.x)) / 2.0;
        let middle_y = (f64::from(bend.y) + f64::from(next.y)) / 2.0;
        path.push_str(&format!(" Q{} {}", at(bend), pair(middle_x, middle_y)));
    }
    path.push_str(&format!(" L{}", at(*last)));
    let opacity = opacity_of("stroke", opacity);
    format!(r#"<path d="{path}" {}{opacity}{style}/>"#, stroke(color, width_px))
}

/// Draws a stroke without length.
fn dot(center: Point, color: Rgb, width_px: u32, opacity: &str, style: &str) -> String {
    format!(
        r#"<circle cx="{}" cy="{}" r="{}" fill="{}"{}{style}/>"#,
        center.x,
        center.y,
        number(f64::from(width_px) / 2.0),
        hex(color),
        opacity_of("fill", opacity),
    )
}

fn opacity_of(what: &str, opacity: &str) -> String {
    match opacity.is_empty() {
        true => String::new(),
        false => format!(r#" {what}-opacity="{opacity}""#),
    }
}

fn lines(corner: Point, text: &str, size_px: u32, color: Rgb, plate: bool) -> String {
    let size = f64::from(size_px);
    let mut spans = String::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = escaped(line);
        if line.is_empty() {
            continue;
        }
        let baseline = f64::from(corner.y) + size * BASELINE_EM + size * LINE_EM * index as f64;
        let line = if begins_right_to_left(&line) { isolated(&line) } else { line };
        spans.push_str(&format!(
            r#"<tspan x="{}" y="{}">{line}</tspan>"#,
            corner.x,
            number(baseline)
        ));
    }
    let text = |paint: &str| {
        format!(
            r#"<text {LETTERS} font-size="{size_px}" xml:space="preserve" {paint}>{spans}</text>"#
        )
    };
    if spans.is_empty() {
        return String::new();
    }
    if !plate {
        return text(&format!(r#"fill="{}""#, hex(color)));
    }
    let below = format!(
        r#"fill="{color}" stroke="{color}" stroke-width="{}" stroke-linejoin="round""#,
        number(size * PLATE_EM),
        color = hex(color),
    );
    let above = format!(r#"fill="{}""#, hex(readable_on(color)));
    format!("{}{}", text(&below), text(&above))
}

/// Returns whether the first letter that has a direction is of a script that runs from right to left.
fn begins_right_to_left(line: &str) -> bool {
    let right_to_left = |letter: char| matches!(u32::from(letter), 0x0590..=0x08FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFF);
    line.chars().find(|letter| letter.is_alphabetic()).is_some_and(right_to_left)
}

/// Wraps a line into RLI and PDI, which set its base direction. It still begins at the same left edge.
fn isolated(line: &str) -> String {
    format!("\u{2067}{line}\u{2069}")
}

fn step(center: Point, count: u32, size_px: u32, color: Rgb) -> String {
    let size = f64::from(size_px);
    let digits = count.to_string();
    let letters = match digits.len() {
        1 => size * 0.6,
        2 => size * 0.5,
        3 => size * 0.4,
        _ => size * 0.32,
    };
    format!(
        r#"<circle cx="{}" cy="{}" r="{}" fill="{}"/><text {LETTERS} font-size="{}" x="{}" y="{}" text-anchor="middle" fill="{}">{digits}</text>"#,
        center.x,
        center.y,
        number(size / 2.0),
        hex(color),
        number(letters),
        center.x,
        number(f64::from(center.y) + letters * HALF_CAPITAL_EM),
        hex(readable_on(color)),
    )
}

/// Returns black or white, whichever is easier to read on the color.
fn readable_on(color: Rgb) -> Rgb {
    let [red, green, blue] = color.0.map(u32::from);
    match (red * 299 + green * 587 + blue * 114) / 1_000 >= 150 {
        true => Rgb([0, 0, 0]),
        false => Rgb([255, 255, 255]),
    }
}

fn stroke(color: Rgb, width_px: u32) -> String {
    format!(
        r#"fill="none" stroke="{}" stroke-width="{width_px}" stroke-linecap="round" stroke-linejoin="round""#,
        hex(color),
    )
}

fn fill(filled: bool, color: Rgb) -> String {
    if filled { hex(color) } else { "none".to_owned() }
}

fn hex(color: Rgb) -> String {
    let [red, green, blue] = color.0;
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn at(point: Point) -> String {
    format!("{} {}", point.x, point.y)
}

fn pair(x: f64, y: f64) -> String {
    format!("{} {}", number(x), number(y))
}

/// Writes a number with at most two digits after the point, halves upwards.
fn number(value: f64) -> String {
    let rounded = (value * 100.0 + 0.5).floor() / 100.0;
    // No "-0".
    if rounded == 0.0 { "0".to_owned() } else { rounded.to_string() }
}

/// Writes a text for XML: without the characters that XML can't hold, and with a space for a tab.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '\t' => written.push(' '),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {}
            other => written.push(other),
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    /// A shape, and the SVG that both languages have to make of it.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fixture {
        shape: Shape,
        svg: String,
    }

    /// Set to write what `svg_of` makes instead of comparing it.
    const UPDATE: &str = "SNAPLARK_WRITE_FIXTURES";

    fn shapes() -> Vec<ShapeKind> {
        let red = Rgb([255, 59, 48]);
        let yellow = Rgb([255, 214, 10]);
        let point = |x, y| Point { x, y };
        let area = Area { x: 20, y: -10, width: 121, height: 80 };
        let arrow = |from, to, bend| ShapeKind::Arrow { from, to, bend, color: red, width_px: 6 };
        let text = |text: &str, plate| ShapeKind::Text {
            at: point(40, 30),
            text: text.to_owned(),
            size_px: 33,
            color: red,
            plate,
        };
        let step = |number| ShapeKind::Step { at: point(9, 8), number, size_px: 45, color: yellow };
        let wave: Vec<Point> =
            [(0, 0), (7, 3), (15, -4), (20, 11), (31, 12)].map(|(x, y)| point(x, y)).into();
        let pen =
            |points: &[Point]| ShapeKind::Pen { points: points.to_vec(), color: red, width_px: 5 };
        let marker = |points: &[Point]| ShapeKind::Marker {
            points: points.to_vec(),
            color: yellow,
            width_px: 24,
        };
        let boxed = |filled| ShapeKind::Box { area, radius_px: 8, filled, color: red, width_px: 3 };
        let ellipse = |filled| ShapeKind::Ellipse { area, filled, color: red, width_px: 3 };
        vec![
            arrow(point(10, 20), point(210, 170), None),
            arrow(point(10, 20), point(-190, -7), None),
            arrow(point(10, 20), point(210, 170), Some(point(180, 0))),
            arrow(point(10, 20), point(15, 24), None),
            arrow(point(10, 20), point(10, 20), None),
            arrow(point(10, 20), point(60, 20), Some(point(60, 20))),
            ShapeKind::Line { from: point(-5, 0), to: point(99, 1), color: yellow, width_px: 1 },
            boxed(false),
            boxed(true),
            ellipse(false),
            ellipse(true),
            pen(&wave),
            pen(&wave[..2]),
            pen(&wave[..1]),
            pen(&[]),
            marker(&wave),
            marker(&wave[..1]),
            text("One line", false),
            text("Two lines & <more>\n\n\tafter a gap\r\n\u{1}", false),
            text("On a plate", true),
            text("مرحبا (Snaplark) 2.0!", true),
            text("1. שלום\nEnglish, then عربي", false),
            text("\n", true),
            step(7),
            step(42),
            step(123),
            step(9_999),
            ShapeKind::Emoji { at: point(50, 60), emoji: "👩‍🚀".to_owned(), size_px: 64 },
            ShapeKind::Blur { area, radius_px: 12 },
            ShapeKind::Pixelate { area, block_px: 10 },
            ShapeKind::Cover { area, color: Rgb([0, 0, 0]) },
            ShapeKind::Spotlight { area },
        ]
    }

    #[test]
    fn shapes_have_the_elements_that_both_renderers_agreed_on() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/shapes.json");
        let made: Vec<Fixture> = (1..)
            .zip(shapes())
            .map(|(id, kind)| Shape { id, kind })
            .map(|shape| Fixture { svg: svg_of(&shape), shape })
            .collect();
        if std::env::var_os(UPDATE).is_some() {
            let text = serde_json::to_string_pretty(&made).unwrap();
            std::fs::write(path, text + "\n").unwrap();
        }
        let kept: Vec<Fixture> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(made, kept, "write them with {UPDATE}=1 if shapeTools.ts is to follow");
    }

    #[test]
    fn number_has_two_digits_and_no_sign_of_zero() {
        assert_eq!(number(1.005), "1");
        assert_eq!(number(1.006), "1.01");
        assert_eq!(number(-1.005), "-1");
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(2.5), "2.5");
        assert_eq!(number(65_536.126), "65536.13");
    }
}
