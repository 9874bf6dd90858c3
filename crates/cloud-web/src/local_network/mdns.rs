//! Finds out whether something on this computer (Avahi, Bonjour, Windows) answers for
//! `hostname.local`, so that a link can use a name that outlives an address. It sends one multicast
//! DNS query (RFC 6762, 6.7: a one-shot query from an ordinary port). It is written by hand, because
//! it is one packet out and one in, and the libraries for it bring a responder and a cache along.
//!
//! The name is only used if the answer names an address of this computer, because another computer
//! may have the same name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;

const GROUP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), 5353);
/// A responder on this computer answers within milliseconds; RFC 6762 lets it wait for 120.
const ANSWER_MAX: Duration = Duration::from_millis(400);
/// A packet may be lost, so the query is repeated.
const TRIES: u32 = 2;
const PACKET_BYTES_MAX: usize = 1_500;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const LABEL_BYTES_MAX: usize = 63;

/// Returns `hostname.local`. Returns `None` if nothing answers for it, or if the answer names another
/// computer.
pub(crate) async fn name(own: &[IpAddr], main: IpAddr) -> Option<String> {
    let host = gethostname::gethostname().into_string().ok()?;
    ask(&host, own, main, GROUP).await
}

async fn ask(host: &str, own: &[IpAddr], main: IpAddr, group: SocketAddr) -> Option<String> {
    let label = label_of(host)?;
    // The source address also selects the interface.
    let from = if main.is_ipv4() { main } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((from, 0)).await.ok()?;
    for _ in 0..TRIES {
        socket.send_to(&question(&label), group).await.ok()?;
        let answer = tokio::time::timeout(ANSWER_MAX, own_answer(&socket, &label, own)).await;
        if answer.is_ok() {
            return Some(format!("{label}.local"));
        }
    }
    None
}

/// Returns the first label of the host name, if it can be used in a link.
fn label_of(host: &str) -> Option<String> {
    let label = host.split('.').next()?.to_ascii_lowercase();
    let fits = !label.is_empty()
        && label != "localhost"
        && label.len() <= LABEL_BYTES_MAX
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then_some(label)
}

/// Waits for an answer that names one of this computer's addresses. Other answers are ignored.
async fn own_answer(socket: &UdpSocket, label: &str, own: &[IpAddr]) {
    let mut packet = [0; PACKET_BYTES_MAX];
    loop {
        let Ok((count, _)) = socket.recv_from(&mut packet).await else {
            return std::future::pending().await;
        };
        let found = addresses_in(&packet[..count], label).unwrap_or_default();
        if found.iter().any(|ip| own.contains(ip)) {
            return;
        }
    }
}

fn question(label: &str) -> Vec<u8> {
    // An id, no flags, one question.
    let mut packet = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for part in [label, "local"] {
        packet.push(part.len() as u8);
        packet.extend_from_slice(part.as_bytes());
    }
    packet.push(0);
    packet.extend_from_slice(&TYPE_A.to_be_bytes());
    packet.extend_from_slice(&CLASS_IN.to_be_bytes());
    packet
}

/// Returns the addresses that a packet gives for `label.local`, or `None` if the packet is
/// incomplete.
fn addresses_in(packet: &[u8], label: &str) -> Option<Vec<IpAddr>> {
    let number = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let (questions, answers) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = skip_name(packet, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        let is_ours = name_at(packet, at)?.eq_ignore_ascii_case(&format!("{label}.local"));
        at = skip_name(packet, at)?;
        let (kind, length) = (number(at)?, usize::from(number(at + 8)?));
        let data = packet.get(at + 10..at + 10 + length)?;
        match kind {
            TYPE_A if is_ours => found.push(IpAddr::V4(<[u8; 4]>::try_from(data).ok()?.into())),
            TYPE_AAAA if is_ours => {
                found.push(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?)));
            }
            _ => {}
        }
        at += 10 + length;
    }
    Some(found)
}

/// Reads a name, which may end in a pointer to an earlier one (RFC 1035, 4.1.4).
fn name_at(packet: &[u8], mut at: usize) -> Option<String> {
    let mut name = String::new();
    // More labels than fit into a name mean that the pointers form a loop.
    for _ in 0..128 {
        let length = *packet.get(at)?;
        match length {
            0 => return Some(name),
            0xC0.. => at = usize::from(u16::from_be_bytes([length & 0x3F, *packet.get(at + 1)?])),
            _ => {
                let end = at + 1 + usize::from(length);
                let label = std::str::from_utf8(packet.get(at + 1..end)?).ok()?;
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(label);
                at = end;
            }
        }
    }
    None
}

fn skip_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            0xC0.. => return Some(at + 2),
            length => at += 1 + usize::from(length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds an answer as a responder sends it to a one-shot query: the question again, and a record
    /// that points at the question's name.
    fn answer(question: &[u8], ip: [u8; 4]) -> Vec<u8> {
        let mut packet = question.to_vec();
        packet[2] = 0x84;
        packet[7] = 1;
        packet.extend_from_slice(&[0xC0, 12, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4]);
        packet.extend_from_slice(&ip);
        packet
    }

    async fn responder(ip: [u8; 4]) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let at = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut packet = [0; PACKET_BYTES_MAX];
            while let Ok((count, from)) = socket.recv_from(&mut packet).await {
                socket.send_to(&answer(&packet[..count], ip), from).await.unwrap();
            }
        });
        at
    }

    #[tokio::test]
    async fn a_name_counts_where_the_answer_is_this_computers() {
        let own = ["192.168.7.2".parse().unwrap()];
        let main = "127.0.0.1".parse().unwrap();
        let ours = responder([192, 168, 7, 2]).await;
        assert_eq!(ask("Desk.lan", &own, main, ours).await.as_deref(), Some("desk.local"));
        let others = responder([192, 168, 7, 9]).await;
        assert_eq!(ask("desk", &own, main, others).await, None, "another computer has the name");
        for host in ["localhost", "", "under_score", "größe"] {
            assert_eq!(ask(host, &own, main, ours).await, None, "{host}");
        }
    }

    #[test]
    fn broken_packets_are_no_answer() {
        let whole = answer(&question("desk"), [10, 0, 0, 1]);
        assert_eq!(addresses_in(&whole, "desk"), Some(vec!["10.0.0.1".parse().unwrap()]));
        assert_eq!(addresses_in(&whole, "other"), Some(Vec::new()));
        for end in 0..whole.len() {
            assert_eq!(addresses_in(&whole[..end], "desk"), None, "{end} bytes");
        }
        let mut looped = whole.clone();
        // The name in the answer points to itself.
        let at = question("desk").len();
        looped[at + 1] = at as u8;
        assert_eq!(addresses_in(&looped, "desk"), None);
    }
}
