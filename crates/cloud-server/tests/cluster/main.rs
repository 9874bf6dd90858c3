//! The same suite on PostgreSQL and a bucket, and what only several nodes can show.

#![allow(clippy::unwrap_used)]
#![allow(clippy::print_stdout, clippy::print_stderr)]
// Some tests are for Linux or Unix alone, and what only they use is not used elsewhere.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, unused_imports))]

mod backend;
mod faults;
mod nodes;
mod presigned;
#[cfg(unix)]
mod workers;

#[path = "../cloud/abuse.rs"]
mod abuse;
#[path = "../cloud/accounts.rs"]
mod accounts;
#[path = "../cloud/audit.rs"]
mod audit;
#[path = "../cloud/browser.rs"]
mod browser;
#[path = "../cloud/clients.rs"]
mod clients;
#[cfg(target_os = "linux")]
#[path = "../cloud/crash_points.rs"]
mod crash_points;
#[path = "../cloud/dialects.rs"]
mod dialects;
#[path = "../cloud/documents.rs"]
mod documents;
#[path = "../cloud/durability.rs"]
mod durability;
#[path = "../cloud/film.rs"]
mod film;
#[path = "../cloud/forgotten.rs"]
mod forgotten;
#[path = "../cloud/held.rs"]
mod held;
#[path = "../cloud/hls.rs"]
mod hls;
#[path = "../cloud/hostile.rs"]
mod hostile;
#[path = "../cloud/jobs.rs"]
mod jobs;
#[cfg(target_os = "linux")]
#[path = "../cloud/load.rs"]
mod load;
#[cfg(target_os = "linux")]
#[path = "../cloud/load_hostile.rs"]
mod load_hostile;
#[path = "../cloud/maps.rs"]
mod maps;
#[path = "../cloud/my_account.rs"]
mod my_account;
#[path = "../cloud/oauth.rs"]
mod oauth;
#[path = "../cloud/operations.rs"]
mod operations;
#[path = "../cloud/pages.rs"]
mod pages;
#[path = "../cloud/parts.rs"]
mod parts;
#[path = "../cloud/picture_versions.rs"]
mod picture_versions;
#[path = "../cloud/program.rs"]
mod program;
#[path = "../cloud/quotas.rs"]
mod quotas;
#[path = "../cloud/screenshots.rs"]
mod screenshots;
#[path = "../cloud/scrub.rs"]
mod scrub;
#[path = "../cloud/serving.rs"]
mod serving;
#[path = "../cloud/shares.rs"]
mod shares;
#[path = "../cloud/support.rs"]
mod support;
#[cfg(unix)]
#[path = "../cloud/upgrade.rs"]
mod upgrade;
#[path = "../cloud/video_versions.rs"]
mod video_versions;
#[path = "../cloud/wait.rs"]
mod wait;
#[path = "../cloud/watching.rs"]
mod watching;
