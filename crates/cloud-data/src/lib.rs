//! The cloud's durable data: rows in SQLite or PostgreSQL, and objects in files or an S3 bucket.
//!
//! ```text
//! db       rows: users, tokens, uploads, parts, links, jobs, the audit log. All SQL is here.
//! storage  objects by key: parts as they came, and the products made of them
//! place    where both are, and how they are opened; backup copies a place
//! layout, quotas, scopes: the values in rows
//! ```
//! Invariants: a row never names an object that does not exist. Changes that must happen together are
//! one transaction. This crate decides nothing about an upload except what a transaction has to
//! decide: whether a limit is exceeded, and whether the row is still the one that was read.

#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod backup;
pub mod db;
mod file_stream;
pub mod layout;
pub mod place;
pub mod private;
pub mod quotas;
#[cfg(feature = "s3")]
mod s3;
pub mod scopes;
pub mod storage;
