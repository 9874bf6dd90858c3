//! The page that the browser shows when it comes back from a sign-in.
//!
//! The page is sent in two pieces over one connection: first "finishing", then the outcome once the app
//! knows it, since the server may refuse the token or the keyring may fail. The second piece hides the
//! first with CSS alone, without a script. If the connection ends before the second piece, the first stays
//! visible and says where to look. The page is self-contained and loads nothing.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::AppError;

const STYLE: &str = "\
:root{color-scheme:light dark;--desk:#f5f6f8;--bg:#fff;--raised:#f5f6f8;--line:rgb(15 23 42/9%);\
--text:#10141c;--soft:#5b6472;--accent:#2170ff;--done:#13864b;--waits:#a15c00}\
@media(prefers-color-scheme:dark){:root{--desk:#111318;--bg:#1a1d24;--raised:#23272f;\
--line:rgb(255 255 255/8.5%);--text:#f2f4f8;--soft:#a4adbb;--accent:#5b9aff;--done:#4cc38a;\
--waits:#f2b24c}}\
*{box-sizing:border-box;margin:0}\
body{min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--desk);\
color:var(--text);font:400 .9375rem/1.5 Inter,system-ui,sans-serif}\
main{display:flex;flex-direction:column;align-items:center;gap:.5rem;width:100%;max-width:29rem;\
padding:2.75rem 2.25rem;border:1px solid var(--line);border-radius:14px;background:var(--bg);\
text-align:center;text-wrap:balance;overflow-wrap:anywhere}\
main:has(~main){display:none}\
svg{width:3rem;height:3rem;padding:.75rem;margin-bottom:.5rem;border-radius:10px;\
background:var(--raised);fill:none;stroke:var(--accent);stroke-width:1.75;stroke-linecap:round;\
stroke-linejoin:round}\
.done svg{stroke:var(--done)}.failed svg{stroke:var(--waits)}\
h1{font-size:1.125rem;line-height:1.35;font-weight:600}p{color:var(--soft)}\
@media(forced-colors:active){svg{stroke:CanvasText}}";

const ICON_WAIT: &str = "<circle cx='12' cy='12' r='10'/><path d='M12 6v6l4 2'/>";
const ICON_DONE: &str = "<path d='M20 6 9 17l-5-5'/>";
const ICON_FAILED: &str = "<circle cx='12' cy='12' r='10'/><path d='M12 8v4M12 16h.01'/>";

/// An open connection to a browser that waits for the outcome of its sign-in.
pub struct CallbackPage {
    stream: TcpStream,
}

impl CallbackPage {
    /// Sends the first piece, which says that the sign-in is being finished.
    pub(crate) async fn open(mut stream: TcpStream) -> Self {
        let text = "Keep this page open for a moment. If nothing changes here, look at Snaplark: \
                    it says there what is missing.";
        let page = format!("{}{}", head(), card("wait", ICON_WAIT, "Finishing sign-in…", text));
        send(&mut stream, "200 OK", &page).await;
        CallbackPage { stream }
    }

    /// Sends the outcome and closes the connection. Must be called with `Ok` only after the token is
    /// stored, because the page then says "Signed in".
    pub async fn tell(mut self, outcome: Result<(), &AppError>) {
        let card = match outcome {
            Ok(()) => card(
                "done",
                ICON_DONE,
                "Signed in",
                "Snaplark is connected. You can close this page.",
            ),
            Err(error) => card(
                "failed",
                ICON_FAILED,
                "Not signed in",
                &format!("{error}. Go back to Snaplark to try again; your recordings are safe."),
            ),
        };
        self.write(&card).await;
        let _ = self.stream.shutdown().await;
    }

    /// Ignores errors: the sign-in does not depend on whether the browser is still connected.
    async fn write(&mut self, html: &str) {
        let _ = self.stream.write_all(html.as_bytes()).await;
        let _ = self.stream.flush().await;
    }
}

/// Answers a request that is not one of our callbacks.
pub(crate) async fn nothing_here(stream: &mut TcpStream) {
    let text = "Start with “Sign in” in Snaplark.";
    let page = format!("{}{}", head(), card("failed", ICON_FAILED, "Nothing is here", text));
    send(stream, "404 Not Found", &page).await;
    let _ = stream.shutdown().await;
}

/// Sends a response without a length; it ends when the connection closes.
async fn send(stream: &mut TcpStream, status: &str, page: &str) {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'sha256-{style}'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{page}"
    );
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.flush().await;
}

fn head() -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content='width=device-width,initial-scale=1'>\
         <meta name=color-scheme content='light dark'><title>Sign-in · Snaplark</title>\
         <style>{STYLE}</style></head><body>"
    )
}

fn card(kind: &str, icon: &str, title: &str, text: &str) -> String {
    format!(
        "<main class={kind} role=status><svg viewBox='0 0 24 24' aria-hidden=true>{icon}</svg>\
         <h1>{title}</h1><p>{}</p></main>",
        escaped(text)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    /// Returns an open page and the browser's end of its connection.
    async fn opened() -> (CallbackPage, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let browser = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (CallbackPage::open(stream).await, browser)
    }

    /// Reads from the browser's end until `sign` has arrived.
    async fn until(browser: &mut TcpStream, sign: &str) -> String {
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains(sign) {
            assert_ne!(browser.read_buf(&mut seen).await.unwrap(), 0, "no {sign}");
        }
        String::from_utf8(seen).unwrap()
    }

    #[tokio::test]
    async fn callback_page_says_signed_in_only_when_told() {
        let (page, mut browser) = opened().await;
        let first = until(&mut browser, "</main>").await;
        assert!(first.contains("Finishing sign-in") && !first.contains("Signed in"), "{first}");
        let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert!(
            first.contains(&format!("style-src 'sha256-{digest}'")) && !first.contains("<script")
        );
        page.tell(Ok(())).await;
        let mut rest = String::new();
        browser.read_to_string(&mut rest).await.unwrap();
        assert!(rest.contains("Signed in") && rest.contains("You can close this page"), "{rest}");
    }

    #[tokio::test]
    async fn callback_page_says_what_failed_as_text() {
        let (page, mut browser) = opened().await;
        let error = AppError::NoKeyring { reason: "<b>locked</b>".to_owned() };
        page.tell(Err(&error)).await;
        let mut all = String::new();
        browser.read_to_string(&mut all).await.unwrap();
        assert!(all.contains("Not signed in") && all.contains("&lt;b&gt;locked"), "{all}");
        assert!(!all.contains("Signed in<") && all.contains("Go back to Snaplark"));
    }
}
