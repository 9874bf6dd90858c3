//! HTML responses with their content security policy and caching headers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;

use crate::pages::Refusal;

/// No inline scripts or styles, nothing from other sites. `blob:` is needed to play a live recording.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; \
     media-src 'self' blob:; connect-src 'self'; base-uri 'none'";

pub fn html(status: StatusCode, page: Markup) -> Response {
    html_that_sends_to(status, page, "'self'")
}

/// `targets` is where the page's forms may lead, including redirects.
pub fn html_that_sends_to(status: StatusCode, page: Markup, targets: &str) -> Response {
    let policy = format!("{POLICY}; form-action {targets}; frame-ancestors 'none'");
    let mut response = (status, page.into_string()).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.extend(policy.parse().ok().map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response
}

/// Forbids caching. For personal pages: not even the back button shows them after signing out.
pub fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns a page with a form, which is not cached. `status` applies if there is no refusal.
pub fn form_page(status: StatusCode, page: Markup, refusal: Option<Refusal>) -> Response {
    let mut response = unkept(html(refusal.map_or(status, status_of), page));
    if let Some(Refusal::TooMany { retry_after_s }) = refusal {
        response.headers_mut().insert(header::RETRY_AFTER, retry_after_s.into());
    }
    response
}

fn status_of(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Wrong | Refusal::WrongCurrent | Refusal::WrongToDelete => StatusCode::UNAUTHORIZED,
        Refusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::Stale => StatusCode::FORBIDDEN,
        Refusal::NewPassword => StatusCode::BAD_REQUEST,
    }
}
