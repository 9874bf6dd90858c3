//! The scopes that each request needs. Pure.

use axum::http::Method;
use snaplark_cloud_data::scopes::Scope;

/// Returns the scopes of which a request needs one, by its method and the pattern of its path.
pub(crate) fn needed_scopes(method: &Method, pattern: &str) -> &'static [Scope] {
    /// Paths that a client with the scope `upload` may read: the state of its upload, and what is
    /// left of its quota.
    const OF_UPLOADS: [&str; 4] =
        ["/api/v1/videos/{session}", "/api/v1/usage", "/api/v1/user", "/api/storage/upload-status"];
    match *method {
        Method::GET | Method::HEAD if OF_UPLOADS.contains(&pattern) => {
            &[Scope::Read, Scope::Upload]
        }
        // This returns an upload URL, so it needs the scope `upload`.
        Method::GET if pattern == "/api/storage/get-direct-upload-url" => &[Scope::Upload],
        Method::GET | Method::HEAD => &[Scope::Read],
        Method::POST | Method::PUT => &[Scope::Upload],
        _ => &[Scope::Account],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_needs_the_least_that_it_does() {
        for (method, pattern, scopes) in [
            (Method::POST, "/api/v1/videos/init", &[Scope::Upload][..]),
            (Method::GET, "/api/v1/videos", &[Scope::Read]),
            (Method::GET, "/api/v1/videos/{session}", &[Scope::Read, Scope::Upload]),
            (Method::PATCH, "/api/v1/videos/{session}", &[Scope::Account]),
            (Method::DELETE, "/api/v1/videos/{session}", &[Scope::Account]),
        ] {
            assert_eq!(needed_scopes(&method, pattern), scopes, "{method} {pattern}");
        }
    }
}
