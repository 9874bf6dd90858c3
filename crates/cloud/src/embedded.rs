//! The cloud in this computer, as the app and the command line start it: on a port that stays the
//! same from run to run, so that yesterday's links still work.
//!
//! Two of them may run on one folder at once (the app, and a `snaplark record` beside it). The
//! second listens on a port of its own but writes the first one's into its links: that is the one
//! that stays, and it serves the same videos. Whose turn it is, a lock in the folder tells.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::local_network::LocalNetwork;
use crate::{Cloud, CloudError, CloudOptions, secrets, start};

/// Taken where no earlier run chose another, if it is free.
const PORT_FIRST: u16 = 47_475;
const PORT_FILE: &str = "port";
const LOCK_FILE: &str = "port.lock";
/// Beside the database and the videos, in a folder that only its owner may look into.
const TOKEN_FILE: &str = "token";
/// The one user of this computer's cloud.
const USER: &str = "me@this.computer";
/// Nobody has to be protected from the only client there is.
const PARTS_PER_SECOND: u32 = 1_000;

pub struct Embedded {
    pub cloud: Cloud,
    pub token: String,
    /// Off until somebody wants it.
    pub local_network: LocalNetwork,
}

pub async fn start_embedded(data: &Path) -> Result<Embedded, CloudError> {
    let unusable = |error: std::io::Error| CloudError::DataFolder {
        path: data.to_owned(),
        reason: crate::plain(&error),
    };
    crate::make_private(data).await.map_err(unusable)?;
    let lock = File::create(data.join(LOCK_FILE)).map_err(unusable)?;
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
        fs::write(&port_file, port.to_string()).map_err(unusable)?;
    }
    cloud.held = is_first.then_some(lock);
    let token = kept_token(&data.join(TOKEN_FILE)).map_err(unusable)?;
    cloud.know_token(USER, &token, "This computer").await?;
    let stop = cloud.stop.child_token();
    let local_network = LocalNetwork::new(std::sync::Arc::clone(&cloud.app), data, stop);
    Ok(Embedded { cloud, token, local_network })
}

/// One token for all that run on the folder, at once and one after the other: a new one each time
/// would pile up, and replacing the last would take it from a program that still uses it.
fn kept_token(file: &Path) -> std::io::Result<String> {
    if let Some(token) = read_token(file) {
        return Ok(token);
    }
    let (token, _) = secrets::new_token().map_err(std::io::Error::other)?;
    let fresh = file.with_extension(format!("{}", std::process::id()));
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&fresh)?.write_all(token.as_bytes())?;
    // Whoever is first to give it its name has made the token; the others read it.
    let linked = fs::hard_link(&fresh, file);
    let token = match read_token(file) {
        Some(token) => token,
        // No links on this disk, or a file that holds no token.
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
        // One below those that the system gives away: other tests, which run at the same time, take
        // the first choice and whatever is free.
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
}
