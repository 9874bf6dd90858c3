//! Tests that the cloud has the bytes of the disk, and that each segment plays by itself.

use std::fs;

use snaplark_tests::cloud::{Cloud, fetch};
use snaplark_tests::media;
use snaplark_tests::recorder::{Recorded, ask, pieces};

use crate::screen::Screen;

#[test]
fn cloud_receives_the_folders_bytes_in_order_and_each_segment_plays() {
    let screen = Screen::start();
    let cloud = Cloud::start(&screen.home).unwrap();
    let answer = ask(&screen.home, Some(&cloud), &["record", "--seconds", "6", "--json"]).unwrap();
    assert!(answer.status.success(), "{}: {}", answer.status, answer.stderr);
    let recorded = Recorded::read(&answer.stdout).unwrap();

    let pieces = pieces(&recorded.folder(&screen.home)).unwrap();
    assert_eq!(pieces.len() as u64, recorded.segments + 1, "init and segments: {pieces:?}");
    let bytes: Vec<Vec<u8>> = pieces.iter().map(|piece| fs::read(piece).unwrap()).collect();
    let joined = bytes.concat();
    let served = fetch(&format!("{}/original.webm", recorded.link.unwrap())).unwrap();
    assert_eq!(served.len(), joined.len());
    assert!(served == joined, "the cloud's bytes differ from the folder's");

    let alone = screen.home.path().join("alone.webm");
    let mut frames = 0;
    for (piece, segment) in pieces.iter().zip(&bytes).skip(1) {
        fs::write(&alone, [&bytes[0], segment.as_slice()].concat()).unwrap();
        frames += u64::from(
            media::decode(alone.to_str().unwrap())
                .unwrap_or_else(|error| panic!("{} behind init: {error}", piece.display())),
        );
    }
    assert_eq!(frames, recorded.frames, "the segments' frames add up to the recording's");
}
