//! Lets viewers watch an upload while it arrives, when its parts are cut at arbitrary positions as
//! browsers' recorders send them. It finds out which times each part covers and where playback can
//! start.
//!
//! An upload that nobody watches costs nothing. The first viewer's request reads the parts that are
//! already here (`READ_BYTES_MAX` at a time); each later part is read once, by one of the requests.
//! The results stay in this process's memory for the last `FOLLOWED_MAX` uploads, and can be computed
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use snaplark_api::limits;
use snaplark_formats::webm::{Joint, Scan};
use tokio::sync::Semaphore;

use super::{UploadError, Uploads, blocking};
use crate::media_map::MediaMap;
use crate::parts;
use snaplark_cloud_data::db::{SessionId, StoredPart, Upload};
use snaplark_cloud_data::layout::Layout;
use snaplark_formats::mp4::Fragments;
use snaplark_formats::sniff::MediaKind;

/// The number of uploads that a process follows at once. Each takes about 40 bytes for a part.
const FOLLOWED_MAX: usize = 64;
/// The number of bytes that one request reads. Someone who opens an upload of several hours waits for
/// this much, and asks again a second later.
const READ_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The facts that a page needs about one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowedPart {
    /// When its first frame is shown.
    pub start_ms: u64,
    /// When its last frame ends.
    pub end_ms: u64,
    /// A position where playback can start, and whose first frame is complete with this part.
    pub joint: Option<JointAt>,
}

/// A position where playback can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JointAt {
    /// When the first frame behind it is shown.
    pub start_ms: u64,
    /// The part in which it begins, which may be an earlier one.
    pub part: u32,
    /// The offset in that part.
    pub offset: u64,
}

/// The known facts about an upload.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// The MIME type as Media Source Extensions expect it. `None` before the header has arrived, and
    /// if the header names codecs that no browser supports.
    pub mime: Option<String>,
    /// The number of bytes before the first cluster or fragment.
    pub head_bytes: u64,
    /// The parts from the first requested one on.
    pub parts: Vec<FollowedPart>,
}

/// The number of parts that are read at once. Each has up to 10 MB.
const READING_MAX: usize = 2;

/// Caches what is known of followed uploads. See the file's header.
#[derive(Debug)]
pub(super) struct Follows {
    kept: Mutex<FollowCache>,
    reading: Semaphore,
}

impl Default for Follows {
    fn default() -> Self {
        Follows { kept: Mutex::default(), reading: Semaphore::new(READING_MAX) }
    }
}

#[derive(Debug, Default)]
struct FollowCache {
    follows: HashMap<SessionId, (Arc<tokio::sync::Mutex<Follow>>, u64)>,
    turn: u64,
}

impl Follows {
    fn of(&self, session: SessionId) -> Arc<tokio::sync::Mutex<Follow>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.turn += 1;
        let turn = kept.turn;
        if !kept.follows.contains_key(&session) && kept.follows.len() >= FOLLOWED_MAX {
            let oldest = kept.follows.iter().min_by_key(|(_, (_, used))| *used).map(|(id, _)| *id);
            oldest.and_then(|oldest| kept.follows.remove(&oldest));
        }
        let (follow, used) = kept.follows.entry(session).or_default();
        *used = turn;
        Arc::clone(follow)
    }
}

impl Uploads {
    /// Returns what can be watched of an upload whose parts are cut at arbitrary positions, from part
    /// `after` on.
    pub async fn followed(&self, upload: &Upload, after: u32) -> Result<Followed, UploadError> {
        let follow = self.follows.of(upload.session_id);
        let mut follow = follow.lock_owned().await;
        let known = u32::try_from(follow.parts.len()).unwrap_or(u32::MAX);
        let new = self.db.parts_from(upload.session_id, known).await?;
        let mut read_bytes = 0;
        for (part, index) in new.into_iter().zip(known..) {
            let is_over = part.index != index || part.is_damaged || follow.is_over();
            if is_over || read_bytes >= READ_BYTES_MAX || part.size_bytes > limits::PART_BYTES_MAX {
                break;
            }
            let _turn = self.follows.reading.acquire().await.expect("it is never closed");
            read_bytes += part.size_bytes;
            let bytes = self.storage.read(&part.object_key).await?;
            follow = blocking(move || {
                follow.push(&bytes);
                follow
            })
            .await;
        }
        Ok(follow.told(after))
    }

