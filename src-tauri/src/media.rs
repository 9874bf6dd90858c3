//! Serves recordings to windows under a URI scheme: `recording://localhost/ID/…` with `still` or `frame-N`
//! (JPEG), `init` or a piece's number (WebM). Pictures have `thumbnail-N` (JPEG, with their drawing) and
//! `source` (the original), `first-frame` (that of an animation, PNG) and `glance` (the original, smaller, until it is
//! there), which show what is covered and so are for its own editor alone. An animation on which nothing is drawn has
//! `moving-N` as well. Only the library, the
//! preview and the editors may use it, and only with ids: no path goes in or out. An editor gets its own item alone.
//! Their pages have the one origin that may read an answer (CORS), so a web page that got into a window anyway
//! could read nothing.

use snaplark_app::{App, AppError, RecordingId};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{Manager, Runtime, UriSchemeContext, UriSchemeResponder, async_runtime};

use crate::{cutter, editor, navigation, pages};

pub const SCHEME: &str = "recording";

enum MediaRequest {
    Still,
    /// The first frame of a piece.
    Frame(usize),
    Init,
    Piece(usize),
    /// A picture with its drawing, small.
    Thumbnail,
    /// An animation on which nothing is drawn.
    Moving,
    /// A picture without its drawing.
    Source,
    /// The first frame of an animation without its drawing.
    FirstFrame,
    /// The same, smaller, while it is on its way into the library.
    Glance,
}

impl MediaRequest {
    /// Returns whether a window may ask for it, of the item with this id. An editor may read its own picture alone.
    fn may_come_from(&self, label: &str, id: &str) -> bool {
        let is_editor = editor::WINDOW.is_of(label, id);
        let shows_recordings = [pages::LIBRARY.label, pages::PREVIEW.label].contains(&label)
            || cutter::WINDOW.is_of(label, id);
        match self {
            MediaRequest::Source | MediaRequest::FirstFrame | MediaRequest::Glance => is_editor,
            MediaRequest::Thumbnail | MediaRequest::Moving => {
                is_editor || label == pages::LIBRARY.label
            }
            MediaRequest::Still
            | MediaRequest::Frame(_)
            | MediaRequest::Init
            | MediaRequest::Piece(_) => shows_recordings,
        }
    }
}

/// Returns the address of something that the scheme serves, as Tauri's `convertFileSrc` does.
pub fn address(path: &str) -> String {
    let path = path.replace('/', "%2F");
    match cfg!(any(windows, target_os = "android")) {
        true => format!("http://{SCHEME}.localhost/{path}"),
        false => format!("{SCHEME}://localhost/{path}"),
    }
}

pub fn serve<R: Runtime>(
    context: UriSchemeContext<'_, R>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let label = context.webview_label().to_owned();
    let app = context.app_handle().try_state::<App>().map(|app| app.inner().clone());
    let Some(app) = app else {
        return responder.respond(refusal(StatusCode::FORBIDDEN));
    };
    async_runtime::spawn(async move {
        // Tauri's `convertFileSrc` escapes the whole path as a single name.
        let path = request.uri().path().replace("%2F", "/");
        let answer = match parsed(&path) {
            Some((id, wanted)) if wanted.may_come_from(&label, id) => {
                answer(&app, id, wanted).await
            }
            Some(_) => refusal(StatusCode::FORBIDDEN),
            None => refusal(StatusCode::NOT_FOUND),
        };
        responder.respond(answer);
    });
}

fn parsed(path: &str) -> Option<(&str, MediaRequest)> {
    let (id, wanted) = path.strip_prefix('/')?.split_once('/')?;
    let wanted = match wanted {
        "still" => MediaRequest::Still,
        "init" => MediaRequest::Init,
        "source" => MediaRequest::Source,
        "glance" => MediaRequest::Glance,
        "first-frame" => MediaRequest::FirstFrame,
        name => match name.rsplit_once('-') {
            Some(("frame", number)) => MediaRequest::Frame(number.parse().ok()?),
            // The number makes the address another one for each drawing.
            Some((kind @ ("thumbnail" | "moving"), revision)) => {
                revision.parse::<u32>().ok()?;
                if kind == "moving" { MediaRequest::Moving } else { MediaRequest::Thumbnail }
            }
            Some(_) | None => MediaRequest::Piece(name.parse().ok()?),
        },
    };
    Some((id, wanted))
}

async fn answer(app: &App, id: &str, wanted: MediaRequest) -> Response<Vec<u8>> {
    // Stills are shown again with each scroll, so they are cached; videos are too large.
    let (kind, caching) = match wanted {
        MediaRequest::Thumbnail
        | MediaRequest::Moving
        | MediaRequest::Source
        | MediaRequest::FirstFrame
        | MediaRequest::Glance => {
            return answer_picture(app, id, &wanted).await;
        }
        MediaRequest::Still | MediaRequest::Frame(_) => ("image/jpeg", "private, max-age=86400"),
        MediaRequest::Init | MediaRequest::Piece(_) => ("video/webm", "no-store"),
    };
    let Ok(id) = id.parse() else { return refusal(StatusCode::NOT_FOUND) };
    respond(read(app, id, wanted).await.map(|bytes| (bytes, kind)), caching)
}

