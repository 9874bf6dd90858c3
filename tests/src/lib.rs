//! The foundation of the whole-system tests: a virtual desktop, the built programs with a home of their
//! own, a screen whose picture can be checked, and browsers that can be controlled. The demonstration of
//! `cargo xtask run` uses the same pieces.
//!
//! Rules: everything that is started is stopped when its guard is dropped, even when a test fails. Every
//! wait has a limit. No display or port number is fixed. Nothing in the machine's own home is read or
//! written.

pub mod browser;
pub mod bucket;
pub mod camera;
pub mod cloud;
pub mod cost;
pub mod demonstration;
pub mod desk;
pub mod display;
pub mod document_servers;
pub mod failure;
pub mod fake_capture;
pub mod fault_proxy;
pub mod firefox;
pub mod hand;
pub mod home;
pub mod media;
pub mod mounts;
pub mod numbers;
pub mod peer_recorders;
pub mod ports;
pub mod process;
pub mod recorder;
pub mod server;
pub mod session;
pub mod shaped_line;
pub mod shelf;
pub mod shortcuts;
pub mod sound;
pub mod sway;
pub mod tray;
pub mod wait;
pub mod wayland;
pub mod webdriver;
