//! A line between a browser and a server that is as slow as a real one: bytes arrive late, and towards the
//! browser only so many a second, over all connections together.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;

/// What the line is like.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The time from a question to the first byte of its answer, for which both directions take one half.
    pub round_trip: Duration,
    /// Towards the browser.
    pub bits_per_second: u64,
}

/// A packet on a real line has about as many bytes.
const PACKET_BYTES: usize = 1_400;
/// The packets that a direction holds, before whoever sends has to wait: a router's queue.
const QUEUE_PACKETS: usize = 64;

/// A line that is closed when its guard is dropped.
pub struct ShapedLine {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    shape: Shape,
    /// When the line is free for the next packet towards the browser.
    free: Mutex<Instant>,
    down_bytes: AtomicU64,
    is_closed: AtomicBool,
}

impl ShapedLine {
    /// Opens a line to this server. Each has a port of its own, and so a browser knows nothing of it.
    pub fn start(upstream: SocketAddr, shape: Shape) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            shape,
            free: Mutex::new(Instant::now()),
            down_bytes: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                if accepting.is_closed.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.connect(browser));
            }
        });
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns how many bytes the browser has received, heads of answers included.
    pub fn down_bytes(&self) -> u64 {
        self.shared.down_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for ShapedLine {
    fn drop(&mut self) {
        self.shared.is_closed.store(true, Ordering::Relaxed);
        // Wakes whoever accepts.
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    fn connect(self: Arc<Self>, browser: TcpStream) {
        // The handshake takes a round trip of its own.
        thread::sleep(self.shape.round_trip);
        let Ok(server) = TcpStream::connect(self.upstream) else { return };
        let (Ok(from_browser), Ok(to_server)) = (browser.try_clone(), server.try_clone()) else {
            return;
        };
        let up = Arc::clone(&self);
        thread::spawn(move || up.pump(from_browser, to_server, false));
        self.pump(server, browser, true);
    }

    /// Carries one direction of a connection.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_down: bool) {
        to.set_nodelay(true).ok();
        let (sent, arriving) = mpsc::sync_channel::<(Instant, Vec<u8>)>(QUEUE_PACKETS);
        let delay = self.shape.round_trip / 2;
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut packet = [0; PACKET_BYTES];
                while let Ok(length @ 1..) = from.read(&mut packet) {
                    let due = Instant::now() + delay;
                    if sent.send((due, packet[..length].to_vec())).is_err() {
                        break;
                    }
                }
            });
            for (due, packet) in arriving {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if is_down {
                    self.wait_turn(packet.len());
                    self.down_bytes.fetch_add(packet.len() as u64, Ordering::Relaxed);
                }
                if to.write_all(&packet).is_err() {
                    break;
                }
            }
            to.shutdown(Shutdown::Both).ok();
        });
    }

    /// Waits until the line has carried what is before this packet, and the packet itself.
    fn wait_turn(&self, length: usize) {
        let takes =
            Duration::from_secs_f64(length as f64 * 8.0 / self.shape.bits_per_second as f64);
        let done = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            *free = (*free).max(Instant::now()) + takes;
            *free
        };
        thread::sleep(done.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_late_and_narrow() {
        const BYTES: usize = 100_000;
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let upstream = server.local_addr().unwrap();
        thread::spawn(move || {
            let (mut connection, _) = server.accept().unwrap();
            let mut asked = [0; 4];
            connection.read_exact(&mut asked).unwrap();
            connection.write_all(&[7; BYTES]).unwrap();
        });
        let shape = Shape { round_trip: Duration::from_millis(40), bits_per_second: 2_000_000 };
        let line = ShapedLine::start(upstream, shape).unwrap();
        let mut browser = TcpStream::connect(line.address).unwrap();
        let asked = Instant::now();
        browser.write_all(b"GET!").unwrap();
        let mut answer = vec![0; BYTES];
        browser.read_exact(&mut answer[..1]).unwrap();
        assert!(asked.elapsed() >= Duration::from_millis(80), "handshake and question");
        browser.read_exact(&mut answer[1..]).unwrap();
        // 100 kB at 250 kB a second.
        assert!(asked.elapsed() >= Duration::from_millis(480), "{:?}", asked.elapsed());
        assert_eq!(line.down_bytes(), BYTES as u64);
    }
}
