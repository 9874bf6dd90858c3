//! Serves recordings to windows under a URI scheme: `recording://localhost/ID/…` with `still` or `frame-N`
//! (JPEG), `init` or a piece's number (WebM). Only the library and the preview may use it, and only with
//! recording ids: no path goes in or out. Their pages have the one origin that may read an answer (CORS),
//! so a web page that got into a window anyway could read nothing.

use snaplark_app::{App, AppError, RecordingId};
use tauri::http::{Request, Response, StatusCode, header};
use tauri::{Manager, Runtime, UriSchemeContext, UriSchemeResponder, async_runtime};

use crate::{navigation, pages};

pub const SCHEME: &str = "recording";

enum Wanted {
    Still,
    /// The first frame of a piece.
    Frame(usize),
    Init,
    Piece(usize),
}

pub fn serve<R: Runtime>(
    context: UriSchemeContext<'_, R>,
    request: Request<Vec<u8>>,
    responder: UriSchemeResponder,
) {
    let asks = [pages::LIBRARY.label, pages::PREVIEW.label].contains(&context.webview_label());
    let app = context.app_handle().try_state::<App>().map(|app| app.inner().clone());
    let (Some(app), true) = (app, asks) else {
        return responder.respond(refusal(StatusCode::FORBIDDEN));
    };
    async_runtime::spawn(async move {
        // Tauri's `convertFileSrc` escapes the whole path as a single name.
        let path = request.uri().path().replace("%2F", "/");
        let answer = match parsed(&path) {
            Some((id, wanted)) => answer(&app, id, wanted).await,
            None => refusal(StatusCode::NOT_FOUND),
        };
        responder.respond(answer);
    });
}

fn parsed(path: &str) -> Option<(&str, Wanted)> {
    let (id, wanted) = path.strip_prefix('/')?.split_once('/')?;
    let wanted = match wanted {
        "still" => Wanted::Still,
        "init" => Wanted::Init,
        name => match name.strip_prefix("frame-") {
            Some(number) => Wanted::Frame(number.parse().ok()?),
            None => Wanted::Piece(name.parse().ok()?),
        },
    };
    Some((id, wanted))
}

async fn answer(app: &App, id: &str, wanted: Wanted) -> Response<Vec<u8>> {
    let Ok(id) = id.parse() else { return refusal(StatusCode::NOT_FOUND) };
    // Stills are shown again with each scroll, so they are cached; videos are too large.
    let (kind, caching) = match wanted {
        Wanted::Still | Wanted::Frame(_) => ("image/jpeg", "private, max-age=86400"),
        Wanted::Init | Wanted::Piece(_) => ("video/webm", "no-store"),
    };
    match read(app, id, wanted).await {
        Ok(bytes) => Response::builder()
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

async fn read(app: &App, id: RecordingId, wanted: Wanted) -> Result<Vec<u8>, AppError> {
    let media = app.media(id).await?;
    let read = async_runtime::spawn_blocking(move || match wanted {
        Wanted::Still => media.still(),
        Wanted::Frame(index) => media.frame(index),
        Wanted::Init => media.init(),
        Wanted::Piece(index) => media.piece(index),
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
    fn only_ids_and_the_four_kinds_are_understood() {
        assert!(matches!(parsed("/x/still"), Some(("x", Wanted::Still))));
        assert!(matches!(parsed("/x/init"), Some(("x", Wanted::Init))));
        assert!(matches!(parsed("/x/frame-7"), Some(("x", Wanted::Frame(7)))));
        assert!(matches!(parsed("/x/12"), Some(("x", Wanted::Piece(12)))));
        for path in [
            "",
            "/",
            "/x",
            "/x/",
            "/x/../init",
            "/x/-1",
            "/x/frame-",
            "/x/frame--1",
            "/x/still/",
            "x/still",
        ] {
            assert!(parsed(path).is_none(), "{path}");
        }
    }
}