    /// Returns a map of the header of such an upload, which lies in its first parts.
    pub async fn followed_head(&self, upload: &Upload) -> Result<MediaMap, UploadError> {
        let mut left = self.followed(upload, u32::MAX).await?.head_bytes;
        let mut map = MediaMap::default();
        let mut index = 0;
        while left > 0 {
            let part =
                self.db.part(upload.session_id, index).await?.ok_or(UploadError::NotFound)?;
            let len_bytes = part.size_bytes.min(left);
            map.push_object(&part.object_key, 0..len_bytes);
            (left, index) = (left - len_bytes, index + 1);
        }
        Ok(map)
    }

    /// Returns whether the upload's parts are cut at arbitrary positions, as far as the first part
    /// shows.
    pub fn is_cut(upload: &Upload, first: &StoredPart) -> bool {
        match &first.layout {
            Layout::Opaque => !upload.media.is_image(),
            Layout::Clusters { clusters, .. } => clusters.is_empty(),
        }
    }
}

#[derive(Debug, Default)]
struct Follow {
    stream: StreamFormat,
    /// The stream offset of the next part.
    at: u64,
    /// The stream offset of each part.
    begins: Vec<u64>,
    parts: Vec<FollowedPart>,
}

#[derive(Debug, Default)]
enum StreamFormat {
    #[default]
    Unknown,
    Webm(Box<Scan>),
    Mp4(Box<Fragments>),
    /// A format in which no times can be found.
    Other,
}

impl Follow {
    fn push(&mut self, bytes: &Bytes) {
        if let StreamFormat::Unknown = self.stream {
            self.stream = match MediaKind::of_bytes(bytes) {
                Some(MediaKind::Webm | MediaKind::Mkv) => StreamFormat::Webm(Box::default()),
                Some(MediaKind::Mp4 | MediaKind::Mov) => StreamFormat::Mp4(Box::default()),
                Some(
                    MediaKind::Png
                    | MediaKind::Jpeg
                    | MediaKind::Webp
                    | MediaKind::Gif
                    | MediaKind::Unknown,
                )
                | None => StreamFormat::Other,
            };
        }
        let start_ms = self.latest_ms();
        let joints = match &mut self.stream {
            StreamFormat::Webm(scan) => match scan.push(bytes) {
                Ok(()) => scan.take_joints(),
                Err(_) => {
                    self.stream = StreamFormat::Other;
                    Vec::new()
                }
            },
            StreamFormat::Mp4(fragments) => {
                fragments.push(bytes);
                fragments.take_joints()
            }
            StreamFormat::Unknown | StreamFormat::Other => Vec::new(),
        };
        let end_ms = self.latest_ms().max(start_ms);
        self.begins.push(self.at);
        let joint = joints.first().and_then(|joint| self.place(joint));
        self.parts.push(FollowedPart { start_ms, end_ms, joint });
        self.at += bytes.len() as u64;
    }

    /// Returns whether nothing more can be learned from the stream.
    fn is_over(&self) -> bool {
        match &self.stream {
            StreamFormat::Unknown | StreamFormat::Webm(_) => false,
            StreamFormat::Mp4(fragments) => fragments.is_given_up(),
            StreamFormat::Other => true,
        }
    }

    fn latest_ms(&self) -> u64 {
        match &self.stream {
            StreamFormat::Webm(scan) => scan.latest_ms(),
            StreamFormat::Mp4(fragments) => fragments.latest_ms(),
            StreamFormat::Unknown | StreamFormat::Other => 0,
        }
    }

