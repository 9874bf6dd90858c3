//! A browser as far as the server can tell: it keeps cookies, sends forms, and follows nothing by
//! itself.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, header};
use snaplark_cloud::DataLocation;

pub struct Browser {
    http: Client,
    url: String,
    cookies: Mutex<BTreeMap<String, String>>,
    /// The client's address that a proxy would report.
    from: Mutex<Option<String>>,
}

pub struct Seen {
    pub status: u16,
    pub headers: header::HeaderMap,
    pub html: String,
}

impl Seen {
    /// Where it leads.
    #[track_caller]
    pub fn to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.html);
        self.headers[header::LOCATION].to_str().unwrap()
    }

    /// The value of a hidden field.
    #[track_caller]
    pub fn field(&self, name: &str) -> String {
        let sign = format!("name=\"{name}\" value=\"");
        let rest = self.html.split_once(&sign).unwrap_or_else(|| panic!("{name}: {}", self.html)).1;
        rest.split('"').next().unwrap().replace("&amp;", "&")
    }

    pub fn set_cookies(&self) -> Vec<&str> {
        self.headers.get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap()).collect()
    }
}

impl Browser {
    pub fn new(url: &str) -> Browser {
        Browser::at(url, None)
    }

    /// One that connects from another address of this computer.
    pub fn at(url: &str, address: Option<std::net::IpAddr>) -> Browser {
        crate::support::http();
        let http = Client::builder().no_proxy().redirect(Policy::none()).local_address(address);
        let http = http.build().unwrap();
        Browser { http, url: url.to_owned(), cookies: Mutex::default(), from: Mutex::default() }
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.see(self.http.get(format!("{}{path}", self.url))).await
    }

    /// As a page of the server's own sends it.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = self.http.post(format!("{}{path}", self.url)).header("Origin", &self.url);
        self.see(request.form(fields)).await
    }

    pub async fn post_from(&self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Seen {
        let request = self.http.post(format!("{}{path}", self.url)).header("Origin", origin);
        self.see(request.form(fields)).await
    }

    pub async fn see(&self, request: RequestBuilder) -> Seen {
        let cookies: Vec<_> =
            self.cookies.lock().unwrap().iter().map(|(k, v)| format!("{k}={v}")).collect();
        let from = self.from.lock().unwrap().clone();
        let request = from.into_iter().fold(request, |it, from| it.header("x-forwarded-for", from));
        let response = request.header(header::COOKIE, cookies.join("; ")).send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        for line in headers.get_all(header::SET_COOKIE) {
            let pair = line.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
        }
        Seen { status, headers, html: response.text().await.unwrap() }
    }

    pub fn come_from(&self, address: &str) {
        *self.from.lock().unwrap() = Some(address.to_owned());
    }

    pub fn forget_cookie(&self, name: &str) {
        self.cookies.lock().unwrap().remove(name);
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// The key of the forms on a page.
    pub async fn key(&self, path: &str) -> String {
        self.get(path).await.field("formKey")
    }

    pub async fn try_sign_in(&self, email: &str, password: &str) -> Seen {
        let key = self.key("/sign-in").await;
        let fields =
            [("email", email), ("password", password), ("formKey", key.as_str()), ("next", "")];
        self.post("/sign-in", &fields).await
    }
}

pub const PASSWORD: &str = "correct horse battery";

/// Somebody with a password, and a browser that they are signed in with.
pub async fn signed_in(url: &str, place: DataLocation, email: &str) -> Browser {
    let set = snaplark_cloud::SetPassword::Add;
    snaplark_cloud::set_password(place, email, PASSWORD, set).await.unwrap();
    let browser = Browser::new(url);
    assert_eq!(browser.try_sign_in(email, PASSWORD).await.to(), "/my/videos");
    browser
}
