//! Sharing on the local network: additional listeners that serve share pages and their media to other
//! computers in the house, and nothing else.
//!
//! - Off by default. Switching it off closes the listeners and all connections at once.
//! - The server only listens on private and link-local addresses of real network interfaces
//!   (`addresses`). Each has its own listener, all on one port, which stays the same in every run.
//! - What a request may reach is decided in `http::local_network`: the path of a link holds a key that
//!   only this server can create.
//! - While it is on, address changes are followed: listeners of removed addresses are closed, new
//!   addresses get listeners.

mod addresses;
mod firewall;
mod mdns;

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::http::{self, VisitorRate, visitor_rate};
use crate::serve;
use snaplark_cloud_data::db::VideoId;

pub(crate) use addresses::LocalAddress;
pub use firewall::Firewall;

/// The preferred port, next to the port of this computer's own links (`embedded`).
const PORT_FIRST: u16 = 47_476;
const PORT_FILE: &str = "local-network-port";
/// The interval at which the addresses are read. That takes one system call and microseconds, and a
/// link with a wrong address is useless.
const ADDRESSES_EVERY: Duration = Duration::from_secs(3);
/// After how many rounds the host name is looked up again, which sends packets.
const NAME_ROUNDS: u32 = 100;
/// The capacity of the queue of requests to the task.
const REQUESTS_MAX: usize = 8;

/// The state of sharing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalNetworkState {
    /// Nobody else reaches anything.
    Off,
    /// Others reach the videos whose links they have.
    Open {
        /// The beginning of all links, such as `http://desk.local:47476`.
        base_url: String,
        /// The addresses with a listener, to be shown to the user.
        addresses: Vec<SocketAddr>,
        /// A firewall that may block others. Whether it does can't be determined from this computer.
        firewall: Option<Firewall>,
    },
    /// This computer has no address on a local network at present.
    NoNetwork,
    /// No listener could be opened.
    Failed {
        /// The system's reason.
        reason: String,
    },
}

/// A handle to the sharing task, which ends with its server. Clones refer to the same task.
#[derive(Clone, Debug)]
pub struct LocalNetworkSharing {
    requests: mpsc::Sender<ListenerRequest>,
    state: watch::Receiver<LocalNetworkState>,
    keys: LinkKeys,
}

/// Converts links for this computer into links for the local network.
#[derive(Clone, Debug)]
struct LinkKeys {
    app: http::App,
    base_url: Arc<RwLock<Option<String>>>,
}

#[derive(Debug)]
struct ListenerRequest {
    open: bool,
    done: oneshot::Sender<()>,
}

type ReadAddresses = Box<dyn Fn() -> Vec<LocalAddress> + Send>;

impl LocalNetworkSharing {
    pub(crate) fn new(app: http::App, data: &Path, stop: CancellationToken) -> Self {
        LocalNetworkSharing::with(app, data, stop, Box::new(addresses::read))
    }

    fn with(
        app: http::App,
        data: &Path,
        stop: CancellationToken,
        read_addresses: ReadAddresses,
    ) -> Self {
        let (requests, asked) = mpsc::channel(REQUESTS_MAX);
        let (told, state) = watch::channel(LocalNetworkState::Off);
        let base_url = Arc::new(RwLock::new(None));
        let keys = LinkKeys { app: Arc::clone(&app), base_url: Arc::clone(&base_url) };
        let sharing = Sharing {
            app,
            port_file: data.join(PORT_FILE),
            read_addresses,
            rate: Arc::new(visitor_rate()),
            listeners: HashMap::new(),
            name: None,
            state: told,
            base_url,
            stop: stop.clone(),
        };
        tokio::spawn(async move {
            tokio::select! {
                () = sharing.run(asked) => {}
                () = stop.cancelled() => {}
            }
        });
        LocalNetworkSharing { requests, state, keys }
    }

    /// Switches sharing on or off. Returns when that is done, or when the state says why it failed.
    pub async fn set_open(&self, open: bool) {
        let (done, is_done) = oneshot::channel();
        // Both only fail if the server has ended, and then there are no listeners any more.
        if self.requests.send(ListenerRequest { open, done }).await.is_ok() {
            let _ = is_done.await;
        }
    }

    /// Returns the state, which changes when it is switched, and when the network does.
    pub fn state(&self) -> watch::Receiver<LocalNetworkState> {
        self.state.clone()
    }

    /// Returns the link to the same recording for others on the local network, with the current
    /// address. Returns `None` while sharing is off, and for links that lead elsewhere.
    pub fn link(&self, own_link: &str) -> Option<String> {
        self.keys.link(own_link)
    }
}

impl LinkKeys {
    fn link(&self, own_link: &str) -> Option<String> {
        let base_url = self.base_url.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let base_url = base_url.as_ref()?;
        let rest = own_link.strip_prefix("http://")?;
        let (authority, path) = rest.split_once('/')?;
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let is_loopback = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if !is_loopback.is_ok_and(|ip| ip.is_loopback()) {
            return None;
        }
        let (kind, id) = path.split_once('/')?;
        let video = VideoId(uuid::Uuid::try_parse(id).ok()?);
        Some(format!("{base_url}/{kind}/{}", self.app.signing.link_segment(video)))
    }
}

/// The task that owns the listeners.
struct Sharing {
    app: http::App,
    port_file: PathBuf,
    read_addresses: ReadAddresses,
    rate: Arc<VisitorRate>,
    listeners: HashMap<SocketAddr, CancellationToken>,
    /// The name under which others on the network find this computer, if something answers for it.
    name: Option<String>,
    state: watch::Sender<LocalNetworkState>,
    base_url: Arc<RwLock<Option<String>>>,
    stop: CancellationToken,
}

