//! A line between a client and a server that is as slow as a real one: bytes arrive late, and in one direction only
//! so many a second, over all connections together: towards a browser, or from an uploader towards the server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The properties of the line.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The time from a question to the first byte of its answer, for which both directions take one half.
    pub round_trip: Duration,
    /// In the direction that is shaped.
    pub bits_per_second: u64,
}

impl Shape {
    /// As fast as this machine.
    pub const OPEN: Self = Self { round_trip: Duration::ZERO, bits_per_second: u64::MAX };
}

/// The direction in which a line is narrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Narrow {
    Down,
    Up,
}

/// A packet on a real line has about as many bytes.
const PACKET_BYTES: usize = 1_400;
/// The packets that a direction holds, before whoever sends has to wait: a router's queue.
const QUEUE_PACKETS: usize = 64;
/// The time that an uploader's line catches up on after it woke late, or it would carry less than its rate.
const LATE_MAX: Duration = Duration::from_millis(5);

/// A line that is closed when its guard is dropped.
pub struct ShapedLine {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    narrow: Narrow,
    shape: Mutex<Shape>,
    /// When the line is free for the next packet in the direction that is shaped.
    free: Mutex<Instant>,
    down_bytes: AtomicU64,
    up_bytes: AtomicU64,
    is_closed: AtomicBool,
}

impl ShapedLine {
    /// Opens a line to this server. Each has a port of its own, and so a browser knows nothing of it.
    pub fn start(upstream: SocketAddr, shape: Shape) -> Result<Self> {
        Self::open(([127, 0, 0, 1], 0).into(), upstream, shape, Narrow::Down)
    }

    /// Opens a line that is narrow towards the server, as an uploader has it. It listens on this port, or on a free one
    /// if that is 0.
    pub fn start_up(listen: SocketAddr, upstream: SocketAddr, shape: Shape) -> Result<Self> {
        Self::open(listen, upstream, shape, Narrow::Up)
    }

    fn open(
        listen: SocketAddr,
        upstream: SocketAddr,
        shape: Shape,
        narrow: Narrow,
    ) -> Result<Self> {
        let listener = TcpListener::bind(listen).with_context(|| format!("{listen}"))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            narrow,
            shape: Mutex::new(shape),
            free: Mutex::new(Instant::now()),
            down_bytes: AtomicU64::new(0),
            up_bytes: AtomicU64::new(0),
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

    /// Returns how many bytes have been passed to the server, heads of requests included.
    pub fn up_bytes(&self) -> u64 {
        self.shared.up_bytes.load(Ordering::Relaxed)
    }

    /// Returns the address at which clients find the line.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gives the line another shape from the next packet on.
    pub fn set_shape(&self, shape: Shape) {
        *self.shared.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
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
        thread::sleep(self.shape().round_trip);
        let Ok(server) = TcpStream::connect(self.upstream) else { return };
        let (Ok(from_browser), Ok(to_server)) = (browser.try_clone(), server.try_clone()) else {
            return;
        };
        let up = Arc::clone(&self);
        thread::spawn(move || up.pump(from_browser, to_server, Narrow::Up));
        self.pump(server, browser, Narrow::Down);
    }

    fn shape(&self) -> Shape {
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries one direction of a connection.
    fn pump(&self, mut from: TcpStream, mut to: TcpStream, direction: Narrow) {
        to.set_nodelay(true).ok();
        let (sent, arriving) =
            mpsc::sync_channel::<(Instant, Vec<u8>)>(QUEUE_PACKETS + self.under_way(direction));
        let carried = match direction {
            Narrow::Down => &self.down_bytes,
            Narrow::Up => &self.up_bytes,
        };
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut packet = [0; PACKET_BYTES];
                while let Ok(length @ 1..) = from.read(&mut packet) {
                    let due = Instant::now() + self.shape().round_trip / 2;
                    if sent.send((due, packet[..length].to_vec())).is_err() {
                        break;
                    }
                }
            });
            for (due, packet) in arriving {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if direction == self.narrow {
                    self.wait_turn(packet.len());
                }
                carried.fetch_add(packet.len() as u64, Ordering::Relaxed);
                if to.write_all(&packet).is_err() {
                    break;
                }
            }
            to.shutdown(Shutdown::Both).ok();
        });
    }

    /// Returns the packets that are under way on an uploader's full line. Without room for them its delay would limit
    /// what it carries.
    fn under_way(&self, direction: Narrow) -> usize {
        let Shape { round_trip, bits_per_second } = self.shape();
        match (direction, self.narrow) {
            (Narrow::Up, Narrow::Up) => {
                let bytes = round_trip.as_secs_f64() / 2.0 * bits_per_second as f64 / 8.0;
                (bytes / PACKET_BYTES as f64).ceil() as usize
            }
            (Narrow::Up | Narrow::Down, Narrow::Up | Narrow::Down) => 0,
        }
    }

    /// Waits until the line has carried what is before this packet, and the packet itself.
    fn wait_turn(&self, length: usize) {
        let takes =
            Duration::from_secs_f64(length as f64 * 8.0 / self.shape().bits_per_second as f64);
        let late_max = if self.narrow == Narrow::Up { LATE_MAX } else { Duration::ZERO };
        let done = {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            *free = (*free).max(now.checked_sub(late_max).unwrap_or(now)) + takes;
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

    #[test]
    fn uploaders_line_carries_its_rate_and_changes_it() {
        const BYTES: usize = 250_000;
        let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let upstream = server.local_addr().unwrap();
        thread::spawn(move || {
            let (mut connection, _) = server.accept().unwrap();
            let mut whole = vec![0; BYTES];
            while connection.read_exact(&mut whole).is_ok() {
                connection.write_all(b"!").unwrap();
            }
        });
        let line = ShapedLine::start_up(([127, 0, 0, 1], 0).into(), upstream, Shape::OPEN).unwrap();
        let mut uploader = TcpStream::connect(line.address()).unwrap();
        let mut send = || {
            let begun = Instant::now();
            uploader.write_all(&[7; BYTES]).unwrap();
            uploader.read_exact(&mut [0]).unwrap();
            begun.elapsed()
        };
        let open = send();
        line.set_shape(Shape { round_trip: Duration::ZERO, bits_per_second: 10_000_000 });
        let narrow = send();
        // 2 Mbit at 10 Mbit/s, less what it may catch up on.
        assert!(narrow >= Duration::from_millis(195), "{narrow:?}, {open:?} without a limit");
        assert_eq!(line.up_bytes(), 2 * BYTES as u64);
    }
}
