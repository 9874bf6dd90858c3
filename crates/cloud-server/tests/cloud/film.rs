//! A recording that is edited behind its link, and the requests of whoever publishes it.

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use snaplark_api::{RECORDING_SECRET_BYTES, hex, recording_id_of};
use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

use crate::support::{Answer, Recording, User, encoded, init_000};

pub const SEGMENT_MS: i64 = 2_000;
pub const CAPTIONS: &str = "WEBVTT\n\n00:00.500 --> 00:01.500\nSPOKEN-0\n\n00:02.500 --> 00:03.500\nSPOKEN-1\n\n\
    00:05.500 --> 00:06.500\nSPOKEN-2-3\n\n00:08.500 --> 00:09.500\nSPOKEN-4\n";

/// Bytes that are in one segment alone.
pub fn mark(segment: usize) -> Vec<u8> {
    format!("<segment {segment:03}>").into_bytes()
}

pub fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// A segment whose frames say which one it is.
pub fn segment(number: usize, at_ms: i64, frame_bytes: usize) -> Vec<u8> {
    let block = |frame: usize| Block {
        track: Track::Video,
        time_ms: at_ms as u64 + frame as u64 * 500,
        keyframe: frame == 0,
        duration_ms: (frame == 3).then_some(500),
        data: mark(number).repeat(frame_bytes / mark(number).len() + 1),
    };
    snaplark_formats::webm::cluster(&[block(0), block(1), block(2), block(3)]).unwrap()
}

/// Six seconds of VP9 that players play, in segments of one second that begin with a keyframe.
pub fn silent() -> &'static Recording {
    static SILENT: std::sync::OnceLock<Recording> = std::sync::OnceLock::new();
    SILENT.get_or_init(|| {
        let silent = encoded(
            "-f lavfi -i testsrc2=size=320x180:rate=30 -t 6 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 300k \
             -g 30 -keyint_min 30",
        );
        let is_keyframe = |segment: &Vec<u8>| {
            snaplark_formats::webm::index(segment).unwrap().clusters[0].starts_with_keyframe
        };
        assert!(silent.segments.iter().all(is_keyframe));
        silent
    })
}