impl Sharing {
    async fn run(mut self, mut asked: mpsc::Receiver<ListenerRequest>) {
        let mut open = false;
        let mut rounds = 0;
        loop {
            let request = if open {
                tokio::select! {
                    request = asked.recv() => request.map(Some),
                    () = tokio::time::sleep(ADDRESSES_EVERY) => Some(None),
                }
            } else {
                asked.recv().await.map(Some)
            };
            let Some(request) = request else { return };
            if let Some(request) = &request {
                open = request.open;
            }
            if open {
                let was_open = matches!(*self.state.borrow(), LocalNetworkState::Open { .. });
                self.follow_addresses(!was_open || rounds >= NAME_ROUNDS).await;
                rounds = if rounds >= NAME_ROUNDS { 0 } else { rounds + 1 };
            } else {
                self.close();
            }
            if let Some(ListenerRequest { done, .. }) = request {
                let _ = done.send(());
            }
        }
    }

    fn close(&mut self) {
        self.listeners.drain().for_each(|(_, stop)| stop.cancel());
        self.note(LocalNetworkState::Off, None);
    }

    fn note(&self, state: LocalNetworkState, base_url: Option<String>) {
        *self.base_url.write().unwrap_or_else(std::sync::PoisonError::into_inner) = base_url;
        self.state.send_if_modified(|was| {
            let is_new = *was != state;
            *was = state;
            is_new
        });
    }

    async fn follow_addresses(&mut self, asks_name: bool) {
        let addresses = (self.read_addresses)();
        let Some(main) = addresses::main_of(&addresses) else {
            self.listeners.drain().for_each(|(_, stop)| stop.cancel());
            self.note(LocalNetworkState::NoNetwork, None);
            return;
        };
        let port = match self.open_all(&addresses, main).await {
            Ok(port) => port,
            Err(reason) => {
                self.close();
                self.note(LocalNetworkState::Failed { reason }, None);
                return;
            }
        };
        let known = self.state.borrow().clone();
        let mut listened: Vec<SocketAddr> = self.listeners.keys().copied().collect();
        listened.sort();
        let is_new =
            !matches!(&known, LocalNetworkState::Open { addresses, .. } if *addresses == listened);
        if is_new || asks_name {
            let ips: Vec<IpAddr> = addresses.iter().map(|address| address.ip).collect();
            self.name = mdns::name(&ips, main).await;
        }
        let base_url = match &self.name {
            Some(name) => format!("http://{name}:{port}"),
            None => format!("http://{}", SocketAddr::new(main, port)),
        };
        let state = LocalNetworkState::Open {
            base_url: base_url.clone(),
            addresses: listened,
            firewall: firewall::found(),
        };
        self.note(state, Some(base_url));
    }

    /// Opens one listener for each address. The main address comes first and decides the port.
    async fn open_all(&mut self, addresses: &[LocalAddress], main: IpAddr) -> Result<u16, String> {
        let is_there =
            |listened: &SocketAddr| addresses.iter().any(|address| address.ip == listened.ip());
        self.listeners.retain(|listened, stop| {
            let stays = is_there(listened) && !stop.is_cancelled();
            if !stays {
                stop.cancel();
            }
            stays
        });
        let mut port = self.listeners.keys().next().map(SocketAddr::port);
        let mains = addresses.iter().filter(|address| address.ip == main);
        let others = addresses.iter().filter(|address| address.ip != main);
        for address in mains.chain(others) {
            if self.listeners.keys().any(|listened| listened.ip() == address.ip) {
                continue;
            }
            match self.open(address, port).await {
                Ok(taken) => port = Some(taken),
                // The other addresses are optional, since links name the main one.
                Err(error) if address.ip == main => {
                    return Err(snaplark_cloud_data::place::plain(&error));
                }
                Err(error) => tracing::warn!(%error, "An address of the local network is not used"),
            }
        }
        port.ok_or_else(|| "there is no address".to_owned())
    }

    async fn open(&mut self, address: &LocalAddress, port: Option<u16>) -> std::io::Result<u16> {
        let kept =
            fs::read_to_string(&self.port_file).ok().and_then(|text| text.trim().parse().ok());
        let wanted = port.or(kept).unwrap_or(PORT_FIRST);
        let at = |port| match address.ip {
            // Link-local addresses exist on each interface, so the interface has to be named.
            IpAddr::V6(ip) if ip.is_unicast_link_local() => {
                SocketAddr::V6(SocketAddrV6::new(ip, port, 0, address.interface))
            }
            ip => SocketAddr::new(ip, port),
        };
        let listener = match TcpListener::bind(at(wanted)).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse && port.is_none() => {
                TcpListener::bind(at(0)).await?
            }
            bound => bound?,
        };
        let bound = listener.local_addr()?;
        if kept != Some(bound.port()) && port.is_none() {
            snaplark_cloud_data::private::write(
                &self.port_file,
                bound.port().to_string().as_bytes(),
            )?;
        }
        let visible = SocketAddr::new(bound.ip(), bound.port());
        let state = self.app.for_visitors(format!("http://{visible}"));
        let router = http::local_network_router(Arc::new(state), Arc::clone(&self.rate));
        let stop = self.stop.child_token();
        tokio::spawn(serve::serve_until(listener, router, stop.clone()));
        tracing::info!(port = bound.port(), "Sharing on the local network");
        self.listeners.insert(visible, stop);
        Ok(bound.port())
    }
}

impl Drop for Sharing {
    fn drop(&mut self) {
        self.listeners.drain().for_each(|(_, stop)| stop.cancel());
        *self.base_url.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

/// Returns whether a link may contain the address. Link-local IPv6 addresses need a scope, which is
/// of no use to others.
fn is_named_in_links(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip != Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(ip) => !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests;
