//! Real VP9 frames in our clusters, as other programs read them. Needs ffmpeg and mkvtoolnix.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use snaplark_formats::webm::*;

const FPS: u64 = 20;
const SEGMENTS: u64 = 3;
const SEGMENT_FRAMES: u64 = 2 * FPS;

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .output()
        .unwrap_or_else(|e| panic!("{program} can't be run: {e}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {stderr}");
    assert_eq!(stderr, "", "{program} {args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An IVF file is a header of 32 bytes, then frames, each behind its size (4) and time (8).
fn vp9_frames(folder: &Path) -> Vec<Vec<u8>> {
    let path = folder.join("frames.ivf");
    let source = format!("testsrc2=s=64x36:r={FPS}:d={}", 2 * SEGMENTS);
    let keyframes = SEGMENT_FRAMES.to_string();
    let encode =
        ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0"];
    let mut args = vec!["-v", "error", "-f", "lavfi", "-i", &source];
    args.extend(encode);
    args.extend(["-g", &keyframes, "-keyint_min", &keyframes, "-y", path.to_str().unwrap()]);
    run("ffmpeg", &args);
    let ivf = std::fs::read(path).unwrap();
    let mut rest = &ivf[32..];
    let mut frames = Vec::new();
    while let Some(size) = rest.first_chunk() {
        let size = u32::from_le_bytes(*size) as usize;
        frames.push(rest[12..12 + size].to_vec());
        rest = &rest[12 + size..];
    }
    frames
}

fn segments(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let frame_ms = 1_000 / FPS;
    frames
        .chunks(SEGMENT_FRAMES as usize)
        .enumerate()
        .map(|(n, frames)| {
            let blocks: Vec<Block> = (0_u64..)
                .zip(frames)
                .map(|(f, data)| Block {
                    track: Track::Video,
                    time_ms: (n as u64 * SEGMENT_FRAMES + f) * frame_ms,
                    keyframe: f == 0,
                    duration_ms: (f == SEGMENT_FRAMES - 1).then_some(frame_ms),
                    data: data.clone(),
                })
                .collect();
            cluster(&blocks).unwrap()
        })
        .collect()
}

fn decoded_frames(path: &Path) -> String {
    run(
        "ffprobe",
        &[
            "-v",
            "error",
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
            path.to_str().unwrap(),
        ],
    )
}

/// A screen that hardly changes, then moves: what makes programs guess a low frame rate.
fn sparse(frames: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let moves = 50..70;
    let mut time_ms = 0;
    let mut blocks = Vec::new();
    for (n, data) in frames.iter().enumerate() {
        let duration_ms = if moves.contains(&n) { 1_000 / FPS } else { 240 + n as u64 % 7 };
        let keyframe = n.is_multiple_of(SEGMENT_FRAMES as usize);
        let (track, data) = (Track::Video, data.clone());
        blocks.push(Block { track, time_ms, keyframe, duration_ms: Some(duration_ms), data });
        time_ms += duration_ms;
    }
    blocks.chunks(SEGMENT_FRAMES as usize).map(|blocks| cluster(blocks).unwrap()).collect()
}

#[test]
fn ffmpeg_keeps_every_picture_of_a_sparse_recording() {
    let folder = std::env::temp_dir().join(format!("snaplark-sparse-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let frames = vp9_frames(&folder);
    let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
    let init = init_with_frame_rate(&Tracks { video, audio: None }, FPS as u32);
    let segments = sparse(&frames);
    let clusters: Vec<_> =
        segments.iter().flat_map(|segment| index(segment).unwrap().clusters).collect();
    let finished = finish(&init, &clusters).unwrap();
    let [webm, mp4] = ["sparse.webm", "sparse.mp4"].map(|name| folder.join(name));
    std::fs::write(&webm, [finished.head, segments.concat(), finished.cues].concat()).unwrap();
    let [webm, mp4] = [&webm, &mp4].map(|path| path.to_str().unwrap());
    // Without loss, so that each picture can be told from the next.
    run("ffmpeg", &["-v", "error", "-i", webm, "-c:v", "libx264", "-qp", "0", "-y", mp4]);
    let hashes = |file| {
        let out = run("ffmpeg", &["-v", "error", "-i", file, "-f", "framemd5", "-"]);
        let lines = out.lines().filter(|line| !line.starts_with('#'));
        let hashes: std::collections::BTreeSet<String> =
            lines.filter_map(|line| Some(line.rsplit_once(',')?.1.trim().to_owned())).collect();
        hashes.len()
    };
    assert_eq!(hashes(mp4), hashes(webm), "pictures of the MP4, and of the recording");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn segments_and_finished_file_play_in_other_programs() {
    let folder = std::env::temp_dir().join(format!("snaplark-formats-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let segments = segments(&vp9_frames(&folder));
    assert_eq!(segments.len() as u64, SEGMENTS);
    let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
    let init = init(&Tracks { video, audio: None });

    let mut clusters = Vec::new();
    for segment in &segments {
        let path = folder.join("segment.webm");
        std::fs::write(&path, [init.as_slice(), segment].concat()).unwrap();
        assert_eq!(decoded_frames(&path).trim(), SEGMENT_FRAMES.to_string());
        clusters.extend(index(segment).unwrap().clusters);
    }

    let finished = finish(&init, &clusters).unwrap();
    let path = folder.join("finished.webm");
    let path_text = path.to_str().unwrap();
    std::fs::write(&path, [finished.head, segments.concat(), finished.cues].concat()).unwrap();
    assert_eq!(decoded_frames(&path).trim(), (SEGMENTS * SEGMENT_FRAMES).to_string());
    let duration = run(
        "ffprobe",
        &["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path_text],
    );
    assert_eq!(duration.trim(), "6.000000");
    // mkvmerge says on its standard output what it finds wrong with a file.
    let copy = folder.join("copy.mkv");
    let merged = run("mkvmerge", &["-o", copy.to_str().unwrap(), path_text]);
    assert!(!merged.contains("Warning") && !merged.contains("Error"), "{merged}");
    let packets_from = |seconds: &str| {
        let args =
            ["-v", "error", "-read_intervals", seconds, "-show_entries", "packet=pts_time,flags"];
        run("ffprobe", &[&args[..], &["-of", "csv=p=0", path_text]].concat())
    };
    // With Cues a reader lands on the keyframe right before.
    assert!(packets_from("5%+#1").starts_with("4.000000,K"), "{}", packets_from("5%+#1"));
    std::fs::remove_dir_all(folder).unwrap();
}
