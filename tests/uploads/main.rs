//! The upload that loses nothing, over true sockets and true files: the true client against the true
//! cloud behind a proxy that fails, against servers written from the documents alone, killed at
//! every step, with gigabytes to send, with a true keyring. What each part proves, how to run it and
//! the figures are in `docs/uploads.md`.
//!
//! Set `SNAPLARK_SOAK` for all crash points and the recording of two gigabytes.

#![cfg(test)]

mod append;
mod buckets;
mod claims;
mod crashes;
mod damage;
mod deleting;
mod dialects;
mod documents;
mod faults;
mod files;
mod folder;
mod hints;
mod keyring;
mod manners;
mod memory;
mod person;
mod php;
mod pictures;
mod preview;
mod publishing;
mod rig;
mod ring;
mod server_crashes;
mod sign_in;
mod strike;
mod two_servers;
mod webhook;
