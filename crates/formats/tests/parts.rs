//! Written bytes are read back; truncated or damaged ones are refused without a panic.

#![allow(clippy::unwrap_used)]

use snaplark_formats::webm::*;

fn tracks(audio: bool) -> Tracks {
    Tracks {
        video: Video { codec: VideoCodec::Vp9, width: 1279, height: 721 },
        audio: audio.then(|| Audio {
            codec: AudioCodec::Opus,
            codec_private: b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec(),
            sample_rate: 48_000.0,
            channels: 2,
            codec_delay_ns: 6_500_000,
        }),
    }
}

fn video(time_ms: u64, keyframe: bool, duration_ms: Option<u64>) -> Block {
    Block { track: Track::Video, time_ms, keyframe, duration_ms, data: vec![0x5A; 40] }
}

/// `count` segments of two seconds, of four frames each.
fn segments(count: u64) -> Vec<Vec<u8>> {
    (0..count)
        .map(|n| {
            let blocks: Vec<Block> = (0..4)
                .map(|f| video(n * 2_000 + f * 500, f == 0, (f == 3).then_some(500)))
                .collect();
            cluster(&blocks).unwrap()
        })
        .collect()
}

#[test]
fn init_is_read_as_it_was_written() {
    for audio in [false, true] {
        let mut bytes = init(&tracks(audio));
        let read = read_init(&bytes).unwrap();
        assert_eq!(read.tracks, tracks(audio));
        assert_eq!(read.len_bytes, bytes.len());
        assert_eq!((read.video_track, read.duration_ms), (1, None));
        let len = bytes.len();
        bytes.extend(&segments(1)[0]);
        assert_eq!(read_init(&bytes).unwrap().len_bytes, len);
    }
}

#[test]
fn index_reads_parts_of_either_framing() {
    let init = init(&tracks(false));
    let segments = segments(2);
    let stream = index(&segments.concat()).unwrap();
    assert_eq!(stream.init, None);
    let mut bytes = init.clone();
    bytes.extend(segments.concat());
    let standalone = index(&bytes).unwrap();
    assert_eq!(standalone.init.as_ref().map(|i| i.len_bytes), Some(init.len()));

    for (part, first) in [(stream, 0), (standalone, init.len())] {
        let expected: Vec<Cluster> = [(first, 0), (first + segments[0].len(), 1)]
            .map(|(offset, n)| Cluster {
                offset: offset as u64,
                size: segments[n].len() as u64,
                start_ms: n as u64 * 2_000,
                end_ms: (n as u64 + 1) * 2_000,
                starts_with_keyframe: true,
                video_frames: 4,
            })
            .into();
        assert_eq!(part.clusters, expected);
    }
}

#[test]
fn index_guesses_the_end_when_no_duration_is_written() {
    let bytes = cluster(&[video(0, true, None), video(40, false, None)]).unwrap();
    assert_eq!(index(&bytes).unwrap().clusters[0].end_ms, 80);
    let bytes = cluster(&[video(0, true, None)]).unwrap();
    assert_eq!(index(&bytes).unwrap().clusters[0].end_ms, 33);
}

#[test]
fn index_finds_keyframes_in_either_kind_of_block() {
    for (keyframe, duration_ms) in [(true, None), (true, Some(9)), (false, None), (false, Some(9))]
    {
        let bytes = cluster(&[video(5, keyframe, duration_ms)]).unwrap();
        assert_eq!(index(&bytes).unwrap().clusters[0].starts_with_keyframe, keyframe);
    }
    let audio = Block { track: Track::Audio, ..video(0, true, None) };
    let bytes = cluster(&[audio, video(5, true, None)]).unwrap();
    assert!(!index(&bytes).unwrap().clusters[0].starts_with_keyframe);
}

#[test]
fn finish_keeps_the_length_of_our_init() {
    for count in [0, 1, 3, 3_600] {
        let init = init(&tracks(true));
        let segments = segments(count);
        let clusters = index_all(&segments);
        let finished = finish(&init, &clusters).unwrap();
        assert_eq!(finished.head.len(), init.len());
        assert_eq!(finished.duration_ms, count * 2_000);

        let mut file = finished.head.clone();
        file.extend(segments.concat());
        file.extend(&finished.cues);
        assert_eq!(file.len() as u64, finished.size_bytes);
        let part = index(&file).unwrap();
        assert_eq!(part.init.and_then(|i| i.duration_ms), Some(count * 2_000));
        assert_eq!(part.clusters.len() as u64, count);
        // Finishing what is finished changes nothing.
        assert_eq!(finish(&file, &part.clusters).unwrap(), finished);
    }
}

