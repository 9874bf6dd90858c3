//! The embedded server of this computer, as the app and the command line start it. It uses the same
//! port in every run, so that older links still work.
//!
//! Two of them may run on one folder at once (the app, and a `snaplark record` beside it). The second
//! one listens on a port of its own but writes the first one's port into its links, because the first
//! one keeps running and serves the same videos. A lock in the folder tells which one is the first.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::error::CloudError;
use crate::local_network::LocalNetworkSharing;
use crate::server::{Cloud, CloudOptions, start};
use snaplark_cloud::secrets;
use snaplark_cloud_data::place::DataError;
use snaplark_cloud_data::private;

/// The preferred port if no earlier run has chosen one.
const PORT_FIRST: u16 = 47_475;
const PORT_FILE: &str = "port";
const LOCK_FILE: &str = "port.lock";
/// Holds the token. It lies beside the database and the videos, in a folder that only its owner can
/// read.
const TOKEN_FILE: &str = "token";
/// The only user of the embedded server.
const USER: &str = "me@this.computer";
/// High enough not to limit anything: there is one client, and nobody to be protected from it.
const PARTS_PER_SECOND: u32 = 1_000;

/// A running embedded server, its token and its sharing on the local network.
pub struct Embedded {
    /// The server.
    pub cloud: Cloud,
    /// The token of its only user.
    pub token: String,
    /// Sharing on the local network, which is off at first.
    pub local_network: LocalNetworkSharing,
}

/// Starts the server of this computer in a data folder, at the port of the run before if that is
/// free.
pub async fn start_embedded(data: &Path) -> Result<Embedded, CloudError> {
    let unusable = |error: std::io::Error| DataError::DataFolder {
        path: data.to_owned(),
        reason: snaplark_cloud_data::place::plain(&error),
    };
    private::make_folder(data).map_err(unusable)?;
    let folder = data.to_owned();
    let closed = tokio::task::spawn_blocking(move || private::close_all(&folder)).await;
    closed.map_err(std::io::Error::other).and_then(|closed| closed).map_err(unusable)?;
    let lock =
        private::options().write(true).create(true).truncate(true).open(data.join(LOCK_FILE));
    let lock = lock.map_err(unusable)?;
    let is_first = lock.try_lock().is_ok();
    let port_file = data.join(PORT_FILE);
    let chosen = fs::read_to_string(&port_file).ok().and_then(|text| text.trim().parse().ok());

    let wanted = if is_first { chosen.unwrap_or(PORT_FIRST) } else { 0 };
    let mut options = CloudOptions::new(data, SocketAddr::from((Ipv4Addr::LOCALHOST, wanted)));
    options.any_port = true;
    options.has_sign_in = false;
    options.is_this_computer = true;
    options.parts_per_second = PARTS_PER_SECOND;
    if let (false, Some(port)) = (is_first, chosen) {
        options.public_url =
            Some(format!("http://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port))));
    }
    let mut cloud = start(options).await?;
    let port = cloud.address().port();
    if is_first && chosen != Some(port) {
        private::write(&port_file, port.to_string().as_bytes()).map_err(unusable)?;
    }
    cloud.held = is_first.then_some(lock);
    let token = kept_token(&data.join(TOKEN_FILE)).map_err(unusable)?;
    cloud.app.accounts.know_token(USER, &token, "This computer").await?;
    let stop = cloud.stop.child_token();
    let local_network = LocalNetworkSharing::new(std::sync::Arc::clone(&cloud.app), data, stop);
    Ok(Embedded { cloud, token, local_network })
}

/// Returns the token that all programs on the folder share, at the same time and later. A new token
/// for each run would accumulate, and replacing the last one would invalidate it for a program that
/// still uses it.
fn kept_token(file: &Path) -> std::io::Result<String> {
    if let Some(token) = read_token(file) {
        return Ok(token);
    }
    let (token, _) = secrets::new_token().map_err(std::io::Error::other)?;
    let fresh = file.with_extension(format!("{}", std::process::id()));
    private::write(&fresh, token.as_bytes())?;
    // The first process that creates the link has made the token; the others read it.
    let linked = fs::hard_link(&fresh, file);
    let token = match read_token(file) {
        Some(token) => token,
        // The file system has no hard links, or the file holds no token.
        None => {
            drop(linked);
            fs::rename(&fresh, file)?;
            return Ok(token);
        }
    };
    fs::remove_file(&fresh)?;
    Ok(token)
}

fn read_token(file: &Path) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let token = text.trim();
    secrets::is_token(token).then(|| token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_port_stays_and_a_second_one_links_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        // This port is below the range from which the system assigns ports. Other tests run at the
        // same time and use the preferred port and free ports.
        let port = 20_000 + std::process::id() % 10_000;
        fs::write(folder.path().join(PORT_FILE), port.to_string()).unwrap();
        let first = start_embedded(folder.path()).await.unwrap();
        let url = first.cloud.public_url().to_owned();
        let second = start_embedded(folder.path()).await.unwrap();
        assert_eq!(first.cloud.address().port(), port as u16);
        assert_ne!(second.cloud.address(), first.cloud.address());
        assert_eq!(second.cloud.public_url(), url);
        let Embedded { cloud: second_cloud, token: second_token, .. } = second;
        second_cloud.shutdown().await.unwrap();
        let Embedded { cloud: first_cloud, token: first_token, .. } = first;
        first_cloud.shutdown().await.unwrap();
        let again = start_embedded(folder.path()).await.unwrap();
        assert_eq!(again.cloud.public_url(), url);
        assert_eq!((&first_token, &second_token), (&again.token, &again.token));
        assert_eq!(again.cloud.tokens_of(USER).await, 1, "one row, however often it is started");
    }

    /// Its one user has no password, and their library is a window of the app.
    #[tokio::test]
    async fn pages_for_signed_in_people_say_that_the_library_is_in_the_app() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().unwrap();
        let port = 30_000 + std::process::id() % 10_000;
        fs::write(folder.path().join(PORT_FILE), port.to_string()).unwrap();
        let here = start_embedded(folder.path()).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        for path in ["/my", "/my/videos", "/my/account", "/sign-in", "/forgot-password"] {
            let url = format!("{}{path}", here.cloud.public_url());
            let page = http.get(url).header("accept-language", "de").send().await.unwrap();
            assert_eq!(page.status().as_u16(), 200, "{path}");
            let page = page.text().await.unwrap();
            assert!(page.contains("Deine Bibliothek ist in Snaplark"), "{path}: {page}");
            assert!(!page.contains("<form"), "{path}: there is nothing to fill in");
        }
        let front = http.get(here.cloud.public_url()).send().await.unwrap().text().await.unwrap();
        assert!(!front.contains("/my/videos"), "{front}");
        here.cloud.shutdown().await.unwrap();
    }
}
