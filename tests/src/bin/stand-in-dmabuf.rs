//! A proxy between a Wayland compositor that draws without a graphics card and xdg-desktop-portal-wlr,
//! which offers each screencopy frame as a DMABUF as well.
//!
//! xdg-desktop-portal-wlr 0.7.0 (Debian 12) shares nothing unless a frame is offered as a DMABUF, even if
//! it then shares through memory (SHM), as it does here: its check asks for the version of the portal's
//! interface instead of screencopy's. This program adds that one event, and passes everything else on
//! unchanged. No DMABUF is ever requested: without the global `zwp_linux_dmabuf_v1` the portal has no
//! modifiers for one.

use std::collections::HashSet;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use clap::Parser;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

const MANAGER: &[u8] = b"zwlr_screencopy_manager_v1\0";
/// `capture_output` and `capture_output_region`, both with the new frame's id first.
const CAPTURES: [u16; 2] = [0, 1];
/// Events of a frame: `buffer(format, width, height, stride)`, `linux_dmabuf(format, width, height)`.
const BUFFER: u16 = 0;
const LINUX_DMABUF: u16 = 5;
/// DRM's code for 32 bits without alpha.
const XR24: u32 = u32::from_le_bytes(*b"XR24");
const HEADER_BYTES: usize = 8;
const READ_BYTES: usize = 65_536;
/// The limit in libwayland.
const FDS_MAX: usize = 28;

/// Says `ready` as soon as clients may come.
#[derive(Parser)]
struct Options {
    /// The compositor's socket.
    #[arg(long)]
    compositor: PathBuf,
    /// The socket to which clients connect.
    #[arg(long)]
    socket: PathBuf,
}

/// One client's screencopy objects, by the ids of its connection.
#[derive(Default)]
struct Screencopy {
    managers: HashSet<u32>,
    frames: HashSet<u32>,
}

impl Screencopy {
    fn note_request(&mut self, message: &Message<'_>) {
        if message.has(MANAGER) {
            // `wl_registry.bind(name, interface, version, id)`
            self.managers.extend(message.words().last());
        } else if self.managers.contains(&message.object) && CAPTURES.contains(&message.opcode) {
            self.frames.extend(message.words().next());
        }
    }

    /// Returns the event to add after this one, if it offers a frame.
    fn offer_after(&self, message: &Message<'_>) -> Option<Vec<u8>> {
        if !self.frames.contains(&message.object) || message.opcode != BUFFER {
            return None;
        }
        let size: Vec<u32> = message.words().skip(1).take(2).collect();
        let [width, height] = *size else { return None };
        let bytes = u32::try_from(HEADER_BYTES).ok()? + 12;
        let words = [message.object, bytes << 16 | u32::from(LINUX_DMABUF), XR24, width, height];
        Some(words.into_iter().flat_map(u32::to_ne_bytes).collect())
    }
}

/// A Wayland message: `object, size << 16 | opcode, arguments…` in 32-bit words in native byte order.
struct Message<'a> {
    object: u32,
    opcode: u16,
    body: &'a [u8],
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Returns the first complete message, if there is one.
    fn first_of(bytes: &'a [u8]) -> Result<Option<Self>> {
        let word = |at: usize| Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let (Some(object), Some(about)) = (word(0), word(4)) else { return Ok(None) };
        let size = (about >> 16) as usize;
        if size < HEADER_BYTES {
            bail!("a message of {size} bytes");
        }
        let Some(bytes) = bytes.get(..size) else { return Ok(None) };
        Ok(Some(Message { object, opcode: about as u16, body: &bytes[HEADER_BYTES..], bytes }))
    }

    fn words(&self) -> impl Iterator<Item = u32> + 'a {
        let words = self.body.chunks_exact(4);
        words.map(|word| u32::from_ne_bytes(word.try_into().expect("four bytes")))
    }

    fn has(&self, text: &[u8]) -> bool {
        self.body.windows(text.len()).any(|window| window == text)
    }
}

