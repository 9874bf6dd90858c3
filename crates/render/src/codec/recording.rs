//! A recording's segments as blocks.

use std::cell::RefCell;
use std::rc::Rc;

use snaplark_core::capture::SealedSegment;
use snaplark_core::render::{RenderError, SegmentReader};
use snaplark_formats::webm::{self, Block, Track, Tracks, VideoCodec, WebmError};

/// A joint needs a segment and its neighbors.
const HELD_SEGMENTS_MAX: usize = 3;

type HeldBlocks = RefCell<Vec<(u32, Rc<Vec<Block>>)>>;

/// A recording whose segments are read as they are needed.
pub(crate) struct SourceRecording<'a> {
    reader: &'a dyn SegmentReader,
    /// Its segments, in their order.
    pub list: Vec<SealedSegment>,
    /// Its tracks.
    pub tracks: Tracks,
    held: HeldBlocks,
}

impl<'a> SourceRecording<'a> {
    pub(crate) fn open(reader: &'a dyn SegmentReader) -> Result<Self, RenderError> {
        let init = webm::read_init(reader.init()).map_err(malformed)?;
        if init.tracks.video.codec != VideoCodec::Vp9 {
            let reason = "only recordings in VP9 can be cut or exported".to_owned();
            return Err(RenderError::Malformed { reason });
        }
        Ok(SourceRecording {
            reader,
            list: reader.list(),
            tracks: init.tracks,
            held: RefCell::default(),
        })
    }

    pub(crate) fn reader(&self) -> &'a dyn SegmentReader {
        self.reader
    }

    pub(crate) fn init(&self) -> &[u8] {
        self.reader.init()
    }

    /// Reads a segment's bytes.
    pub(crate) fn bytes(&self, index: u32) -> Result<Vec<u8>, RenderError> {
        self.reader.read(index).map_err(|_| self.reader.refusal(vec![index]))
    }

    /// Returns a segment's blocks, in the order of their times.
    pub(crate) fn blocks(&self, index: u32) -> Result<Rc<Vec<Block>>, RenderError> {
        let mut held = self.held.borrow_mut();
        if let Some((_, blocks)) = held.iter().find(|(of, _)| *of == index) {
            return Ok(blocks.clone());
        }
        let blocks = webm::blocks(&self.bytes(index)?).map_err(malformed)?;
        let blocks = Rc::new(blocks);
        if held.len() == HELD_SEGMENTS_MAX {
            held.remove(0);
        }
        held.push((index, blocks.clone()));
        Ok(blocks)
    }

    /// Returns the times of a segment's pictures.
    pub(crate) fn picture_times(&self, index: u32) -> Result<Vec<u64>, RenderError> {
        let blocks = self.blocks(index)?;
        let pictures = blocks.iter().filter(|block| block.track == Track::Video);
        Ok(pictures.map(|block| block.time_ms).collect())
    }

    /// Returns the sound packets that begin in a span of time, in their order.
    pub(crate) fn packets(
        &self,
        span: std::ops::Range<u64>,
    ) -> Result<Vec<(u64, Vec<u8>)>, RenderError> {
        // A packet may begin a little before its segment's first picture in files by other programs.
        let is_near = |segment: &&SealedSegment| {
            segment.start_ms < span.end && segment.start_ms + segment.duration_ms > span.start
        };
        let near: Vec<u32> = self.list.iter().filter(is_near).map(|one| one.index).collect();
        let mut packets = Vec::new();
        for index in near {
            let blocks = self.blocks(index)?;
            let sound = blocks.iter().filter(|block| block.track == Track::Audio);
            let inside = sound.filter(|block| span.contains(&block.time_ms));
            packets.extend(inside.map(|block| (block.time_ms, block.data.clone())));
        }
        Ok(packets)
    }
}

pub(crate) fn malformed(error: WebmError) -> RenderError {
    RenderError::Malformed { reason: error.to_string() }
}
