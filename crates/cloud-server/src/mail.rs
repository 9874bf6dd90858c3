//! Sends mail by SMTP: only the link that resets a forgotten password.
//!
//! The mail server's password comes from a file or the environment. It is never in the URL, in a log
//! line or in the output of `Debug`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use snaplark_cloud_web::{Mail, Mailer};
use tokio::sync::Semaphore;
use url::Url;

/// The settings for sending mail.
#[derive(Clone)]
pub struct MailOptions {
    /// `smtps://user@host:465`, or `smtp://user@host:587`, which uses STARTTLS. Unencrypted mail is
    /// only sent to a server on this computer, or with `?tls=none`.
    pub url: String,
    /// The password at the mail server, which the URL does not hold.
    pub password: Option<String>,
    /// The sender: `Snaplark <snaplark@example.com>`.
    pub from: String,
}

impl fmt::Debug for MailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailOptions").field("from", &self.from).finish_non_exhaustive()
    }
}

/// A mail server that takes longer for one answer is considered broken.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// The limit on concurrent connections to the mail server. Further mails wait for their turn.
const AT_ONCE: usize = 4;

/// Sends mail through an SMTP server.
#[derive(Clone)]
pub(crate) struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    turns: Arc<Semaphore>,
}

impl fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpMailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl SmtpMailer {
    /// Checks the options. The host of `public_url` is the name that the server gives to the mail
    /// server.
    pub(crate) fn new(options: &MailOptions, public_url: &str) -> Result<Self, String> {
        let url = Url::parse(&options.url)
            .map_err(|_| "the address must look like smtps://user@host:465".to_owned())?;
        if url.password().is_some() {
            return Err("the address must not hold the password: put it into a file, and name \
                        that with --smtp-password-file"
                .to_owned());
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or("the address names no host")?.to_owned();
        let is_plain = is_loopback(&host)
            || url.query_pairs().any(|(name, value)| name == "tls" && value == "none");
        let tls = || TlsParameters::new(host.clone()).map_err(|error| error.to_string());
        let (tls, port) = match url.scheme() {
            "smtps" => (Tls::Wrapper(tls()?), 465),
            "smtp" if is_plain => (Tls::None, 25),
            "smtp" => (Tls::Required(tls()?), 587),
            other => return Err(format!("'{other}' is neither smtp nor smtps")),
        };
        let from = options.from.parse();
        let from = from.map_err(|_| format!("'{}' is not a sender's address", options.from))?;
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&host)
            .port(url.port().unwrap_or(port))
            .tls(tls)
            .timeout(Some(ANSWER_MAX));
        if let Some(named) = Url::parse(public_url).ok().as_ref().and_then(Url::host_str) {
            transport = transport.hello_name(ClientId::Domain(named.to_owned()));
        }
        match (decoded(url.username()), &options.password) {
            (user, Some(password)) if !user.is_empty() => {
                transport = transport.credentials(Credentials::new(user, password.clone()));
            }
            (user, None) if user.is_empty() => {}
            (_, None) => {
                return Err("the password of its user is missing: name the file that \
                                     holds it with --smtp-password-file"
                    .to_owned());
            }
            (_, Some(_)) => {
                return Err("there is a password, but the address names no user".to_owned());
            }
        }
        Ok(SmtpMailer {
            transport: transport.build(),
            from,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        })
    }

    async fn send_now(&self, mail: Mail) -> Result<(), String> {
        let _turn = self.turns.acquire().await.expect("the semaphore is never closed");
        let Mail { to, subject, text } = mail;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to.parse().map_err(|_| "it can't be written to".to_owned())?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|error| error.to_string())?;
        self.transport.send(message).await.map(drop).map_err(|error| error.to_string())
    }
}

impl Mailer for SmtpMailer {
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.send_now(mail))
    }
}

fn is_loopback(host: &str) -> bool {
    let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

/// Decodes `user%40example.com` to `user@example.com`.
fn decoded(user: &str) -> String {
    let query = format!("u={}", user.replace('+', "%2B"));
    form_urlencoded::parse(query.as_bytes()).next().map_or_else(String::new, |(_, u)| u.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, password: Option<&str>) -> String {
        let password = password.map(str::to_owned);
        let from = "Snaplark <snaplark@example.com>".to_owned();
        let options = MailOptions { url: url.to_owned(), password, from };
        SmtpMailer::new(&options, "https://videos.example.com").err().unwrap_or_default()
    }

    #[test]
    fn mailer_refuses_passwords_in_its_address() {
        rustls::crypto::ring::default_provider().install_default().ok();
        assert!(refused("smtps://me:secret@example.com", None).contains("must not hold"));
        assert!(refused("smtps://me@example.com", None).contains("is missing"));
        assert!(refused("smtps://example.com", Some("x")).contains("names no user"));
        assert!(refused("https://example.com", None).contains("neither"));
        for good in ["smtps://me%40x@example.com", "smtp://me@example.com:2525"] {
            assert_eq!(refused(good, Some("x")), "", "{good}");
        }
        assert_eq!(refused("smtp://127.0.0.1:25", None), "");
    }

    #[test]
    fn debug_shows_no_password() {
        let from = "a@example.com".to_owned();
        let url = "smtps://me@example.com".to_owned();
        let options = MailOptions { url, password: Some("hush".to_owned()), from };
        assert!(!format!("{options:?}").contains("hush"));
    }
}