fn main() -> Result<()> {
    let Options { compositor, socket } = Options::parse();
    let listener =
        UnixListener::bind(&socket).with_context(|| socket.to_string_lossy().into_owned())?;
    println!("ready");
    for client in listener.incoming() {
        let client = client?;
        let server = UnixStream::connect(&compositor).context("the compositor is not there")?;
        let screencopy = Arc::new(Mutex::new(Screencopy::default()));
        let (to_server, from_client) = (server.try_clone()?, client.try_clone()?);
        let noted = screencopy.clone();
        std::thread::spawn(move || {
            let passed = pass(&from_client, &to_server, |message| {
                noted.lock().unwrap_or_else(PoisonError::into_inner).note_request(message);
                None
            });
            end(passed, &to_server);
        });
        std::thread::spawn(move || {
            let passed = pass(&server, &client, |message| {
                screencopy.lock().unwrap_or_else(PoisonError::into_inner).offer_after(message)
            });
            end(passed, &client);
        });
    }
    Ok(())
}

fn end(passed: Result<()>, other: &UnixStream) {
    if let Err(error) = passed {
        eprintln!("a connection broke off: {error:#}");
    }
    // The other side may have closed already.
    other.shutdown(std::net::Shutdown::Both).ok();
}

/// Passes complete messages on until `from` ends, each with what `after` adds to it.
fn pass(
    from: &UnixStream,
    to: &UnixStream,
    mut after: impl FnMut(&Message<'_>) -> Option<Vec<u8>>,
) -> Result<()> {
    let mut held = Vec::new();
    let mut fds = Vec::new();
    let mut room = vec![0; READ_BYTES];
    loop {
        let read = receive(from, &mut room, &mut fds)?;
        if read == 0 {
            return Ok(());
        }
        held.extend_from_slice(&room[..read]);
        let mut out = Vec::new();
        let mut done = 0;
        while let Some(message) = Message::first_of(&held[done..])? {
            out.extend_from_slice(message.bytes);
            out.extend(after(&message).into_iter().flatten());
            done += message.bytes.len();
        }
        held.drain(..done);
        if !out.is_empty() {
            send(to, &out, &std::mem::take(&mut fds))?;
        }
    }
}

fn receive(from: &UnixStream, room: &mut [u8], fds: &mut Vec<OwnedFd>) -> Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let slices = &mut [IoSliceMut::new(room)];
    let read = recvmsg(from, slices, &mut control, RecvFlags::CMSG_CLOEXEC)?.bytes;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok(read)
}

/// File descriptors go with the first byte: they may arrive early, but never late.
fn send(to: &UnixStream, mut bytes: &[u8], fds: &[OwnedFd]) -> Result<()> {
    let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        bail!("{} file descriptors at once", fds.len());
    }
    while !bytes.is_empty() {
        let sent = sendmsg(to, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?;
        bytes = &bytes[sent..];
        control.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(words: &[u32]) -> Vec<u8> {
        words.iter().copied().flat_map(u32::to_ne_bytes).collect()
    }

    #[test]
    fn frame_is_offered_as_dmabuf_when_its_buffer_is_told() {
        let mut screencopy = Screencopy::default();
        let mut bind = bytes(&[2, 0, 7, 27]);
        bind.extend_from_slice(MANAGER);
        bind.push(0);
        bind.extend(bytes(&[3, 10]));
        let size = u32::try_from(bind.len()).unwrap();
        bind[4..8].copy_from_slice(&(size << 16).to_ne_bytes());
        screencopy.note_request(&Message::first_of(&bind).unwrap().unwrap());
        let capture = bytes(&[10, 20 << 16, 11, 0, 5]);
        screencopy.note_request(&Message::first_of(&capture).unwrap().unwrap());

        let buffer = |frame| bytes(&[frame, 24 << 16, 1, 1280, 720, 5120]);
        let offered =
            |frame| screencopy.offer_after(&Message::first_of(&buffer(frame)).unwrap().unwrap());
        assert_eq!(offered(11), Some(bytes(&[11, 20 << 16 | 5, XR24, 1280, 720])));
        assert_eq!(offered(12), None, "no frame of that id");
    }

    #[test]
    fn message_is_kept_until_it_is_whole() {
        let whole = bytes(&[3, 12 << 16 | 4, 9]);
        assert!(Message::first_of(&whole[..11]).unwrap().is_none());
        assert_eq!(Message::first_of(&whole).unwrap().unwrap().opcode, 4);
        assert!(Message::first_of(&bytes(&[3, 4 << 16])).is_err());
    }
}
