//! The command line and the cloud as people use them: real programs, real pixels, a real browser.
//! Each test stands for a promise; its name says which.

#![cfg(test)]

mod beside;
mod bytes;
mod crash;
mod cuts;
mod disk;
mod durations;
mod failures;
mod first_frame;
mod hls;
mod languages;
mod live;
mod long;
mod manners;
mod other_players;
mod pages;
mod picture_page;
mod players;
mod private;
mod recorder;
mod recorders;
mod recording;
mod ring;
mod screen;
mod screenshot;
mod seeds;
mod strike;
mod terminal;
mod titles;
mod watching;
mod webcam;
