//! The cloud in this computer, as the app and the command line start it: on a port that stays the
//! same from run to run, so that yesterday's links still work.
//!
//! Two of them may run on one folder at once (the app, and a `snaplark record` beside it). The
//! second listens on a port of its own but writes the first one's into its links: that is the one
//! that stays, and it serves the same videos. Whose turn it is, a lock in the folder tells.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::{Cloud, CloudError, CloudOptions, start};

/// Taken where no earlier run chose another, if it is free.
const PORT_FIRST: u16 = 47_475;
const PORT_FILE: &str = "port";
const LOCK_FILE: &str = "port.lock";
/// The one user of this computer's cloud.
const USER: &str = "me@this.computer";
/// Nobody has to be protected from the only client there is.
const PARTS_PER_SECOND: u32 = 1_000;

pub struct Embedded {
    pub cloud: Cloud,
    pub token: String,
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
    let token = cloud.issue_token(USER).await?;
    Ok(Embedded { cloud, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_port_stays_and_a_second_one_links_to_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = start_embedded(folder.path()).await.unwrap();
        let url = first.cloud.public_url().to_owned();
        let second = start_embedded(folder.path()).await.unwrap();
        assert_ne!(second.cloud.address(), first.cloud.address());
        assert_eq!(second.cloud.public_url(), url);
        second.cloud.shutdown().await.unwrap();
        first.cloud.shutdown().await.unwrap();
        let again = start_embedded(folder.path()).await.unwrap();
        assert_eq!(again.cloud.public_url(), url);
    }
}