    fn place(&self, joint: &Joint) -> Option<JointAt> {
        let part = self.begins.partition_point(|begins| *begins <= joint.offset).checked_sub(1)?;
        Some(JointAt {
            start_ms: joint.start_ms,
            part: u32::try_from(part).ok()?,
            offset: joint.offset - self.begins[part],
        })
    }

    fn told(&self, after: u32) -> Followed {
        let (mime, head_bytes) = match &self.stream {
            StreamFormat::Webm(scan) => scan.init().map_or((None, 0), |(init, bytes)| {
                let codecs = parts::codecs(&init.tracks);
                (codecs.map(|it| format!("video/webm; codecs=\"{it}\"")), bytes.len() as u64)
            }),
            StreamFormat::Mp4(fragments) => fragments.head().map_or((None, 0), |head| {
                let codecs = Some(&head.codecs).filter(|codecs| !codecs.is_empty());
                (codecs.map(|it| format!("video/mp4; codecs=\"{it}\"")), head.len_bytes)
            }),
            StreamFormat::Unknown | StreamFormat::Other => (None, 0),
        };
        let parts = self.parts.get(after as usize..).unwrap_or_default().to_vec();
        Followed { mime, head_bytes, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snaplark_formats::webm::{Block, Track, Tracks, Video, VideoCodec};

    fn stream() -> Vec<u8> {
        let video = Video { codec: VideoCodec::Vp8, width: 64, height: 36 };
        let mut stream = snaplark_formats::webm::init(&Tracks { video, audio: None });
        for second in 0..4_u64 {
            let block = |frame: u64| Block {
                track: Track::Video,
                time_ms: second * 1_000 + frame * 250,
                keyframe: frame == 0,
                duration_ms: None,
                data: vec![frame as u8; 50],
            };
            stream.extend(snaplark_formats::webm::cluster(&[0, 1, 2, 3].map(block)).unwrap());
        }
        stream
    }

    #[test]
    fn each_part_tells_its_times_and_where_playing_can_begin() {
        let stream = stream();
        let starts: Vec<usize> = (0..stream.len() - 4)
            .filter(|at| stream[*at..].starts_with(&[0x1F, 0x43, 0xB6, 0x75]))
            .collect();
        for piece in [13, 60, 100, 333] {
            let mut follow = Follow::default();
            for part in stream.chunks(piece) {
                follow.push(&Bytes::copy_from_slice(part));
            }
            let told = follow.told(0);
            assert_eq!(told.mime.as_deref(), Some("video/webm; codecs=\"vp8\""));
            assert_eq!(told.head_bytes as usize, starts[0]);
            assert!(told.parts.windows(2).all(|two| two[0].end_ms <= two[1].start_ms));
            assert_eq!(told.parts.last().unwrap().end_ms, 3_750);
            for joint in told.parts.iter().filter_map(|part| part.joint) {
                let at = joint.part as usize * piece + joint.offset as usize;
                let which = starts.iter().position(|start| *start == at).expect("a cluster");
                assert_eq!(joint.start_ms, which as u64 * 1_000);
            }
            assert!(told.parts.iter().filter(|part| part.joint.is_some()).count() >= 3, "{piece}");
            assert_eq!(follow.told(2).parts, told.parts[2..]);
            assert_eq!(follow.told(9_999).parts, []);
        }
    }

    #[test]
    fn memory_is_kept_for_those_that_were_watched_last() {
        let follows = Follows::default();
        let id = |number: usize| SessionId(uuid::Uuid::from_u128(number as u128));
        let first = follows.of(id(0));
        for number in 1..=FOLLOWED_MAX {
            follows.of(id(number));
        }
        assert_eq!(follows.kept.lock().unwrap().follows.len(), FOLLOWED_MAX);
        assert!(!Arc::ptr_eq(&first, &follows.of(id(0))));
    }
}
