//! Finds the clusters of a WebM stream that arrives in arbitrary pieces, as browsers' recorders send
//! it: clusters have no size, and no element ends where a piece ends. Buffers only headers, whatever
//! the stream's length.

use crate::intake::Intake;
use crate::webm::ebml::{Element, id, varint};
use crate::webm::read::{BlockHead, FRAME_MS_GUESS, read_block, read_init};
use crate::webm::write::CLUSTER_HEADER_BYTES;
use crate::webm::{Cluster, Init, WebmError};

/// How much of an element is needed to recognize it: an id, a size, a block's own header.
const HEAD_BYTES: usize = 12 + 11;
/// The limit on an init. A recorder's has some hundred bytes; a file's may contain a cover picture.
const INIT_BYTES_MAX: usize = 1024 * 1024;
/// 14 hours of clusters of one second.
const CLUSTERS_MAX: usize = 50_000;

/// A cluster as it is to be written: a header of its own (`cluster_header`), then the bytes `data` of
/// the stream. `cluster.size` counts both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The cluster, with its offset in the stream.
    pub cluster: Cluster,
    /// The bytes of the cluster's content in the stream.
    pub data: std::ops::Range<u64>,
}

/// A position in the stream where playing can begin: a cluster whose first picture is a keyframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joint {
    /// The position of the cluster's first byte, header included.
    pub offset: u64,
    /// The time at which the cluster begins.
    pub start_ms: u64,
}

/// The scanner. Push bytes in order, then call `finish`.
#[derive(Debug, Default)]
pub struct Scan {
    intake: Intake,
    init: Option<Init>,
    init_bytes: Vec<u8>,
    open: Option<OpenCluster>,
    /// The open block group.
    group: Option<BlockGroup>,
    clusters: Vec<Scanned>,
    joints: Vec<Joint>,
    latest_ms: u64,
}

#[derive(Debug)]
struct OpenCluster {
    /// The position of its header.
    offset: u64,
    data_start: u64,
    /// Where it ends, if its size is known.
    data_end: Option<u64>,
    /// The end of the last complete element in it.
    whole_to: u64,
    start_ms: Option<u64>,
    end_ms: u64,
    first_picture_is_key: Option<bool>,
    last_video_ms: Option<u64>,
    video_gap_ms: Option<u64>,
    video_frames: u32,
    blocks: u32,
    /// The block that is being received. It counts once its last byte has arrived.
    coming: Option<BlockHead>,
}

#[derive(Debug)]
struct BlockGroup {
    end: u64,
    block: Option<BlockHead>,
    leans: bool,
    duration_ms: Option<u64>,
}

impl Scan {
    /// Creates a scan of a stream that begins with its init.
    pub fn new() -> Self {
        Scan::default()
    }