fn index_all(segments: &[Vec<u8>]) -> Vec<Cluster> {
    segments.iter().flat_map(|s| index(s).unwrap().clusters).collect()
}

#[test]
fn finish_writes_a_new_head_when_the_init_has_no_room() {
    // As a browser's recorder writes: no Void, and little in Info.
    let header = b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm";
    let info = b"\x15\x49\xA9\x66\x8C\x2A\xD7\xB1\x83\x0F\x42\x40\x4D\x80\x82ab";
    let tracks = b"\x16\x54\xAE\x6B\x95\xAE\x93\xD7\x81\x01\x73\xC5\x81\x09\x83\x81\x01\x86\x85V_VP8\xE0\x80";
    let mut other = header.to_vec();
    other.extend(b"\x18\x53\x80\x67\xFF");
    other.extend(info);
    other.extend(tracks);
    let read = read_init(&other).unwrap();
    assert_eq!((read.video_track, read.tracks.video.codec), (1, VideoCodec::Vp8));

    let segments = segments(2);
    let finished = finish(&other, &index_all(&segments)).unwrap();
    let mut file = finished.head.clone();
    file.extend(segments.concat());
    file.extend(&finished.cues);
    let read = read_init(&file).unwrap();
    assert_eq!(read.len_bytes, finished.head.len());
    assert_eq!((read.video_track, read.duration_ms), (1, Some(4_000)));
    assert!(finished.head.windows(tracks.len()).any(|w| w == tracks));
    assert_eq!(finish(&file, &index(&file).unwrap().clusters).unwrap(), finished);
}

#[test]
fn index_names_what_it_refuses() {
    assert_eq!(index(b""), Err(WebmError::NotWebm));
    assert_eq!(index(b"\0\0\0\x20ftypisom"), Err(WebmError::NotWebm));
    assert_eq!(
        index(b"\x1F\x43\xB6\x75\xFF\xE7\x81\0"),
        Err(WebmError::ClusterUnsized { offset: 0 })
    );
    let mut twice = init(&tracks(false));
    twice.extend(&segments(1)[0]);
    let second = twice.len() as u64;
    twice.extend(twice.clone());
    assert!(matches!(index(&twice), Err(WebmError::Malformed { offset, .. }) if offset == second));
    let backwards: Vec<Cluster> = index_all(&segments(2)).into_iter().rev().collect();
    assert_eq!(
        finish(&init(&tracks(false)), &backwards),
        Err(WebmError::Backwards { start_ms: 0 })
    );
}

#[test]
fn index_refuses_bytes_that_are_cut_anywhere() {
    let init = init(&tracks(true));
    for len in 0..init.len() {
        assert!(read_init(&init[..len]).is_err(), "{len}");
    }
    let cluster = &segments(1)[0];
    for len in 0..cluster.len() {
        assert!(index(&cluster[..len]).is_err(), "{len}");
        let mut standalone = init.clone();
        standalone.extend(&cluster[..len]);
        assert_eq!(index(&standalone).is_err(), len > 0, "{len}");
    }
}

#[test]
fn index_allocates_nothing_for_claimed_sizes() {
    for id in [&b"\x1F\x43\xB6\x75"[..], b"\x1A\x45\xDF\xA3"] {
        let mut bytes = id.to_vec();
        bytes.extend(b"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFE");
        assert_eq!(index(&bytes), Err(WebmError::Truncated { offset: 0 }));
    }
}

/// Bytes changed, cut out, doubled: whatever comes of it, it is an answer, and what it says of
/// offsets lies within the bytes.
#[test]
fn index_survives_damaged_bytes() {
    let mut whole = init(&tracks(true));
    whole.extend(segments(3).concat());
    let finished = finish(&whole, &index(&whole).unwrap().clusters).unwrap();
    let mut file = finished.head;
    file.extend(segments(3).concat());
    file.extend(finished.cues);

    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut accepted = 0;
    for _ in 0..60_000 {
        let mut bytes = if random(2) == 0 { whole.clone() } else { file.clone() };
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => bytes[at] ^= 1 << random(8),
                2 => bytes.truncate(at + 1),
                _ => {
                    let end = (at + random(64)).min(bytes.len());
                    bytes.drain(at..end);
                    bytes.push(0xFF);
                }
            }
        }
        let _ = read_init(&bytes);
        if let Ok(part) = index(&bytes) {
            accepted += 1;
            for cluster in &part.clusters {
                assert!(cluster.offset + cluster.size <= bytes.len() as u64);
                assert!(cluster.end_ms >= cluster.start_ms || cluster.end_ms == u64::MAX);
            }
            let _ = finish(&bytes, &part.clusters);
        }
    }
    assert!(accepted > 1_000, "the loop reached nothing: {accepted}");
}
