//! HTML responses with their content security policy and caching headers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;

use crate::pages::FormRefusal;

/// No inline scripts or styles, nothing from other sites. `blob:` is needed to play a live recording.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
     media-src 'self' blob:; connect-src 'self'; base-uri 'none'";

pub(crate) fn html(status: StatusCode, page: Markup) -> Response {
    html_that_sends_to(status, page, "'self'")
}

/// `targets` is where the page's forms may lead, including redirects.
pub(crate) fn html_that_sends_to(status: StatusCode, page: Markup, targets: &str) -> Response {
    let policy = format!("{POLICY}; form-action {targets}; frame-ancestors 'none'");
    let mut response = (status, page.into_string()).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        // Every page is in the language that the browser asks for.
        (header::VARY, "accept-language"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(policy.parse().ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response
}

/// Adds what the browser can load before it has read the page. A proxy may send it earlier, as early hints
/// (RFC 8297).
pub(crate) fn with_preloads(mut response: Response, links: &[String]) -> Response {
    response.headers_mut().extend(links.join(", ").parse().ok().map(|links| (header::LINK, links)));
    response
}

/// Forbids caching. For personal pages: not even the back button shows them after signing out.
pub(crate) fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns a page with a form, which is not cached. `status` applies if there is no refusal.
pub(crate) fn form_page(
    status: StatusCode,
    page: Markup,
    refusal: Option<FormRefusal>,
) -> Response {
    let mut response = unkept(html(refusal.map_or(status, status_of), page));
    if let Some(FormRefusal::TooMany { retry_after_s }) = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after_s.into());
    }
    response
}

fn status_of(refusal: FormRefusal) -> StatusCode {
    match refusal {
        FormRefusal::Wrong | FormRefusal::WrongCurrent | FormRefusal::WrongToDelete => {
            StatusCode::UNAUTHORIZED
        }
        FormRefusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        FormRefusal::Stale => StatusCode::FORBIDDEN,
        FormRefusal::NewPassword => StatusCode::BAD_REQUEST,
    }
}
