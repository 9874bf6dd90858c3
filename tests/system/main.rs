//! The command line and the cloud as people use them: real programs, real pixels, a real browser.
//! Each test stands for a promise; its name says which.

#![cfg(test)]

mod bytes;
mod crash;
mod disk;
mod failures;
mod live;
mod long;
mod manners;
mod pages;
mod players;
mod private;
mod recorder;
mod recorders;
mod recording;
mod ring;
mod screen;
mod seeds;
mod terminal;
mod titles;
mod webcam;
