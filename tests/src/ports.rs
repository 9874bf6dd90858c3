//! Ports for programs that can't choose a free one themselves.

use std::net::TcpListener;

use anyhow::{Context, Result};
use uuid::Uuid;

/// Below the ports that the system gives to connections and to who asks for any: one of those could be taken before the
/// program listens.
const FIRST: u16 = 10_000;
const COUNT: u16 = 20_000;

/// Returns different ports that are free for IPv4 and IPv6. They are random, so that tests that run at the same time
/// don't find the same.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let [low, high, ..] = *Uuid::new_v4().as_bytes();
    let begin = u16::from_le_bytes([low, high]) % COUNT;
    let candidates = (begin..COUNT).chain(0..begin).map(|step| FIRST + step);
    let free: Vec<u16> = candidates.filter(|port| is_free(*port)).take(N).collect();
    free.try_into().ok().context("too few ports are free")
}

fn is_free(port: u16) -> bool {
    // Where there is no IPv6 the second fails in another way.
    let is_taken = |host| {
        let bound = TcpListener::bind((host, port));
        bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    };
    !is_taken("127.0.0.1") && !is_taken("::1")
}
