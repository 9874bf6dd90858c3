//! Styles, scripts and the font of the pages, compiled into the program. Their URLs contain a hash of
//! all of them, so browsers may cache them forever, and they can refer to one another.
//!
//! Text is sent with gzip, which is made once. Pages aren't compressed: they contain keys of forms, whose
//! length under compression would tell others what is in them (BREACH).

use std::io::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use snaplark_cloud::secrets::hex;

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset { name: $name, kind: $kind, bytes: include_bytes!(concat!("../assets/", $name)) }
    };
}

static ASSETS: [Asset; 13] = [
    asset!("page.css", "text/css; charset=utf-8"),
    asset!("page.js", "text/javascript; charset=utf-8"),
    asset!("own.js", "text/javascript; charset=utf-8"),
    asset!("player.js", "text/javascript; charset=utf-8"),
    asset!("beside.js", "text/javascript; charset=utf-8"),
    asset!("watched.js", "text/javascript; charset=utf-8"),
    asset!("picture.js", "text/javascript; charset=utf-8"),
    asset!("live.js", "text/javascript; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("inter-latin.woff2", "font/woff2"),
    asset!("inter-latin-ext.woff2", "font/woff2"),
    asset!("inter-LICENSE.txt", "text/plain; charset=utf-8"),
    asset!("lucide-LICENSE.txt", "text/plain; charset=utf-8"),
];

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    ASSETS.iter().for_each(|asset| hash.update(asset.bytes));
    hex(&hash.finalize()[..6])
});

/// The compressed assets, in the order of `ASSETS`. `None`: it is compressed already.
static COMPRESSED: LazyLock<Vec<Option<Vec<u8>>>> =
    LazyLock::new(|| ASSETS.iter().map(|asset| compressed(asset).ok().flatten()).collect());

fn compressed(asset: &Asset) -> std::io::Result<Option<Vec<u8>>> {
    if asset.kind.starts_with("font/") {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(asset.bytes)?;
    encoder.finish().map(Some)
}

/// The shape of a picture for which `page.css` is written.
const USUAL_SHAPE: f64 = 16.0 / 9.0;
/// Taller pictures get bars beside them.
const SHAPE_MIN: f64 = 0.75;
/// The difference of two shapes that nobody sees.
const SHAPE_STEP: f64 = 0.000_5;
const LENGTH_MAX: u32 = 100_000;

fn shape(width: u32, height: u32) -> Option<f64> {
    let is_length = |length| (1..=LENGTH_MAX).contains(&length);
    (is_length(width) && is_length(height)).then(|| f64::from(width) / f64::from(height))
}

/// Returns whether the card takes the shape of a picture of this size.
pub(crate) fn fits(width: u32, height: u32) -> bool {
    shape(width, height).is_some_and(|shape| shape >= SHAPE_MIN)
}

/// Returns the path of the style sheet that gives the card the shape of a picture of this size, if it isn't
/// the usual one.
pub(crate) fn shape_path(width: u32, height: u32) -> Option<String> {
    let shape = shape(width, height)?;
    let is_usual = (shape - USUAL_SHAPE).abs() < SHAPE_STEP;
    (!is_usual).then(|| path(&format!("shape-{width}x{height}.css")))
}

/// Returns the style sheet with this name, if it is one of a shape.
fn shape_style(name: &str) -> Option<String> {
    let size = name.strip_prefix("shape-")?.strip_suffix(".css")?;
    let (width, height) = size.split_once('x')?;
    let shape = shape(width.parse().ok()?, height.parse().ok()?)?.max(SHAPE_MIN);
    Some(format!(":root{{--shape:{shape:.4}}}"))
}

/// Returns the path of an asset.
pub(crate) fn path(name: &str) -> String {
    format!("/static/{}/{name}", *VERSION)
}

pub(crate) async fn serve(
    Path((version, name)): Path<(String, String)>,
    asked: HeaderMap,
) -> Response {
    // A page from before an update asks for old assets. It gets the new ones, but may not cache them.
    let keep = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-store" };
    let headers = |kind: &'static str| {
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
            (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
            (header::VARY, HeaderValue::from_static("accept-encoding")),
        ]
    };
    if let Some(style) = shape_style(&name) {
        return (headers("text/css; charset=utf-8"), style).into_response();
    }
    let found = ASSETS.iter().zip(COMPRESSED.iter()).find(|(asset, _)| asset.name == name);
    let Some((asset, compressed)) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match compressed.as_deref().filter(|_| takes_gzip(&asked)) {
        Some(bytes) => {
            let encoding = [(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))];
            (headers(asset.kind), encoding, bytes).into_response()
        }
        None => (headers(asset.kind), asset.bytes).into_response(),
    }
}

/// Returns whether the client takes gzip (RFC 9110, 12.5.3). One that refuses it by weight gets plain text.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|it| it.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|it| {
        let (name, weight) = it.split_once(';').unwrap_or((it, ""));
        let weight: String = weight.chars().filter(|letter| !letter.is_whitespace()).collect();
        let is_refused = weight.strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f64));
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_has_a_style_sheet_unless_it_is_the_usual_one() {
        assert_eq!(shape_path(1920, 1080), None);
        assert_eq!(shape_path(0, 1080), None);
        assert!(shape_path(1920, 1200).is_some_and(|path| path.ends_with("/shape-1920x1200.css")));
        assert_eq!(shape_style("shape-1920x1200.css").as_deref(), Some(":root{--shape:1.6000}"));
        assert_eq!(shape_style("shape-390x844.css").as_deref(), Some(":root{--shape:0.7500}"));
        for name in
            ["shape-0x1.css", "shape-1x1", "shape-1x1;}x{.css", "shape--1x2.css", "page.css"]
        {
            assert_eq!(shape_style(name), None, "{name}");
        }
        assert!(fits(1920, 1080) && !fits(390, 844) && !fits(0, 0));
    }

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        let asked =
            |text: &str| HeaderMap::from_iter([(header::ACCEPT_ENCODING, text.parse().unwrap())]);
        assert!(takes_gzip(&asked("br, gzip;q=0.5")) && takes_gzip(&asked("GZIP")));
        assert!(!takes_gzip(&asked("gzip; q=0, br")) && !takes_gzip(&asked("identity")));
        assert!(!takes_gzip(&HeaderMap::new()));
        let css = ASSETS.iter().position(|asset| asset.name == "page.css").unwrap();
        let sent = COMPRESSED[css].as_ref().unwrap();
        assert!(sent.len() * 3 < ASSETS[css].bytes.len(), "{} bytes", sent.len());
    }
}
