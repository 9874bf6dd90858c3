//! `/videos/{id}/hls/720.m3u8`: the video as HLS with fragmented MP4 (RFC 8216), for browsers and programs
//! that don't play its own format. The playlist's first request has the stream made. While it is made,
//! and while the recording runs, the playlist grows.
//!
//! `all.m3u8` lists the heights that the operator offers. The addresses of a stream's pieces name the version
//! and the making (`g`): a stream that is made anew, because parts were replaced, has other addresses, so
//! that no player and no cache mixes the two.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::app::App;
use super::errors::ApiError;
use super::video::{self, File, edited, gone};
use snaplark_api::hex;
use snaplark_cloud::products::{Mp4Height, PIECE_MS, QUIET_MAX, StreamFacts};
use snaplark_cloud_data::db::Upload;

const PLAYLIST_MIME: &str = "application/vnd.apple.mpegurl";
const PIECE_MIME: &str = "video/mp4";
/// How long the first request for a playlist waits for the first piece: players take an empty playlist, or
/// none, as the end. The encoder needs a second or two.
const HOLD_MAX: Duration = Duration::from_secs(8);
/// Between two looks for the first piece.
const LOOK: Duration = Duration::from_millis(500);
/// Requests for a playlist that wait at once. Each looks into the database, and anybody may send them; the
/// others are told at once to come back.
pub(crate) const HELD_MAX: usize = 64;

/// Enough to tell the makings of one stream apart.
const MAKING_BYTES: usize = 4;

/// The file of a stream that a name means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamFile {
    /// The list of heights.
    Variants,
    Playlist,
    Header,
    Piece(usize),
}

fn parse(name: &str) -> Option<(Mp4Height, StreamFile)> {
    if name == "all.m3u8" {
        return Some((Mp4Height::P720, StreamFile::Variants));
    }
    let (lines, file) = name.split_once('.')?;
    let height = Mp4Height::of_lines(lines.parse().ok()?)?;
    let file = match file {
        "m3u8" => StreamFile::Playlist,
        "init.mp4" => StreamFile::Header,
        piece => StreamFile::Piece(piece.strip_suffix(".m4s")?.parse().ok()?),
    };
    Some((height, file))
}

/// Serves a stream's playlist, header or piece.
pub(crate) async fn hls(
    State(app): State<App>,
    Path((video, name)): Path<(String, String)>,
    request: Request,
) -> Result<Response, ApiError> {
    let (mut parts, _) = request.into_parts();
    let (height, file) = parse(&name).ok_or_else(gone)?;
    let upload = video::there(&app, &video, &mut parts).await?;
    match video::version_asked(&parts) {
        Some(version) if version < upload.version => return Err(edited()),
        Some(version) if version > upload.version => return Err(gone()),
        Some(_) | None => {}
    }
    let name = match file {
        StreamFile::Variants => return variants(&app, &upload),
        StreamFile::Playlist => return playlist(&app, &upload, height, &mut parts).await,
        StreamFile::Header => height.stream_header(),
        StreamFile::Piece(index) => height.stream_piece(index),
    };
    let piece = app.uploads.stream_piece(&upload, &name).await?.ok_or_else(gone)?;
    let wanted = query(&parts, "g");
    if wanted.is_some() && wanted != making(&app, &upload, height).await? {
        return Err(gone());
    }
    let keep = video::keep(&app, &upload, wanted.is_some());
    File::made(&piece, PIECE_MIME, keep).answer(&app.uploads.storage, &parts.headers).await
}

fn query(asked: &Parts, name: &str) -> Option<String> {
    let query = asked.uri.query()?.as_bytes();
    let found = form_urlencoded::parse(query).find(|(it, _)| it == name);
    found.map(|(_, value)| value.into_owned())
}

/// Returns the name of the making of a stream, if it was begun. Its header is stored anew with each.
async fn making(app: &App, upload: &Upload, height: Mp4Height) -> Result<Option<String>, ApiError> {
    let header = app.uploads.stream_piece(upload, &height.stream_header()).await?;
    Ok(header.map(|header| hex(&Sha256::digest(header.object_key)[..MAKING_BYTES])))
}

/// Answers with the list of heights. It is the same for the version's life.
fn variants(app: &App, upload: &Upload) -> Result<Response, ApiError> {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    let (version, whole) = (upload.version, (upload.width, upload.height));
    for height in app.uploads.stream_heights(upload) {
        let (lines, bits) = (height.lines(), bits_per_second(height));
        let (width, height) = scaled(whole, lines);
        let size = format!("RESOLUTION={width}x{height},FRAME-RATE=30.000");
        writeln!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bits},{size}\n{lines}.m3u8?v={version}").ok();
    }
    let keep = video::keep(app, upload, false);
    Ok(playlist_answer(text, keep))
}

/// Returns about what a second takes in which everything moves (docs/cloud.md), and half of that more.
const fn bits_per_second(height: Mp4Height) -> u32 {
    match height {
        Mp4Height::P1080 => 7_000_000,
        Mp4Height::P720 => 2_800_000,
        Mp4Height::P480 => 1_400_000,
    }
}

/// Returns the size of a picture in at most so many lines. Encoders take even sizes.
fn scaled((width, height): (u32, u32), lines: u32) -> (u32, u32) {
    let lines = lines.min(height.max(2));
    let even = |length: f64| ((length / 2.0).round() as u32).max(1) * 2;
    let share = f64::from(lines) / f64::from(height.max(1));
    (even(f64::from(width) * share), even(f64::from(lines)))
}

