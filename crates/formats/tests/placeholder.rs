//! The cluster that stands for a damaged segment: real decoders take it, at any picture size.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::process::{Command, Stdio};

use snaplark_formats::webm::*;

fn tracks(width: u32, height: u32, audio: bool) -> Tracks {
    Tracks {
        video: Video { codec: VideoCodec::Vp9, width, height },
        audio: audio.then(|| Audio {
            codec: AudioCodec::Opus,
            codec_private: b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec(),
            sample_rate: 48_000.0,
            channels: 2,
            codec_delay_ns: 6_500_000,
        }),
    }
}

/// Of the first picture, as ffmpeg decodes it: size, and every byte of its three planes.
fn decode(file: &[u8]) -> Vec<u8> {
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-xerror", "-err_detect", "explode", "-i", "-"])
        .args([
            "-map",
            "0:v",
            "-fps_mode",
            "passthrough",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "rawvideo",
            "-",
        ])
        .args(["-map", "0:a?", "-f", "null", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = ffmpeg.stdin.take().unwrap();
    let file = file.to_vec();
    let feed = std::thread::spawn(move || stdin.write_all(&file));
    let output = ffmpeg.wait_with_output().unwrap();
    feed.join().unwrap().ok();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    output.stdout
}

#[test]
fn placeholder_decodes_to_grey_at_any_size() {
    let sizes = [
        (1, 1),
        (2, 2),
        (8, 8),
        (15, 17),
        (64, 36),
        (64, 64),
        (65, 65),
        (100, 300),
        (320, 180),
        (641, 479),
        (1279, 721),
        (1366, 768),
        (1920, 1080),
        (2560, 1440),
        (3840, 2160),
        (4097, 64),
        (5120, 1440),
        (7680, 4320),
    ];
    for (width, height) in sizes {
        let tracks = tracks(width, height, false);
        let cluster = placeholder(&tracks, 4_000, 2_000, 0).unwrap();
        assert!(cluster.len() < 20_000, "{width}x{height}: {} bytes", cluster.len());
        let file = [init(&tracks), cluster].concat();
        let planes = decode(&file);
        let pixels = (width * height + 2 * width.div_ceil(2) * height.div_ceil(2)) as usize;
        assert_eq!(planes.len(), pixels, "{width}x{height}");
        let other = planes.iter().position(|value| *value != 128);
        assert_eq!(other, None, "{width}x{height} is not grey there");
    }
}

#[test]
fn placeholder_has_the_length_and_time_of_the_segment() {
    for audio in [false, true] {
        let tracks = tracks(1_920, 1_080, audio);
        for size_bytes in [5_000, 70_001, 6_500_000] {
            let bytes = placeholder(&tracks, 62_000, 2_013, size_bytes).unwrap();
            assert_eq!(bytes.len() as u64, size_bytes);
            let [cluster] = index(&bytes).unwrap().clusters[..] else { panic!("one cluster") };
            assert_eq!((cluster.start_ms, cluster.end_ms), (62_000, 64_013));
            assert!(cluster.starts_with_keyframe);
            assert_eq!(cluster.size, size_bytes);
        }
        let least = placeholder(&tracks, 62_000, 2_013, 0).unwrap();
        assert!(index(&least).is_ok());
        assert!(with_durations(&least, None).is_ok());
    }
}

#[test]
fn placeholder_between_segments_leaves_a_valid_file() {
    for audio in [false, true] {
        let tracks = tracks(320, 180, audio);
        let clusters: Vec<Vec<u8>> =
            (0..3).map(|n| placeholder(&tracks, n * 2_000, 2_000, 9_000).unwrap()).collect();
        let indexed: Vec<Cluster> =
            clusters.iter().map(|cluster| index(cluster).unwrap().clusters[0]).collect();
        let finished = finish(&init(&tracks), &indexed).unwrap();
        let file = [finished.head, clusters.concat(), finished.cues].concat();
        assert_eq!(finished.duration_ms, 6_000);
        assert_eq!(decode(&file).len(), 3 * 320 * 180 * 3 / 2);
    }
}

#[test]
fn is_placeholder_recognizes_only_placeholders() {
    let tracks = tracks(64, 36, false);
    let made = placeholder(&tracks, 0, 2_000, 0).unwrap();
    assert!(is_placeholder(&made));
    let block = Block {
        track: Track::Video,
        time_ms: 0,
        keyframe: true,
        duration_ms: Some(40),
        data: vec![7; 40],
    };
    assert!(!is_placeholder(&cluster(&[block]).unwrap()));
    assert!(!is_placeholder(&made[..made.len() - 1]));
    assert!(!is_placeholder(b""));
}

#[test]
fn placeholder_is_refused_for_what_is_no_vp9() {
    let other = Video { codec: VideoCodec::Vp8, width: 64, height: 36 };
    assert!(placeholder(&Tracks { video: other, audio: None }, 0, 1, 0).is_err());
    assert!(placeholder(&tracks(0, 36, false), 0, 1, 0).is_err());
}
