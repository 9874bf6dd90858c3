//! A video as H.264 and AAC in pieces of two seconds, for browsers that don't play its own format: HLS with
//! fragmented MP4.
//!
//! ```text
//! parts, as they arrive ──> one ffmpeg ──pipe──> FragmentSplitter ──> 720.hls.init, .000000, .000001, …
//!                                                                     720.hls   when all of them are there
//! ```
//! One ffmpeg encodes the whole video, so that the sound goes on across the borders of pieces: encoders of
//! AAC prepend a frame of silence, which each piece would have if it were encoded alone. Piece `n` is what
//! is shown from `2n` to `2n + 2` seconds. Each piece is a row and an object of its own. Whoever takes over
//! the job begins anew, and replaces one piece after the other: the same program makes the same bytes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use snaplark_cloud_data::db::{Lane, ProductName};
use snaplark_formats::mp4::{FragmentSplitter, Fragments, SplitPiece};
use snaplark_formats::sniff::MediaKind;
use tokio::sync::mpsc;

use super::background_job::{BackgroundJob, JobInput, Made, Planned};
use super::encoder::{EncoderArguments, HardwareEncoder};
use super::error::JobError;
use super::ffmpeg::{FfmpegInput, FfmpegPlan, StreamSource, words};
use super::growing::GrowingUpload;
use super::kind::ProductKind;
use super::mp4::{
    BYTES_BASE, BYTES_PER_SECOND, DURATION_MS_MAX, Mp4Height, encoding_time, refuse_what_takes_days,
};
use crate::media_map::MediaMap;

/// The length of each piece but the last.
pub const PIECE_MS: u64 = 2_000;
/// Pictures a second. Players want a constant frame rate.
const RATE: u64 = 30;
/// The limit on one piece: 64 Mbit/s.
const PIECE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How far a piece may begin from where it should: half a picture, and rounding.
pub(super) const BEGIN_MS_MAX: u64 = 20;
/// A recording that is followed may be as long as any, and its recorder may pause.
const FOLLOW_TIME_MAX: Duration = Duration::from_millis(2 * DURATION_MS_MAX);
/// ffmpeg writes the stream to a pipe. This is for what else it may write.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The number of reads from ffmpeg that wait while a piece is stored.
const READ_AHEAD_MAX: usize = 4;

/// The name of the piece with the header.
const HEADER: &str = "init";

static STREAM_1080: ProductKind = kind("1080.hls");
static STREAM_720: ProductKind = kind("720.hls");
static STREAM_480: ProductKind = kind("480.hls");

const fn kind(name: &'static str) -> ProductKind {
    ProductKind { name: ProductName::new(name), mime: "application/json", is_served: false }
}

/// A stream whose pieces are all there, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamFacts {
    /// The number of its pieces, the header not counted.
    pub pieces: usize,
    /// The length of the last piece.
    pub last_ms: u64,
}

impl Mp4Height {
    /// Returns the stream of at most this height. Its row is there when the stream is complete.
    pub fn stream(self) -> &'static ProductKind {
        match self {
            Mp4Height::P1080 => &STREAM_1080,
            Mp4Height::P720 => &STREAM_720,
            Mp4Height::P480 => &STREAM_480,
        }
    }

    /// Returns the name of the header of the stream of this height.
    pub fn stream_header(self) -> ProductName {
        self.stream().name.piece(HEADER)
    }

    /// Returns the name of a piece of the stream of this height.
    pub fn stream_piece(self, index: usize) -> ProductName {
        self.stream().name.piece(&piece_name(index))
    }
}

/// Six digits, so that rows are in order: twelve hours have 21,600 pieces.
fn piece_name(index: usize) -> String {
    format!("{index:06}")
}

/// The pieces of a complete stream, as one fragmented MP4.
pub(super) struct StreamPieces {
    pub(super) map: Arc<MediaMap>,
}

impl StreamPieces {
    /// Returns the stream of this height, if it is complete.
    pub(super) async fn of(
        work: &JobInput<'_>,
        height: Mp4Height,
    ) -> Result<Option<Self>, JobError> {
        let stream = &height.stream().name;
        if work.db.product(work.session, stream).await?.is_none() {
            return Ok(None);
        }
        let mut pieces = work.db.pieces(work.session, stream).await?;
        // Digits sort before letters, so the header comes last.
        let Some(header) = pieces.pop_if(|piece| piece.name == height.stream_header()) else {
            return Ok(None);
        };
        let mut map = MediaMap::default();
        for piece in [header].iter().chain(&pieces) {
            map.push_object(&piece.object_key, 0..piece.size_bytes);
        }
        Ok(Some(StreamPieces { map: Arc::new(map) }))
    }
}