fn playlist_answer(text: String, keep: HeaderValue) -> Response {
    let kind = HeaderValue::from_static(PLAYLIST_MIME);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)], text).into_response()
}

async fn playlist(
    app: &App,
    upload: &Upload,
    height: Mp4Height,
    parts: &mut Parts,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    let (mut facts, mut pieces) = app.uploads.stream(upload, height).await?;
    if facts.is_none() && !(pieces > 0 && stands_still(app, upload)) {
        // Asks for it anew, too, if it was given up while the recording stood still.
        let waiting = match video::not_made(app, upload, height.stream(), parts).await {
            // What is there plays, also if this visitor may not ask for more.
            Err(error) if pieces > 0 && error.is_too_many() => None,
            waiting => Some(waiting?),
        };
        if let Some(waiting) = waiting.filter(|_| pieces == 0) {
            let Ok(_held) = app.held_playlists.try_acquire() else { return Ok(waiting) };
            while facts.is_none() && pieces == 0 {
                if asked.elapsed() > HOLD_MAX {
                    return Ok(waiting);
                }
                tokio::time::sleep(LOOK).await;
                (facts, pieces) = app.uploads.stream(upload, height).await?;
            }
        }
    }
    let keep = match &facts {
        None => video::GROWING,
        Some(_) => video::keep(app, upload, false),
    };
    let making = making(app, upload, height).await?.unwrap_or_default();
    let is_live = upload.finished.is_none();
    let address = format!("v={}&g={making}", upload.version);
    Ok(playlist_answer(text(height, &address, facts.as_ref(), pieces, is_live), keep))
}

/// Returns whether the stream of this recording may have been given up until more of it arrives: it shows all
/// that is there, and to ask for it again would only have that encoded once more.
fn stands_still(app: &App, upload: &Upload) -> bool {
    let quiet_ms = app.uploads.clock.now_ms().saturating_sub(upload.active_ms);
    upload.finished.is_none() && quiet_ms > QUIET_MAX.as_millis() as i64
}

/// Writes the playlist. Every address names the version and the making (`address`), so that a player never
/// goes on with another one.
fn text(
    height: Mp4Height,
    address: &str,
    facts: Option<&StreamFacts>,
    pieces: usize,
    is_live: bool,
) -> String {
    let lines = height.lines();
    let kind = if facts.is_some() { "VOD" } else { "EVENT" };
    // Sound may go on after the last picture, and the last piece has all of it. No piece, rounded to whole
    // seconds, may be longer than the target.
    let longest_ms = facts.map_or(0, |facts| facts.last_ms).max(PIECE_MS);
    let mut text = format!(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n",
        (longest_ms + 500) / 1_000
    );
    // Players begin a list without an end near its last piece. This recording is over, though.
    if facts.is_none() && !is_live {
        text.push_str("#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n");
    }
    writeln!(text, "#EXT-X-MAP:URI=\"{lines}.init.mp4?{address}\"").ok();
    for index in 0..pieces {
        let last_ms = facts.filter(|_| index + 1 == pieces).map(|facts| facts.last_ms);
        let ms = last_ms.unwrap_or(PIECE_MS);
        let (seconds, rest) = (ms / 1_000, ms % 1_000);
        writeln!(text, "#EXTINF:{seconds}.{rest:03},\n{lines}.{index}.m4s?{address}").ok();
    }
    if facts.is_some() {
        text.push_str("#EXT-X-ENDLIST\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_stream_are_its_playlist_header_and_pieces() {
        let known = |file| Some((Mp4Height::P720, file));
        assert_eq!(parse("720.m3u8"), known(StreamFile::Playlist));
        assert_eq!(parse("720.init.mp4"), known(StreamFile::Header));
        assert_eq!(parse("all.m3u8"), known(StreamFile::Variants));
        assert_eq!(parse("720.17.m4s"), known(StreamFile::Piece(17)));
        for other in ["721.m3u8", "720", "720.mp4", "720.-1.m4s", "720.m4s", "..", "720.1.ts"] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn heights_have_the_shape_of_the_video() {
        assert_eq!(scaled((1920, 1080), 720), (1280, 720));
        assert_eq!(scaled((1366, 768), 480), (854, 480));
        assert_eq!(scaled((320, 180), 720), (320, 180));
        assert_eq!(scaled((0, 0), 720), (2, 2));
    }

    #[test]
    fn playlist_of_a_complete_stream_ends_and_one_that_grows_says_where_to_begin() {
        let facts = StreamFacts { pieces: 2, last_ms: 1_033 };
        let whole = text(Mp4Height::P720, "v=3&g=a", Some(&facts), 2, false);
        let expected = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n\
            #EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-MAP:URI=\"720.init.mp4?v=3&g=a\"\n#EXTINF:2.000,\n720.0.m4s?v=3&g=a\n\
            #EXTINF:1.033,\n720.1.m4s?v=3&g=a\n#EXT-X-ENDLIST\n";
        assert_eq!(whole, expected);
        let facts = StreamFacts { pieces: 2, last_ms: 25_600 };
        let sound = text(Mp4Height::P720, "v=3&g=a", Some(&facts), 2, false);
        assert!(sound.contains("DURATION:26\n") && sound.contains("#EXTINF:25.600,"), "{sound}");
        let made = text(Mp4Height::P480, "v=1", None, 1, false);
        assert!(made.contains(":EVENT\n") && made.contains("#EXT-X-START:TIME-OFFSET=0"), "{made}");
        assert!(made.ends_with("#EXTINF:2.000,\n480.0.m4s?v=1\n"), "{made}");
        assert!(!text(Mp4Height::P480, "v=1", None, 1, true).contains("EXT-X-START"));
    }
}
