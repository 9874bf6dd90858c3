//! A forgotten password: links of the operator's, links by mail, and who can't make use of them.

use std::sync::{Arc, Mutex};

use snaplark_cloud_server::MailOptions;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::browser::{Browser, PASSWORD, Seen, signed_in};
use crate::support::Server;
use crate::wait;

const WHO: &str = "a@example.com";
const NEW: &str = "another long password";
const MINUTE_MS: i64 = 60_000;

/// A mail server that keeps what it is given (RFC 5321, as much as a client needs).
struct MailServer {
    address: String,
    mails: Arc<Mutex<Vec<Mail>>>,
}

#[derive(Clone, Debug, Default)]
struct Mail {
    to: String,
    from: String,
    /// The client's Authorization header, as it came.
    auth: String,
    text: String,
}

impl MailServer {
    async fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(receive(stream, Arc::clone(&kept)));
            }
        });
        MailServer { address, mails }
    }

    fn options(&self) -> MailOptions {
        MailOptions {
            url: format!("smtp://robot@{}", self.address),
            password: Some("mail secret".to_owned()),
            from: "Snaplark <snaplark@example.com>".to_owned(),
        }
    }

    fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let what = format!("{count} mails");
        wait::until(&what, async || Some(self.mails()).filter(|mails| mails.len() >= count)).await
    }
}

