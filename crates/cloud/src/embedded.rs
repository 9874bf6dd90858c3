//! The cloud in this computer, as the app and the command line start it: on a port that stays the
//! same from run to run, so that yesterday's links still work, with a token that is only in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use crate::{Cloud, CloudError, CloudOptions, start};

/// Taken where no earlier run chose another, if it is free.
const PORT_FIRST: u16 = 47_475;
const PORT_FILE: &str = "port";
/// The one user of this computer's cloud.
const USER: &str = "me@this.computer";

pub struct Embedded {
    pub cloud: Cloud,
    pub token: String,
}

pub async fn start_embedded(data: &Path) -> Result<Embedded, CloudError> {
    let unusable = |error: std::io::Error| CloudError::DataFolder {
        path: data.to_owned(),
        reason: error.to_string(),
    };
    std::fs::create_dir_all(data).map_err(unusable)?;
    let port_file = data.join(PORT_FILE);
    let chosen = std::fs::read_to_string(&port_file).ok().and_then(|text| text.trim().parse().ok());
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, chosen.unwrap_or(PORT_FIRST)));
    let cloud = start(CloudOptions { any_port: true, ..CloudOptions::new(data, wanted) }).await?;
    let port = cloud.address().port();
    if chosen != Some(port) {
        std::fs::write(&port_file, port.to_string()).map_err(unusable)?;
    }
    let token = cloud.issue_token(USER).await?;
    Ok(Embedded { cloud, token })
}