pub(super) struct StreamJob(pub(super) Mp4Height);

impl BackgroundJob for StreamJob {
    fn product(&self) -> &'static ProductKind {
        self.0.stream()
    }

    fn planned(&self) -> Planned {
        Planned::OnRequest { noun: "MP4" }
    }

    fn lane(&self) -> Lane {
        Lane::Streams
    }

    fn follows_upload(&self) -> bool {
        true
    }

    fn run<'a>(&'a self, work: &'a JobInput<'a>) -> BoxFuture<'a, Result<Made, JobError>> {
        Box::pin(async move {
            match work.finished {
                Some(of) => refuse_what_takes_days(work, of).await?,
                // Only WebM can be read before its end. A recorder's MP4 needs no stream.
                None if !matches!(work.media, MediaKind::Webm | MediaKind::Mkv) => {
                    return Err(JobError::Quiet);
                }
                None => {}
            }
            let encoder = work.hardware().await?;
            match self.encode(work, encoder).await {
                Err(error) if work.needs_software(encoder, &error) => self.encode(work, None).await,
                made => made,
            }
        })
    }
}

impl StreamJob {
    /// Encodes the video from its beginning.
    async fn encode(
        &self,
        work: &JobInput<'_>,
        encoder: Option<HardwareEncoder>,
    ) -> Result<Made, JobError> {
        let (source, time) = match work.finished {
            Some(of) => {
                let (storage, map, media) = (work.storage, work.map, work.media);
                let input = FfmpegInput { storage, map, media, instead: None };
                (StreamSource::Whole(input), encoding_time(of))
            }
            None => {
                let JobInput { session, media, db, storage, .. } = *work;
                let upload = GrowingUpload { session, media, db, storage };
                (StreamSource::Growing(upload), FOLLOW_TIME_MAX)
            }
        };
        let mut plan = stream_plan(self.0, encoder, time);
        // It begins to encode as soon as it knows the streams, and drops nothing of what it has read.
        plan.before_input.extend(words("-analyzeduration 1000000"));
        let mut writer = StreamWriter::new(work, self.0);
        let ffmpeg = work.ffmpeg.ok_or(JobError::Gone)?;
        let (into, mut from) = mpsc::channel::<Bytes>(READ_AHEAD_MAX);
        let write = async {
            while let Some(bytes) = from.recv().await {
                writer.write(&bytes).await?;
            }
            Ok(())
        };
        // An error of either ends the other.
        tokio::try_join!(ffmpeg.stream(&plan, source, into), write)?;
        writer.finish().await
    }
}

/// Returns how ffmpeg encodes a stream: a keyframe each two seconds exactly, with which a fragment begins, and
/// times that are those of the video.
pub(super) fn stream_plan(
    height: Mp4Height,
    encoder: Option<HardwareEncoder>,
    time: Duration,
) -> FfmpegPlan {
    let EncoderArguments { before_input, filter, codec, memory_bytes } =
        EncoderArguments::of(encoder, height);
    let mut arguments = words("-map 0:v:0 -map 0:a:0?");
    arguments.extend(codec);
    // Pictures in the order in which they are shown: no time has to be shifted.
    arguments.extend(words("-maxrate 12M -bufsize 24M -bf 0"));
    if encoder.is_none() {
        arguments.extend(words("-sc_threshold 0"));
    }
    let group = (RATE * PIECE_MS / 1_000).to_string();
    arguments.extend(["-g", &group, "-keyint_min", &group].map(str::to_owned));
    let scale = height.scale();
    // What is shown first is shown from the beginning.
    arguments.extend(["-vf".to_owned(), format!("{scale},fps={RATE}:start_time=0{filter}")]);
    // The encoder prepends 1,024 samples. They take the place of the first ones, so that all others keep
    // their times. Gaps are filled with silence.
    arguments.extend(words("-c:a aac -b:a 128k -ac 2 -af aresample=48000:async=1:first_pts=1024"));
    arguments.extend(["-t".to_owned(), format!("{DURATION_MS_MAX}ms")]);
    arguments.extend(words("-avoid_negative_ts disabled -flush_packets 1"));
    arguments.extend(words("-movflags empty_moov+frag_keyframe+default_base_moof -f mp4"));
    FfmpegPlan {
        before_input,
        before_output: arguments,
        time,
        memory_bytes,
        file_bytes: FILE_BYTES_MAX,
        hardware: encoder,
    }
}