async fn receive(stream: TcpStream, mails: Arc<Mutex<Vec<Mail>>>) {
    let mut stream = BufReader::new(stream);
    let mut mail = Mail::default();
    stream.write_all(b"220 test ESMTP\r\n").await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let command = line.trim_end().to_owned();
        let answer = match command.split(' ').next().unwrap().to_ascii_uppercase().as_str() {
            "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n",
            "AUTH" => {
                mail.auth = command;
                "235 ok\r\n"
            }
            "MAIL" => {
                mail.from = command;
                "250 ok\r\n"
            }
            "RCPT" => {
                mail.to = command;
                "250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.unwrap();
                loop {
                    let mut line = String::new();
                    stream.read_line(&mut line).await.unwrap();
                    if line == ".\r\n" {
                        break;
                    }
                    mail.text += &line;
                }
                mails.lock().unwrap().push(std::mem::take(&mut mail));
                "250 kept\r\n"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok();
                return;
            }
            _ => "250 ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// The path of the link in a mail.
fn link(mail: &Mail) -> String {
    // Quoted-printable: `=` is `=3D`, and a line that ends with `=` goes on.
    let text = mail.text.replace("=\r\n", "").replace("=3D", "=");
    let at = text.find("/reset-password?key=").unwrap_or_else(|| panic!("{text}"));
    text[at..].split_whitespace().next().unwrap().to_owned()
}

async fn ask(browser: &Browser, email: &str) -> Seen {
    let key = browser.key("/forgot-password").await;
    browser.post("/forgot-password", &[("formKey", &key), ("email", email)]).await
}

async fn reset(browser: &Browser, path: &str, new: &str, more: &[(&str, &str)]) -> Seen {
    let page = browser.get(path).await;
    if page.status != 200 {
        return page;
    }
    let (key, form_key) = (page.field("key"), page.field("formKey"));
    let fields = [("formKey", form_key.as_str()), ("key", key.as_str()), ("password", new)];
    browser.post("/reset-password", &[&fields[..], more].concat()).await
}

#[tokio::test]
async fn link_by_mail_sets_a_password_once_and_ends_other_sessions() {
    let mail = MailServer::start().await;
    let server = Server::with(|options| options.mail = Some(mail.options())).await;
    let old = signed_in(&server.url(), server.backend.place(), WHO).await;
    let app = server.user(WHO).await;
    let browser = Browser::new(&server.url());
    assert!(browser.get("/sign-in").await.html.contains("href=\"/forgot-password\""));
    let asked = ask(&browser, " A@Example.com").await;
    assert!(asked.status == 200 && asked.html.contains("Check your mail"), "{}", asked.html);

    let mails = mail.wait_for(1).await;
    assert_eq!(mails[0].to, format!("RCPT TO:<{WHO}>"));
    assert!(mails[0].from.contains("<snaplark@example.com>"), "{:?}", mails[0]);
    assert!(mails[0].auth.starts_with("AUTH PLAIN "), "{:?}", mails[0]);
    assert!(mails[0].text.contains("Subject: Choose a new Snaplark password"));
    let path = link(&mails[0]);
    let page = browser.get(&path).await;
    assert_eq!(
        (page.status, &page.headers["referrer-policy"]),
        (200, &"no-referrer".parse().unwrap())
    );
    assert_eq!(page.headers["cache-control"], "no-store");
    assert_eq!(browser.get(&path).await.status, 200, "looking uses nothing up");
    let short = reset(&browser, &path, "short", &[]).await;
    assert!(short.status == 400 && short.html.contains("at least 10"), "{}", short.html);
    assert_eq!(old.get("/my/videos").await.status, 200, "nothing has happened so far");

    assert_eq!(reset(&browser, &path, NEW, &[]).await.to(), "/my/account?said=password");
    assert_eq!(browser.get("/my/videos").await.status, 200, "signed in");
    assert!(old.get("/my/videos").await.to().starts_with("/sign-in"));
    app.get("/videos").await.refused(401);
    let again = reset(&Browser::new(&server.url()), &path, "a third long password", &[]).await;
    assert!(again.status == 410 && again.html.contains("doesn't work anymore"), "{}", again.html);
    let fresh = Browser::new(&server.url());
    assert_eq!(fresh.try_sign_in(WHO, PASSWORD).await.status, 401);
    assert_eq!(fresh.try_sign_in(WHO, NEW).await.status, 303);
    let entries =
        snaplark_cloud::audit_entries(server.backend.place(), Some(WHO), 100).await.unwrap();
    for action in ["password link sent", "password reset"] {
        assert_eq!(entries.iter().filter(|entry| entry.action == action).count(), 1, "{action}");
    }
    assert!(
        entries
            .iter()
            .filter(|it| it.action == "password link sent")
            .all(|it| it.address == "127.0.0.1")
    );
    let secret = path.split('=').nth(1).unwrap();
    let stored = server.backend.dump();
    assert!(!stored.windows(secret.len()).any(|at| at == secret.as_bytes()), "only its hash");
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let mail = MailServer::start().await;
    let server = Server::with(|options| options.mail = Some(mail.options())).await;
    signed_in(&server.url(), server.backend.place(), WHO).await;
    // Has a token, and nobody let them sign in by password.
    server.user("robot@example.com").await;
    let browser = Browser::new(&server.url());
    let known = ask(&browser, WHO).await;
    for email in ["b@example.com", "robot@example.com", "no address"] {
        let unknown = ask(&browser, email).await;
        assert_eq!((known.status, &known.html), (unknown.status, &unknown.html), "{email}");
    }
    mail.wait_for(1).await;
    // Another one afterwards shows that those before it led to nothing.
    ask(&browser, WHO).await;
    let mails = mail.wait_for(2).await;
    assert!(mails.iter().all(|mail| mail.to.contains(WHO)), "{mails:?}");
}

#[tokio::test]
async fn requests_for_mail_are_limited() {
    let mail = MailServer::start().await;
    let server = Server::with(|options| options.mail = Some(mail.options())).await;
    signed_in(&server.url(), server.backend.place(), WHO).await;
    let browser = Browser::new(&server.url());
    for email in [WHO, "b@example.com"] {
        for _ in 0..3 {
            assert_eq!(ask(&browser, email).await.status, 200);
        }
        let refused = ask(&browser, email).await;
        assert_eq!(refused.status, 429, "with an account and without");
        assert!(refused.headers.contains_key("retry-after"));
    }
    mail.wait_for(3).await;
    let foreign = [("formKey", "x"), ("email", WHO)];
    assert_eq!(browser.post("/forgot-password", &foreign).await.status, 403);
    assert_eq!(mail.mails().len(), 3);
}

#[tokio::test]
async fn link_ends_after_an_hour_and_with_any_new_password() {
    let server = Server::start().await;
    signed_in(&server.url(), server.backend.place(), WHO).await;
    let browser = Browser::new(&server.url());
    let made = async || {
        let link = snaplark_cloud::reset_link(server.backend.place(), WHO, &server.url()).await;
        link.unwrap().strip_prefix(&server.url()).unwrap().to_owned()
    };
    // The command line has the computer's clock, the test's server another: only what passes counts.
    let now_ms = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let ahead_ms = now_ms.as_millis() as i64 - 1_800_000_000_000;
    server.pass_ms(ahead_ms);
    let path = made().await;
    server.pass_ms(59 * MINUTE_MS);
    assert_eq!(browser.get(&path).await.status, 200);
    server.pass_ms(2 * MINUTE_MS);
    assert_eq!(reset(&browser, &path, NEW, &[]).await.status, 410);
    server.pass_ms(-61 * MINUTE_MS);

    let (one, two) = (made().await, made().await);
    let app = server.user(WHO).await;
    reset(&browser, &one, NEW, &[]).await.to();
    assert_eq!(reset(&browser, &two, NEW, &[]).await.status, 410, "the other one ends with it");
    app.get("/videos").await.refused(401);
    let three = made().await;
    let set = snaplark_cloud::SetPassword::Replace;
    snaplark_cloud::set_password(server.backend.place(), WHO, PASSWORD, set).await.unwrap();
    assert_eq!(browser.get(&three).await.status, 410);
    for path in ["/reset-password", "/reset-password?key=", "/reset-password?key=%00x"] {
        assert_eq!(browser.get(path).await.status, 410, "{path}");
    }
}

#[tokio::test]
async fn server_without_mail_says_to_ask_its_operator() {
    let server = Server::start().await;
    let browser = Browser::new(&server.url());
    let page = browser.get("/forgot-password").await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("snaplark-cloud reset-link --user"), "{}", page.html);
    assert!(!page.html.contains("<form"), "there is nothing to send");
    let nobody = snaplark_cloud::reset_link(server.backend.place(), WHO, &server.url()).await;
    assert!(nobody.unwrap_err().to_string().contains("There is no user"));
}

#[tokio::test]
async fn mail_server_that_fails_is_logged_and_changes_no_answer() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let from = "snaplark@example.com".to_owned();
    let options = MailOptions { url: format!("smtp://{address}"), password: None, from };
    let server = Server::with(|it| it.mail = Some(options)).await;
    signed_in(&server.url(), server.backend.place(), WHO).await;
    let asked = ask(&Browser::new(&server.url()), WHO).await;
    assert!(asked.status == 200 && asked.html.contains("Check your mail"));
}
