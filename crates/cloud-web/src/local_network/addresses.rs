//! Finds the addresses at which other computers in the house can reach this one.
//!
//! Only private and link-local ranges are used; the server never listens on an address that is routed
//! on the internet. Bridges to virtual machines and containers, and tunnels, have private addresses
//! too, but the people whom a link is meant for are not behind them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use super::is_named_in_links;

/// An address of this computer on a local network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalAddress {
    pub(crate) ip: IpAddr,
    /// The system's index of the interface.
    pub(crate) interface: u32,
}

/// Prefixes of the names of interfaces that lead to no local network: bridges and virtual links of
/// Docker, Podman, libvirt, LXC, VMware, VirtualBox and Kubernetes, and tunnels.
const PASSED_OVER: [&str; 19] = [
    "docker",
    "br-",
    "podman",
    "virbr",
    "lxcbr",
    "lxdbr",
    "incusbr",
    "vmnet",
    "vboxnet",
    "vnet",
    "veth",
    "cni",
    "flannel",
    "cali",
    "tun",
    "tap",
    "wg",
    "tailscale",
    "zt",
];

/// An address of the documentation range (RFC 5737), which nobody uses. Finding the route to it sends
/// no packet.
const SOMEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 9);

/// Returns the current addresses, in the system's order.
pub(crate) fn read() -> Vec<LocalAddress> {
    let interfaces = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            tracing::warn!(%error, "The network's addresses can't be read");
            return Vec::new();
        }
    };
    let used = interfaces.into_iter().filter(|interface| {
        interface.is_oper_up() && !interface.is_p2p && leads_to_others(&interface.name)
    });
    used.map(|interface| LocalAddress {
        ip: interface.ip(),
        interface: interface.index.unwrap_or(0),
    })
    .filter(|address| is_local(address.ip))
    .collect()
}

fn leads_to_others(name: &str) -> bool {
    !PASSED_OVER.iter().any(|start| name.starts_with(start))
}

/// Returns whether the address is in a range of RFC 1918, RFC 3927, RFC 4193 or link-local IPv6.
fn is_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Returns the address for links: that of the default route if it is local, otherwise the first one,
/// IPv4 before IPv6.
pub(crate) fn main_of(addresses: &[LocalAddress]) -> Option<IpAddr> {
    let named = || addresses.iter().map(|address| address.ip).filter(|ip| is_named_in_links(*ip));
    let way_out = way_out();
    named()
        .find(|ip| Some(*ip) == way_out)
        .or_else(|| named().find(IpAddr::is_ipv4))
        .or_else(|| named().next())
}

fn way_out() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SOMEWHERE).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_the_internet_routes_are_never_local() {
        for local in ["10.1.2.3", "172.16.0.9", "192.168.1.5", "169.254.7.7", "fd00::1", "fe80::1"]
        {
            assert!(is_local(local.parse().unwrap()), "{local}");
        }
        for public in
            ["8.8.8.8", "172.32.0.1", "100.64.0.1", "127.0.0.1", "2001:db8::1", "::1", "0.0.0.0"]
        {
            assert!(!is_local(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn interfaces_of_virtual_machines_and_tunnels_are_passed_over() {
        for name in ["docker0", "br-4f2a", "virbr0", "wg0", "tun0", "tailscale0", "vethab12"] {
            assert!(!leads_to_others(name), "{name}");
        }
        for name in ["eth0", "enp3s0", "wlan0", "wlp2s0", "en0", "br0", "Ethernet"] {
            assert!(leads_to_others(name), "{name}");
        }
    }

    #[test]
    fn a_link_names_an_address_that_others_can_use() {
        let at = |ip: &str| LocalAddress { ip: ip.parse().unwrap(), interface: 2 };
        let main = |ips: &[&str]| main_of(&ips.iter().map(|ip| at(ip)).collect::<Vec<_>>());
        assert_eq!(main(&["fe80::1", "fd00::7", "169.254.3.4"]), "169.254.3.4".parse().ok());
        assert_eq!(main(&["fe80::1", "fd00::7"]), "fd00::7".parse().ok());
        assert_eq!(main(&["fe80::1"]), None, "its scope means nothing to others");
        assert_eq!(main(&[]), None);
    }
}