/// Stores the pieces as ffmpeg writes them.
struct StreamWriter<'a> {
    work: &'a JobInput<'a>,
    height: Mp4Height,
    splitter: FragmentSplitter,
    times: Fragments,
    has_header: bool,
    pieces: usize,
    size_bytes: u64,
    /// ffmpeg ends a fragment with a keyframe. The last one, which none follows, may be any rest.
    end_ms: u64,
}

impl<'a> StreamWriter<'a> {
    fn new(work: &'a JobInput<'a>, height: Mp4Height) -> Self {
        StreamWriter {
            work,
            height,
            splitter: FragmentSplitter::new(PIECE_BYTES_MAX),
            times: Fragments::default(),
            has_header: false,
            pieces: 0,
            size_bytes: 0,
            end_ms: 0,
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), JobError> {
        self.splitter.push(bytes);
        while let Some(piece) = self.splitter.next_piece().map_err(no_stream)? {
            match piece {
                SplitPiece::Header(header) => self.begin(header).await?,
                SplitPiece::Fragment(fragment) => self.add(fragment).await?,
            }
        }
        Ok(())
    }

    /// Stores the header. Another header means another ffmpeg, with whose pieces the earlier ones don't
    /// play.
    async fn begin(&mut self, header: Vec<u8>) -> Result<(), JobError> {
        self.times.push(&header);
        let name = self.height.stream_header();
        let known = self.work.db.product(self.work.session, &name).await?;
        if known.is_none_or(|known| known.sha256[..] != Sha256::digest(&header)[..]) {
            self.work.remove_pieces(|_| true).await?;
            self.work.store_piece(HEADER, header.into()).await?;
        }
        self.has_header = true;
        Ok(())
    }

    async fn add(&mut self, fragment: Vec<u8>) -> Result<(), JobError> {
        self.times.push(&fragment);
        let begins_ms = self.times.take_joints().first().map(|joint| joint.start_ms);
        let expected_ms = self.pieces as u64 * PIECE_MS;
        let is_expected = begins_ms.is_some_and(|it| it.abs_diff(expected_ms) <= BEGIN_MS_MAX);
        if !self.has_header || !is_expected {
            return Err(JobError::Ffmpeg(format!(
                "piece {} begins at {begins_ms:?} ms and not at {expected_ms}",
                self.pieces
            )));
        }
        // An MP4 of the same length may have as many.
        self.size_bytes += fragment.len() as u64;
        let seconds = self.times.latest_ms().div_ceil(1_000);
        if self.size_bytes > BYTES_BASE.saturating_add(seconds.saturating_mul(BYTES_PER_SECOND)) {
            return Err(JobError::Refused("its stream takes too much room"));
        }
        let piece = Bytes::from(fragment);
        self.work.store_piece(&piece_name(self.pieces), piece).await?;
        self.pieces += 1;
        self.end_ms = self.times.latest_ms();
        Ok(())
    }

    /// Stores how many pieces there are, with which the stream is complete.
    async fn finish(self) -> Result<Made, JobError> {
        let Some(last) = self.pieces.checked_sub(1) else {
            return Err(JobError::Ffmpeg("it made nothing".to_owned()));
        };
        // An earlier run may have made more of them.
        let (end, header) = (self.height.stream_piece(self.pieces), self.height.stream_header());
        self.work.remove_pieces(|it| *it != header && it.as_str() >= end.as_str()).await?;
        let last_ms = self.end_ms.saturating_sub(last as u64 * PIECE_MS).max(1);
        let facts = StreamFacts { pieces: self.pieces, last_ms };
        let bytes = serde_json::to_vec(&facts).map_err(|error| JobError::Run(error.into()))?;
        Ok(Made { written: self.work.store(bytes.into()).await?, measured: None })
    }
}

fn no_stream(error: snaplark_formats::mp4::Mp4Error) -> JobError {
    JobError::Ffmpeg(error.to_string())
}