pub fn init() -> Vec<u8> {
    let video = Video { codec: VideoCodec::Vp9, width: 1280, height: 720 };
    snaplark_formats::webm::init(&Tracks { video, audio: None })
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A recording of six segments of two seconds in three parts, with an id that is made from a secret.
pub struct Film {
    pub secret: [u8; RECORDING_SECRET_BYTES],
    pub id: String,
    pub parts: Vec<Vec<u8>>,
}

/// A kept range of a part of the version before.
pub fn keep(part: &[u8], index: usize, range: std::ops::Range<usize>, shift_ms: i64) -> Value {
    let digest = sha256(&part[range.clone()]);
    json!({"keep": {"chunkIndex": index, "start": range.start, "end": range.end, "sha256": digest},
        "shiftMs": shift_ms})
}

/// Whole parts in a row of the version before, as one piece.
pub fn keep_run(parts: &[Vec<u8>], index: usize, shift_ms: i64) -> Value {
    let digests: Vec<u8> = parts.iter().flat_map(Sha256::digest).collect();
    let bytes: usize = parts.iter().map(Vec::len).sum();
    json!({"keep": {"chunkIndex": index, "start": 0, "end": bytes, "sha256": sha256(&digests),
        "moreParts": parts.len() - 1}, "shiftMs": shift_ms})
}

impl Film {
    pub fn new(byte: u8) -> Film {
        let secret = [byte; RECORDING_SECRET_BYTES];
        let segments: Vec<_> =
            (0..6).map(|number| segment(number, number as i64 * SEGMENT_MS, 400)).collect();
        let mut parts: Vec<Vec<u8>> = segments.chunks(2).map(|two| two.concat()).collect();
        parts[0] = [init(), parts[0].clone()].concat();
        Film { secret, id: recording_id_of(&secret).to_string(), parts }
    }

    pub fn path(&self) -> String {
        format!("/videos/{}", self.id)
    }

    pub fn video(&self) -> String {
        format!("{}/video.webm", self.path())
    }

    pub async fn begin(&self, user: &User, version: u32) -> Answer {
        user.post("/videos/init", &self.init_body(version)).await
    }

    pub fn init_body(&self, version: u32) -> Value {
        let digits = hex(&self.secret);
        let mut body = init_000();
        body["recordingId"] = json!(self.id);
        body["recordingSecret"] = json!(digits);
        body["version"] = json!(version);
        body
    }

    pub async fn session(&self, user: &User, version: u32) -> String {
        self.begin(user, version).await.ok()["sessionId"].as_str().unwrap().to_owned()
    }

    pub async fn publish_whole(&self, user: &User) -> String {
        let session = self.session(user, 1).await;
        for (index, part) in self.parts.iter().enumerate() {
            user.chunk(&session, index, part).await.ok();
        }
        user.finalize(&session, self.parts.len()).await.ok();
        session
    }

    /// Segments 0 and 3 are cut: half of the first part, half of the second, all of the third stay.
    pub fn cut(&self) -> Value {
        let half = |number: usize| segment(number, number as i64 * SEGMENT_MS, 400).len();
        let first = init().len() + half(0);
        json!({
            "fromVersion": 1,
            "pieces": [
                keep(&self.parts[0], 0, first..self.parts[0].len(), -2_000),
                keep(&self.parts[1], 1, 0..half(2), -2_000),
                keep(&self.parts[2], 2, 0..self.parts[2].len(), -4_000),
            ],
            "times": [
                {"fromMs": 2_000, "toMs": 6_000, "atMs": 0},
                {"fromMs": 8_000, "toMs": 12_000, "atMs": 4_000},
            ],
            "chapters": [
                {"sourceMs": 0, "title": "TITLE-0"},
                {"sourceMs": 2_000, "title": "TITLE-1"},
                {"sourceMs": 6_500, "title": "TITLE-3"},
                {"sourceMs": 9_000, "title": "TITLE-4"},
            ],
        })
    }

    pub async fn publish_cut(&self, user: &User, version: u32) -> String {
        let session = self.session(user, version).await;
        let set = put_pieces(user, &session, &self.cut()).await.ok();
        assert_eq!(set["missingChunks"], json!([]), "nothing has to be sent");
        let answer = user.finalize(&session, 3).await.ok();
        assert_eq!(answer["version"], version);
        session
    }
}

pub async fn put_pieces(user: &User, session: &str, body: &Value) -> Answer {
    let url = format!("{}/api/v1/videos/{session}/pieces", user.url);
    Answer::of(user.http.put(url).bearer_auth(&user.token).json(body).send().await.unwrap()).await
}

pub async fn put_captions(user: &User, session: &str, text: &'static str) {
    let url = format!("{}/api/v1/videos/{session}/captions", user.url);
    let request = user.http.put(url).bearer_auth(&user.token).header("content-type", "text/vtt");
    Answer::of(request.body(text).send().await.unwrap()).await.ok();
}

pub async fn seen(user: &User, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = user.http.get(format!("{}{path}", user.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

pub async fn stored(user: &User) -> u64 {
    user.get("/usage").await.ok()["storedBytes"].as_u64().unwrap()
}

/// The segments that a served video shows, with their times.
pub fn shown(bytes: &[u8]) -> Vec<(usize, u64)> {
    let clusters = snaplark_formats::webm::index(bytes).unwrap().clusters;
    let number = |at: &snaplark_formats::webm::Cluster| {
        let cluster = &bytes[at.offset as usize..(at.offset + at.size) as usize];
        (0..99).find(|number| has(cluster, &mark(*number))).expect("a segment of the film")
    };
    clusters.iter().map(|at| (number(at), at.start_ms)).collect()
}

impl Film {
    /// From the version that `cut` made, without its last part.
    pub async fn publish_from_second(&self, user: &User, version: u32) -> String {
        let one = |number: usize| segment(number, number as i64 * SEGMENT_MS, 400);
        let session = self.session(user, version).await;
        let pieces = json!({"fromVersion": 2, "pieces": [
            keep(&one(1), 0, 0..one(1).len(), -2_000),
            keep(&one(2), 1, 0..one(2).len(), -2_000),
        ]});
        let set = put_pieces(user, &session, &pieces).await.ok();
        assert_eq!(set["missingChunks"], json!([]));
        user.finalize(&session, 2).await.ok();
        session
    }
}