    /// Scans the next bytes of the stream. They may be cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), WebmError> {
        if self.init.is_some() {
            return self.push_media(bytes);
        }
        self.intake.take_all(bytes);
        if !self.understand_init()? {
            return Ok(());
        }
        let rest = self.intake.release();
        self.push_media(&rest)
    }

    /// Returns the header and its bytes, as soon as the first cluster has begun.
    pub fn init(&self) -> Option<(&Init, &[u8])> {
        Some((self.init.as_ref()?, &self.init_bytes))
    }

    /// Returns the joints that were found since the last call.
    pub fn take_joints(&mut self) -> Vec<Joint> {
        std::mem::take(&mut self.joints)
    }

    /// Returns the latest time of all complete blocks: the end of a block that states its duration,
    /// else its start.
    pub fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    fn push_media(&mut self, mut bytes: &[u8]) -> Result<(), WebmError> {
        while !bytes.is_empty() {
            let was_skipping = self.intake.is_skipping();
            bytes = self.intake.take(bytes, HEAD_BYTES);
            if was_skipping {
                self.settle();
                continue;
            }
            while self.may_understand() && self.understand_element()? {}
        }
        Ok(())
    }

    /// Ends the scan. If the recorder was cut off, an incomplete last element is left out.
    pub fn finish(mut self) -> Result<(Vec<u8>, Vec<Scanned>), WebmError> {
        while self.init.is_some() && !self.intake.is_skipping() && self.is_whole() {
            self.understand_element()?;
        }
        if self.init.is_none() {
            return Err(WebmError::Missing("cluster"));
        }
        self.close();
        Ok((self.init_bytes, self.clusters))
    }

    /// Returns whether enough is buffered to recognize the next element.
    fn may_understand(&self) -> bool {
        !self.intake.is_skipping() && (self.intake.held().len() >= HEAD_BYTES || self.is_whole())
    }

    /// Returns whether the whole next element is buffered.
    fn is_whole(&self) -> bool {
        let held = self.intake.held();
        let Ok((_, Some(size), head)) = header(held, self.intake.at()) else { return false };
        (head as u64).saturating_add(size) <= held.len() as u64
    }

    fn understand_init(&mut self) -> Result<bool, WebmError> {
        let held = self.intake.held();
        match read_init(held) {
            // An init ends at the first cluster; without one, more of the header may follow.
            Ok(init) if init.len_bytes < held.len() => {
                self.init_bytes = held[..init.len_bytes].to_vec();
                self.intake.pass(init.len_bytes as u64);
                self.init = Some(init);
                Ok(true)
            }
            Err(error @ (WebmError::NotWebm | WebmError::OtherTimescale(_))) if held.len() >= 4 => {
                Err(error)
            }
            Err(error) if held.len() > INIT_BYTES_MAX => Err(error),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    fn understand_element(&mut self) -> Result<bool, WebmError> {
        let offset = self.intake.at();
        let (id, size, head) = header(self.intake.held(), offset)?;
        let malformed = |reason| WebmError::Malformed { offset, reason };
        let end = size.map(|size| offset.saturating_add(head as u64).saturating_add(size));
        match id {
            id::CLUSTER => {
                self.close();
                if self.clusters.len() == CLUSTERS_MAX {
                    return Err(WebmError::TooManyClusters(CLUSTERS_MAX));
                }
                let data_start = offset + head as u64;
                self.open = Some(OpenCluster {
                    offset,
                    data_start,
                    data_end: end,
                    whole_to: data_start,
                    start_ms: None,
                    end_ms: 0,
                    first_picture_is_key: None,
                    last_video_ms: None,
                    video_gap_ms: None,
                    video_frames: 0,
                    blocks: 0,
                    coming: None,
                });
                self.intake.pass(head as u64);
                return Ok(true);
            }
            id::EBML | id::SEGMENT => return Err(malformed("a second header")),
            id::CUES
            | id::SEEK_HEAD
            | id::INFO
            | id::TRACKS
            | id::TAGS
            | id::CHAPTERS
            | id::ATTACHMENTS => self.close(),
            id::BLOCK_GROUP if self.open.is_some() => {
                let end = end.ok_or_else(|| malformed("an element without a size"))?;
                self.group = Some(BlockGroup { end, block: None, leans: false, duration_ms: None });
                self.intake.pass(head as u64);
                return Ok(true);
            }
            _ => {}
        }
        let end = end.ok_or_else(|| malformed("an element without a size"))?;
        let held = self.intake.held();
        let held_to = held.len().min((end - offset) as usize);
        let element = Element {
            id,
            offset: usize::try_from(offset).unwrap_or(usize::MAX),
            sized: true,
            data: &held[head..held_to],
            data_offset: usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(head),
        };
        if let Some(open) = &mut self.open {
            let whole = held_to as u64 == end - offset;
            match (id, &mut self.group) {
                (id::TIMESTAMP, None) if whole => open.start_ms = Some(element.uint()?),
                (id::SIMPLE_BLOCK | id::BLOCK, _) if open.start_ms.is_none() => {
                    return Err(element.malformed("a block before the cluster's time"));
                }
                (id::SIMPLE_BLOCK, None) => {
                    open.coming = Some(read_block(&element, element.data)?);
                }
                (id::BLOCK, Some(group)) => {
                    group.block = Some(read_block(&element, element.data)?);
                }
                (id::BLOCK_DURATION, Some(group)) if whole => {
                    group.duration_ms = Some(element.uint()?);
                }
                (id::REFERENCE_BLOCK, Some(group)) => group.leans = true,
                _ => {}
            }
        }
        self.intake.pass(end - offset);
        self.settle();
        Ok(true)
    }

    /// Is called where an element ends. Closes the elements around it that end here too.
    fn settle(&mut self) {
        if self.intake.is_skipping() {
            return;
        }
        let at = self.intake.at();
        let video_track = self.init.as_ref().map_or(1, |init| init.video_track);
        if let Some(group) = self.group.take_if(|group| at >= group.end)
            && let (Some(open), Some(block)) = (&mut self.open, group.block)
        {
            let block =
                BlockHead { keyframe: !group.leans, duration_ms: group.duration_ms, ..block };
            self.joints.extend(open.count(&block, video_track));
        }
        if let (Some(open), None) = (&mut self.open, &self.group) {
            if let Some(block) = open.coming.take() {
                self.joints.extend(open.count(&block, video_track));
            }
            open.whole_to = at;
            self.latest_ms = self.latest_ms.max(open.end_ms);
            if open.data_end.is_some_and(|end| at >= end) {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.group = None;
        let Some(open) = self.open.take() else { return };
        // It contains nothing that can be shown.
        let (Some(start_ms), true) = (open.start_ms, open.blocks > 0) else { return };
        let mut end_ms = open.end_ms.max(start_ms);
        if open.last_video_ms == Some(end_ms) {
            end_ms = end_ms.saturating_add(open.video_gap_ms.unwrap_or(FRAME_MS_GUESS));
        }
        let data = open.data_start..open.whole_to;
        let cluster = Cluster {
            offset: open.data_start,
            size: CLUSTER_HEADER_BYTES + (data.end - data.start),
            start_ms,
            end_ms,
            starts_with_keyframe: open.first_picture_is_key == Some(true),
            video_frames: open.video_frames,
        };
        self.clusters.push(Scanned { cluster, data });
    }
}

impl OpenCluster {
    /// Counts a block. Returns a joint if the block is the cluster's first picture and a keyframe.
    fn count(&mut self, block: &BlockHead, video_track: u64) -> Option<Joint> {
        let mut joint = None;
        let base = self.start_ms.unwrap_or(0);
        let time_ms = base.saturating_add_signed(i64::from(block.relative_ms));
        self.blocks += 1;
        if block.track == video_track {
            if self.first_picture_is_key.is_none() {
                self.first_picture_is_key = Some(block.keyframe);
                joint = block.keyframe.then_some(Joint { offset: self.offset, start_ms: time_ms });
            }
            self.video_frames += 1;
            if let Some(previous) = self.last_video_ms.filter(|previous| *previous < time_ms) {
                self.video_gap_ms = Some(time_ms - previous);
            }
            self.last_video_ms = Some(time_ms);
        }
        self.end_ms = self.end_ms.max(time_ms.saturating_add(block.duration_ms.unwrap_or(0)));
        joint
    }
}

/// Reads a header. Returns the id, the size, and the length of both.
fn header(bytes: &[u8], at: u64) -> Result<(u32, Option<u64>, usize), WebmError> {
    let truncated = WebmError::Truncated { offset: at };
    let malformed = |reason| WebmError::Malformed { offset: at, reason };
    let id_len = bytes.first().ok_or_else(|| truncated.clone())?.leading_zeros() as usize + 1;
    if id_len > 4 {
        return Err(malformed("an id of more than four bytes"));
    }
    let id_bytes = bytes.get(..id_len).ok_or_else(|| truncated.clone())?;
    let id = id_bytes.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
    let (size, size_len) =
        varint(&bytes[id_len..]).map_err(|e| e.map_or_else(|| truncated.clone(), malformed))?;
    Ok((id, size, id_len + size_len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webm::{
        Block, Track, Tracks, Video, VideoCodec, cluster, cluster_header, finish, index, init,
    };

    const UNSIZED: [u8; 8] = [0x01, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    fn head() -> Vec<u8> {
        let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
        init(&Tracks { video, audio: None })
    }

    fn clusters() -> Vec<Vec<u8>> {
        let block = |second: u64, frame: u64| Block {
            track: Track::Video,
            time_ms: second * 1000 + frame * 250,
            keyframe: frame == 0,
            duration_ms: (frame == 3).then_some(250),
            data: vec![frame as u8; 3 + (second * 41) as usize],
        };
        (0..5).map(|s| cluster(&[0, 1, 2, 3].map(|f| block(s, f))).unwrap()).collect()
    }

    /// Removes the sizes of clusters, as a live muxer writes them.
    fn without_sizes(cluster: &[u8]) -> Vec<u8> {
        let (_, _, head) = header(cluster, 0).unwrap();
        [&cluster[..4], &UNSIZED, &cluster[head..]].concat()
    }

    fn scan(stream: &[u8], piece: usize) -> Result<(Vec<u8>, Vec<Scanned>), WebmError> {
        let mut scan = Scan::new();
        for piece in stream.chunks(piece) {
            scan.push(piece)?;
        }
        scan.finish()
    }

    fn written(stream: &[u8], found: &[Scanned]) -> Vec<u8> {
        let one = |s: &Scanned| {
            let data = &stream[s.data.start as usize..s.data.end as usize];
            [cluster_header(data.len() as u64), data.to_vec()].concat()
        };
        found.iter().flat_map(one).collect()
    }

    #[test]
    fn scan_finds_the_same_clusters_wherever_the_stream_is_cut() {
        let sized = [head(), clusters().concat()].concat();
        let live: Vec<u8> =
            [head(), clusters().iter().flat_map(|c| without_sizes(c)).collect()].concat();
        let known = index(&sized).unwrap();
        let times = |c: &Cluster| (c.start_ms, c.end_ms, c.starts_with_keyframe, c.video_frames);
        for stream in [&sized, &live] {
            for piece in (1..90).chain([stream.len()]) {
                let (init, found) = scan(stream, piece).unwrap();
                assert_eq!(init, head());
                let is: Vec<_> = found.iter().map(|s| times(&s.cluster)).collect();
                assert_eq!(is, known.clusters.iter().map(times).collect::<Vec<_>>(), "{piece}");
                let file = [init, written(stream, &found)].concat();
                let again = index(&file).unwrap();
                assert_eq!(again.clusters.iter().map(times).collect::<Vec<_>>(), is);
                let sizes = |c: &Cluster| c.size;
                assert!(again.clusters.iter().map(sizes).eq(found.iter().map(|s| s.cluster.size)));
                finish(&head(), &found.iter().map(|s| s.cluster).collect::<Vec<_>>()).unwrap();
            }
        }
    }

    #[test]
    fn scan_finds_joints_at_clusters_with_a_keyframe() {
        let live: Vec<u8> =
            [head(), clusters().iter().flat_map(|c| without_sizes(c)).collect()].concat();
        let starts: Vec<u64> = (0..live.len() - 4)
            .filter(|at| live[*at..].starts_with(&[0x1F, 0x43, 0xB6, 0x75]))
            .map(|at| at as u64)
            .collect();
        for piece in [1, 7, 64, live.len()] {
            let (mut scan, mut joints, mut latest) = (Scan::new(), Vec::new(), 0);
            for piece in live.chunks(piece) {
                scan.push(piece).unwrap();
                joints.extend(scan.take_joints());
                assert!(scan.latest_ms() >= latest);
                latest = scan.latest_ms();
            }
            assert_eq!(joints.iter().map(|joint| joint.offset).collect::<Vec<_>>(), starts);
            let times: Vec<u64> = joints.iter().map(|joint| joint.start_ms).collect();
            assert_eq!(times, [0, 1_000, 2_000, 3_000, 4_000]);
            assert_eq!(scan.init().unwrap().1, head());
            assert_eq!(latest, 5_000);
        }
    }

    #[test]
    fn scan_leaves_out_an_incomplete_cluster() {
        let live: Vec<u8> =
            [head(), clusters().iter().flat_map(|c| without_sizes(c)).collect()].concat();
        for len in head().len() + 12..live.len() {
            let Ok((init, found)) = scan(&live[..len], 17) else { panic!("{len}") };
            if !found.is_empty() {
                index(&[init, written(&live, &found)].concat()).unwrap();
            }
        }
    }

    #[test]
    fn scan_refuses_bytes_that_are_no_stream() {
        assert_eq!(scan(b"<!doctype html>", 4), Err(WebmError::NotWebm));
        assert!(scan(&head(), 7).is_err(), "no cluster");
        let twice = [head(), clusters()[0].clone(), head(), clusters()[1].clone()].concat();
        assert!(matches!(scan(&twice, 50), Err(WebmError::Malformed { .. })));
    }
}
