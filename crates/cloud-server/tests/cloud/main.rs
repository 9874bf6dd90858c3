//! The server as its clients meet it: over sockets, with real WebM where a player looks at it.

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
// Some tests are for Linux or Unix alone, and what only they use is not used elsewhere.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod abuse;
mod accounts;
mod audit;
mod backend;
mod backup;
mod browser;
mod clients;
#[cfg(target_os = "linux")]
mod crash_points;
mod dialects;
#[cfg(target_os = "linux")]
mod disk;
mod documents;
mod durability;
#[cfg(unix)]
mod encoder;
mod files;
mod film;
mod forgotten;
#[cfg(unix)]
mod generated;
mod held;
mod hls;
mod hostile;
mod jobs;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod load_hostile;
mod maps;
mod my_account;
#[cfg(target_os = "linux")]
mod numbered;
mod oauth;
mod openapi;
mod operations;
mod original_apps;
mod pages;
mod parts;
mod picture_versions;
#[cfg(unix)]
mod private;
mod program;
mod quotas;
mod ready;
mod screenshots;
mod scrub;
mod serving;
mod shares;
#[cfg(target_os = "linux")]
mod stream_cost;
mod support;
mod tls;
#[cfg(unix)]
mod upgrade;
mod video_versions;
mod wait;
mod watching;
