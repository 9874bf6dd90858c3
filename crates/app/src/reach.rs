//! Who can open a link, derived from the link alone; and the shell's state of sharing on the local network.

use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use snaplark_api::untrusted::is_web_link;
use ts_rs::TS;

/// Who can open a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "kebab-case")]
#[ts(export)]
pub enum LinkReach {
    /// Programs on this computer.
    ThisComputer,
    /// Other computers in the house.
    LocalNetwork,
    /// Everybody.
    Internet,
}

impl LinkReach {
    /// Derives the reach from the link's host. A path is this computer's. A host name counts as the internet's, except `.local` names
    /// and names without a dot, which only a local network knows.
    pub fn of(link: &str) -> Self {
        let Some((_, rest)) = link.split_once("://") else { return LinkReach::ThisComputer };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_loopback() || ip.is_unspecified() => LinkReach::ThisComputer,
            Ok(IpAddr::V4(ip)) if ip.is_private() || ip.is_link_local() => LinkReach::LocalNetwork,
            Ok(IpAddr::V6(ip)) if ip.is_unique_local() || ip.is_unicast_link_local() => {
                LinkReach::LocalNetwork
            }
            Ok(_) => LinkReach::Internet,
            Err(_) if host == "localhost" || host.ends_with(".localhost") => {
                LinkReach::ThisComputer
            }
            Err(_) if host.ends_with(".local") || !host.contains('.') => LinkReach::LocalNetwork,
            Err(_) => LinkReach::Internet,
        }
    }
}

/// The state of sharing on the local network, as windows show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[ts(export)]
pub enum LocalNetworkView {
    /// It is off.
    #[default]
    Off,
    /// Others on the local network can open links.
    #[serde(rename_all = "camelCase")]
    On {
        /// The beginning of each link.
        base_url: String,
        /// The port on which it listens.
        #[ts(type = "number")]
        port: u16,
        /// A firewall that is active and may block others: `ufw` or `firewalld`.
        firewall: Option<String>,
    },
    /// Sharing is wanted, but this computer is in no local network.
    NoNetwork,
    /// It can't be on.
    Failed {
        /// The reason, in a sentence.
        detail: String,
    },
}

/// Converts a link to this computer into one for the local network.
pub type LocalLinks = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The shell's state of sharing on the local network, sent whenever it changes.
#[derive(Clone, Default)]
pub struct LocalNetwork {
    /// Its view, as windows show it.
    pub view: LocalNetworkView,
    /// How links are made. `None`: nobody else can open them.
    pub links: Option<LocalLinks>,
}

impl LocalNetwork {
    /// Returns a link as it is handed out now: with the current address of the local network if sharing
    /// there is on.
    pub fn handed_out(&self, link: &str) -> String {
        let is_local = is_web_link(link) && LinkReach::of(link) == LinkReach::ThisComputer;
        let local = self.links.as_ref().filter(|_| is_local);
        local.and_then(|links| links(link)).unwrap_or_else(|| link.to_owned())
    }

    pub(crate) fn is_on(&self) -> bool {
        matches!(self.view, LocalNetworkView::On { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reach_is_told_from_the_links_host() {
        use LinkReach::{Internet, LocalNetwork, ThisComputer};
        for (link, reach) in [
            ("http://127.0.0.1:47475/videos/1", ThisComputer),
            ("http://localhost:8080/videos/1", ThisComputer),
            ("/media/work/Shared/talk.com.webm", ThisComputer),
            ("http://[::1]:8080/videos/1", ThisComputer),
            ("http://192.168.1.7:47476/videos/1-k", LocalNetwork),
            ("http://desk.local:47476/videos/1-k", LocalNetwork),
            ("http://nas:8080/videos/1", LocalNetwork),
            ("http://[fd00::7]:47476/videos/1", LocalNetwork),
            ("https://snaplark.com/videos/1", Internet),
            ("https://8.8.8.8/videos/1", Internet),
            ("https://127.0.0.1.example.org/videos/1", Internet),
        ] {
            assert_eq!(LinkReach::of(link), reach, "{link}");
        }
    }

    #[test]
    fn only_links_to_this_computer_are_handed_out_for_the_local_network() {
        let links: LocalLinks = Arc::new(|link| Some(link.replace("127.0.0.1:1", "desk.local:2")));
        let network = LocalNetwork { view: LocalNetworkView::Off, links: Some(links) };
        assert_eq!(
            network.handed_out("http://127.0.0.1:1/videos/x"),
            "http://desk.local:2/videos/x"
        );
        assert_eq!(network.handed_out("https://a.org/127.0.0.1:1"), "https://a.org/127.0.0.1:1");
        let off = LocalNetwork::default();
        assert_eq!(off.handed_out("http://127.0.0.1:1/videos/x"), "http://127.0.0.1:1/videos/x");
    }
}
