//! The server encrypts by itself, with whatever certificate is in its files now.

use std::path::Path;
use std::time::{Duration, Instant};

use rcgen::CertifiedKey;
use reqwest::{Certificate, Client};
use snaplark_cloud_server::TlsFiles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::browser::PASSWORD;
use crate::support::{Server, User, http, synthetic};
use crate::wait;

/// Writes a new pair.
fn renewed(folder: &Path) -> Certificate {
    http();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let CertifiedKey { cert, signing_key } = made;
    std::fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

/// A new one, that trusts nothing else: one that was here before goes on with what it agreed on.
fn client(only: &Certificate) -> Client {
    Client::builder().no_proxy().tls_certs_only([only.clone()]).build().unwrap()
}

async fn server(folder: &Path) -> Server {
    let files = TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") };
    Server::with(|options| options.tls = Some(files)).await
}

#[tokio::test]
async fn encrypted_and_renewed_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = renewed(folder.path());
    let server = server(folder.path()).await;
    let url = server.cloud.url().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert_eq!(server.cloud.public_url(), url, "links are encrypted, too");
    let ask = async |only: &Certificate| {
        let answer = client(only).get(format!("{url}/sign-in")).send().await.ok()?;
        Some(answer.headers()["set-cookie"].to_str().unwrap().to_owned())
    };
    let cookie = ask(&first).await.expect("an answer");
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure"), "{cookie}");

    // Neither noise, nor nothing at all, nor plain text holds up anybody else.
    let mut noise = TcpStream::connect(server.cloud.address()).await.unwrap();
    noise.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    noise.read_to_end(&mut said).await.ok();
    assert!(!said.starts_with(b"HTTP"), "nothing is answered in plain text");
    let _silent: Vec<_> =
        futures_util::future::join_all((0..20).map(|_| TcpStream::connect(server.cloud.address())))
            .await;
    assert!(ask(&first).await.is_some());

    let second = renewed(folder.path());
    wait::until_true("the new certificate", async || ask(&second).await.is_some()).await;
    assert!(ask(&first).await.is_none(), "it is trusted no more than its files");

    // Half of a renewal: this key is not that certificate's.
    let certificate = std::fs::read(folder.path().join("cert.pem")).unwrap();
    let third = renewed(folder.path());
    std::fs::write(folder.path().join("cert.pem"), &certificate).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        assert!(ask(&second).await.is_some(), "the old pair stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(ask(&third).await.is_none());
}

#[tokio::test]
async fn clients_that_speak_http2_get_it_and_the_others_http1() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = renewed(folder.path());
    let server = server(folder.path()).await;
    let url = server.cloud.url().to_owned();
    let token = server.cloud.issue_token("a@example.com").await.unwrap();
    let old = Client::builder().no_proxy().tls_certs_only([certificate.clone()]).http1_only();
    for (http, version) in [
        (client(&certificate), reqwest::Version::HTTP_2),
        (old.build().unwrap(), reqwest::Version::HTTP_11),
    ] {
        let user = User { http: http.clone(), url: url.clone(), token: token.clone() };
        let page = http.get(format!("{url}/sign-in")).send().await.unwrap();
        assert_eq!((page.version(), page.status().as_u16()), (version, 200));
        // A whole upload, and more of its bytes at once than one connection may have under way.
        let parts = synthetic(3, 300).stream();
        let answer = user.upload(&parts).await;
        let path = format!("/videos/{}", answer["videoId"].as_str().unwrap());
        let whole = parts.concat();
        let original = format!("{path}/original.webm");
        let all = (0..80).map(|_| user.bytes(&original));
        for bytes in futures_util::future::join_all(all).await {
            assert!(bytes == whole, "{version:?}");
        }
        let range = http.get(format!("{url}{original}")).header("range", "bytes=5-9");
        let range = range.send().await.unwrap();
        assert_eq!(range.status().as_u16(), 206);
        assert_eq!(range.bytes().await.unwrap(), whole[5..10]);
        let long = http.get(&url).header("x-long", "x".repeat(100_000)).send().await;
        // A client may also refuse to send more than it was told that the server takes.
        assert!(long.is_err() || long.unwrap().status().as_u16() == 431, "{version:?}");
    }
}

#[tokio::test]
async fn who_asks_is_known_behind_encryption() {
    let folder = tempfile::tempdir().unwrap();
    let client = client(&renewed(folder.path()));
    let server = server(folder.path()).await;
    let place = server.backend.place();
    let set = snaplark_cloud::SetPassword::Add;
    snaplark_cloud::set_password(place, "a@example.com", PASSWORD, set).await.unwrap();
    let url = server.cloud.url();
    let page = client.get(format!("{url}/sign-in")).send().await.unwrap();
    let cookie =
        page.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let html = page.text().await.unwrap();
    let key = html.split("name=\"formKey\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let form = [("email", "a@example.com"), ("password", "not the password"), ("formKey", key)];
    let request = client.post(format!("{url}/sign-in")).header("Cookie", cookie).form(&form);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    let entries = snaplark_cloud::audit_entries(server.backend.place(), None, 10).await.unwrap();
    let refused = entries.iter().find(|entry| entry.action == "sign-in refused").expect("a note");
    assert_eq!(refused.address, "127.0.0.1");
}

#[tokio::test]
async fn files_that_can_not_be_used_are_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    renewed(folder.path());
    std::fs::write(folder.path().join("key.pem"), "no key").unwrap();
    let files = TlsFiles {
        certificate: folder.path().join("cert.pem"),
        key: folder.path().join("key.pem"),
    };
    let address = "127.0.0.1:0".parse().unwrap();
    let mut options =
        snaplark_cloud_server::ServerOptions::new(&folder.path().join("data"), address);
    options.tls = Some(files);
    let error = snaplark_cloud_server::start(options).await.unwrap_err().to_string();
    assert!(
        error.contains("Connections can't be encrypted") && error.contains("key.pem"),
        "{error}"
    );
}