async fn answer_picture(app: &App, id: &str, wanted: &MediaRequest) -> Response<Vec<u8>> {
    let Ok(id) = id.parse() else { return refusal(StatusCode::NOT_FOUND) };
    // What is covered later must not stay in the cache of a window.
    let (read, caching) = match wanted {
        MediaRequest::Source => (app.pictures().source(id).await, "no-store"),
        MediaRequest::FirstFrame => (app.pictures().first_frame(id).await, "no-store"),
        MediaRequest::Glance => (app.pictures().glance(id).await, "no-store"),
        MediaRequest::Moving => (app.pictures().moving(id).await, "no-store"),
        _ => (app.pictures().thumbnail(id).await, "private, max-age=86400"),
    };
    respond(read.map(|read| (read.bytes, read.mime)), caching)
}

fn respond(read: Result<(Vec<u8>, &'static str), AppError>, caching: &str) -> Response<Vec<u8>> {
    match read {
        Ok((bytes, kind)) => Response::builder()
            .header(header::CONTENT_TYPE, kind)
            .header(header::CACHE_CONTROL, caching)
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, navigation::ORIGIN)
            .body(bytes)
            .unwrap_or_default(),
        Err(error) => {
            tracing::debug!(%error, "a window asked for media that is not there");
            refusal(StatusCode::NOT_FOUND)
        }
    }
}

async fn read(app: &App, id: RecordingId, wanted: MediaRequest) -> Result<Vec<u8>, AppError> {
    let media = app.media(id).await?;
    let read = async_runtime::spawn_blocking(move || match wanted {
        MediaRequest::Still => media.still(),
        MediaRequest::Frame(index) => media.frame(index),
        MediaRequest::Init => media.init(),
        MediaRequest::Piece(index) => media.piece(index),
        // Those are of pictures, which have no media.
        MediaRequest::Thumbnail
        | MediaRequest::Moving
        | MediaRequest::Source
        | MediaRequest::FirstFrame
        | MediaRequest::Glance => {
            Err(AppError::NoMedia { reason: "it is no recording".to_owned() })
        }
    });
    read.await.map_err(|_| AppError::Closing)?
}

fn refusal(status: StatusCode) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn original_of_a_picture_is_for_its_own_editor_alone() {
        assert!(MediaRequest::Source.may_come_from("editor-2", "2"));
        assert!(MediaRequest::Thumbnail.may_come_from("library", "2"));
        assert!(MediaRequest::Thumbnail.may_come_from("editor-2", "2"));
        assert!(MediaRequest::Glance.may_come_from("editor-2", "2"));
        for label in ["library", "preview", "toast", "settings", "pin-2", "editor", "editor-1"] {
            assert!(!MediaRequest::Source.may_come_from(label, "2"), "{label}");
            assert!(!MediaRequest::FirstFrame.may_come_from(label, "2"), "{label}");
            assert!(!MediaRequest::Glance.may_come_from(label, "2"), "{label}");
        }
        assert!(!MediaRequest::Thumbnail.may_come_from("editor-1", "2"), "it is another's");
        assert!(MediaRequest::Still.may_come_from("library", "2"));
        assert!(!MediaRequest::Piece(0).may_come_from("editor-2", "2"));
        assert!(MediaRequest::Frame(0).may_come_from("cutter-x", "x"));
        assert!(!MediaRequest::Frame(0).may_come_from("cutter-y", "x"));
        assert!(!MediaRequest::Source.may_come_from("cutter-x", "x"));
    }

    #[test]
    fn only_the_programs_own_pages_may_read_an_answer() {
        let answer = respond(Ok((b"bytes".to_vec(), "image/jpeg")), "no-store");
        let origins: Vec<_> =
            answer.headers().get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
        assert_eq!(origins, [navigation::ORIGIN]);
        let refused = refusal(StatusCode::FORBIDDEN);
        assert!(!refused.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    }

    #[test]
    fn only_ids_and_the_known_kinds_are_understood() {
        assert!(matches!(parsed("/x/still"), Some(("x", MediaRequest::Still))));
        assert!(matches!(parsed("/x/init"), Some(("x", MediaRequest::Init))));
        assert!(matches!(parsed("/x/frame-7"), Some(("x", MediaRequest::Frame(7)))));
        assert!(matches!(parsed("/x/12"), Some(("x", MediaRequest::Piece(12)))));
        assert!(matches!(parsed("/x/source"), Some(("x", MediaRequest::Source))));
        assert!(matches!(parsed("/x/glance"), Some(("x", MediaRequest::Glance))));
        assert!(matches!(parsed("/x/thumbnail-3"), Some(("x", MediaRequest::Thumbnail))));
        assert!(matches!(parsed("/x/moving-3"), Some(("x", MediaRequest::Moving))));
        assert!(matches!(parsed("/x/first-frame"), Some(("x", MediaRequest::FirstFrame))));
        for path in [
            "",
            "/",
            "/x",
            "/x/",
            "/x/../init",
            "/x/-1",
            "/x/frame-",
            "/x/frame--1",
            "/x/thumbnail-",
            "/x/thumbnail-a",
            "/x/moving-",
            "/x/first-frame-1",
            "/x/source/..",
            "/x/still/",
            "x/still",
        ] {
            assert!(parsed(path).is_none(), "{path}");
        }
    }
}
