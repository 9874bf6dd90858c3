//! Cuts a segment at its frames into shorter clusters, for a server that takes neither the whole segment nor bytes cut
//! anywhere.
//!
//! ```text
//! segment   Cluster( Timestamp, frame 0 (keyframe), frame 1, frame 2, frame 3, … )
//! pieces    Cluster( Timestamp, frame 0, frame 1 )   Cluster( Timestamp, frame 2, frame 3 )   …
//! ```
//! - A piece is named by a range of the segment's bytes, which begins and ends at a block. So the pieces of a segment
//!   are known without the segment, and the same range always gives the same bytes.
//! - Each block is in one piece, with the bytes of its frame unchanged. Only its time is written anew, since it is
//!   relative to its cluster's.
//! - The last picture of a piece, or the last packet of one without pictures, states its duration (BlockDuration), which
//!   ends where the next piece begins. Programs that join the pieces as files (`ffmpeg -f concat`) begin each where the
//!   one before ends, so the whole keeps its length.
//! - The pieces one behind the other play like the segment. Only the first one begins with a keyframe.
//! - Void elements are left out. A placeholder has little else, so its later pieces repeat its picture.

use crate::webm::ebml::{EbmlReader, EbmlWriter, Element, id, varint};
use crate::webm::read::{read_block, read_block_group};
use crate::webm::{Track, WebmError, is_placeholder};

/// The most that a cluster has before its blocks: its id and size, and its time.
const HEAD_BYTES_MAX: u64 = 4 + 8 + 10;
/// The most that a block gets longer if it states its duration: the header of a group, the duration, and the time of
/// the picture that it depends on.
const DURATION_BYTES_MAX: u64 = (1 + 8) + (2 + 8) + (2 + 8);

/// A piece of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FramePiece {
    /// Where it ends in the segment; `None` at the segment's end.
    pub to_bytes: Option<u64>,
    /// Its length as a cluster of its own.
    pub size_bytes: u64,
}

/// One block of a segment.
struct BlockPlace<'a> {
    /// Its element, header included.
    bytes: &'a [u8],
    /// The position of the element in the segment.
    offset: usize,
    /// The position of the block's time in the element.
    time_at: usize,
    time_ms: u64,
    /// The number of its cluster.
    cluster: usize,
    is_picture: bool,
    keyframe: bool,
    /// The duration that it states.
    duration_ms: Option<u64>,
    /// The time of the block behind it in the segment; for the last one the segment's end.
    next_ms: Option<u64>,
    /// The time of the picture before it in the segment.
    previous_picture_ms: Option<u64>,
}

/// Cuts the rest of a segment, from `from_bytes` on, into as few pieces as have at most `bytes_max`. A frame that is
/// larger than that is a piece by itself.
pub fn cut_at_frames(
    segment: &[u8],
    from_bytes: u64,
    bytes_max: u64,
) -> Result<Vec<FramePiece>, WebmError> {
    if is_placeholder(segment) {
        let size_bytes = frames_between(segment, from_bytes, None)?.len() as u64;
        return Ok(vec![FramePiece { to_bytes: None, size_bytes }]);
    }
    let blocks = blocks_between(segment, from_bytes, None)?;
    if blocks.is_empty() {
        return Err(WebmError::ClusterEmpty);
    }
    let mut pieces = Vec::new();
    let mut piece: &[BlockPlace<'_>] = &[];
    let mut rest = &blocks[..];
    while !rest.is_empty() {
        let longer = &blocks[blocks.len() - rest.len() - piece.len()..][..piece.len() + 1];
        let bytes: usize = longer.iter().map(|block| block.bytes.len()).sum();
        let clusters = longer[piece.len()].cluster - longer[0].cluster + 1;
        let most_bytes = bytes as u64 + clusters as u64 * HEAD_BYTES_MAX + DURATION_BYTES_MAX;
        let fits = most_bytes <= bytes_max;
        if fits || piece.is_empty() {
            (piece, rest) = (longer, &rest[1..]);
        } else {
            let to_bytes = Some(rest[0].offset as u64);
            pieces.push(FramePiece { to_bytes, size_bytes: clusters_of(piece).len() as u64 });
            piece = &[];
        }
    }
    pieces.push(FramePiece { to_bytes: None, size_bytes: clusters_of(piece).len() as u64 });
    Ok(pieces)
}

/// Returns the piece of a segment that begins at `from_bytes` and ends at `to_bytes`, or with the segment.
pub fn frames_between(
    segment: &[u8],
    from_bytes: u64,
    to_bytes: Option<u64>,
) -> Result<Vec<u8>, WebmError> {
    if is_placeholder(segment) {
        return piece_of_placeholder(segment, from_bytes);
    }
    let blocks = blocks_between(segment, from_bytes, to_bytes)?;
    match blocks.is_empty() {
        true => Err(WebmError::ClusterEmpty),
        false => Ok(clusters_of(&blocks)),
    }
}

/// Returns a piece of a placeholder that has replaced a segment of which pieces are planned: all of it for the first
/// piece, and for a later one its picture at a later time.
fn piece_of_placeholder(segment: &[u8], from_bytes: u64) -> Result<Vec<u8>, WebmError> {
    let mut blocks = blocks_between(segment, 0, None)?;
    if from_bytes > 0 {
        let duration_ms = super::index(segment)?
            .clusters
            .first()
            .map_or(0, |cluster| cluster.end_ms - cluster.start_ms);
        blocks.truncate(1);
        let share = u128::from(from_bytes) * u128::from(duration_ms) / segment.len().max(1) as u128;
        let later_ms = (share as u64).min(duration_ms);
        blocks.iter_mut().for_each(|block| block.time_ms += later_ms);
    }
    match blocks.is_empty() {
        true => Err(WebmError::ClusterEmpty),
        false => Ok(clusters_of(&blocks)),
    }
}

/// Returns the blocks that begin in this range of a segment.
fn blocks_between(
    segment: &[u8],
    from_bytes: u64,
    to_bytes: Option<u64>,
) -> Result<Vec<BlockPlace<'_>>, WebmError> {
    let range = from_bytes..to_bytes.unwrap_or(u64::MAX);
    let mut blocks = Vec::new();
    let mut elements = EbmlReader::new(segment);
    let mut cluster = 0;
    while let Some(element) = elements.next()? {
        match element.id {
            id::CLUSTER if !element.sized => {
                return Err(WebmError::ClusterUnsized { offset: element.offset as u64 });
            }
            id::CLUSTER => {
                add_blocks(segment, &element, cluster, &mut blocks)?;
                cluster += 1;
            }
            id::VOID => {}
            _ => return Err(WebmError::NotWebm),
        }
    }
    let mut next_ms = end_of(&blocks);
    for block in blocks.iter_mut().rev() {
        block.next_ms = next_ms.replace(block.time_ms);
    }
    let mut picture_ms = None;
    for block in blocks.iter_mut().filter(|block| block.is_picture) {
        block.previous_picture_ms = picture_ms.replace(block.time_ms);
    }
    blocks.retain(|block: &BlockPlace<'_>| range.contains(&(block.offset as u64)));
    Ok(blocks)
}

/// Returns when a segment ends, if a block says so and it isn't before the last one.
fn end_of(blocks: &[BlockPlace<'_>]) -> Option<u64> {
    let ends = blocks.iter().filter_map(|block| block.time_ms.checked_add(block.duration_ms?));
    ends.max().filter(|end_ms| blocks.last().is_some_and(|last| last.time_ms < *end_ms))
}

fn add_blocks<'a>(
    segment: &'a [u8],
    cluster: &Element<'a>,
    number: usize,
    blocks: &mut Vec<BlockPlace<'a>>,
) -> Result<(), WebmError> {
    let mut start_ms = None;
    let mut children = cluster.children();
    while let Some(child) = children.next()? {
        let (head, block) = match child.id {
            id::TIMESTAMP => {
                start_ms = Some(child.uint()?);
                continue;
            }
            id::SIMPLE_BLOCK => (read_block(&child, child.data)?, child),
            id::BLOCK_GROUP => (read_block_group(&child)?, block_of_group(&child)?),
            _ => continue,
        };
        let base_ms =
            start_ms.ok_or_else(|| child.malformed("a block before the cluster's time"))?;
        let time_ms = base_ms
            .checked_add_signed(i64::from(head.relative_ms))
            .ok_or_else(|| child.malformed("a time before the beginning"))?;
        let (_, track_len) =
            varint(block.data).map_err(|_| child.malformed("a block without its header"))?;
        blocks.push(BlockPlace {
            bytes: &segment[child.offset..child.end()],
            offset: child.offset,
            time_at: block.data_offset + track_len - child.offset,
            time_ms,
            cluster: number,
            is_picture: head.track == u64::from(Track::Video.number()),
            keyframe: head.keyframe,
            duration_ms: head.duration_ms,
            next_ms: None,
            previous_picture_ms: None,
        });
    }
    Ok(())
}

fn block_of_group<'a>(group: &Element<'a>) -> Result<Element<'a>, WebmError> {
    let mut children = group.children();
    while let Some(child) = children.next()? {
        if child.id == id::BLOCK {
            return Ok(child);
        }
    }
    Err(group.malformed("a block group without a block"))
}

/// Returns clusters of these blocks, one for each cluster that they are from. The last picture, or else the last
/// block, lasts until the next block of the segment, or until its end.
fn clusters_of(blocks: &[BlockPlace<'_>]) -> Vec<u8> {
    let end_ms = blocks.last().and_then(|last| last.next_ms);
    let last_picture = blocks.iter().rposition(|block| block.is_picture);
    let longest = last_picture.or(blocks.len().checked_sub(1));
    let mut written = EbmlWriter::default();
    let mut number = 0;
    for of_cluster in blocks.chunk_by(|before, after| before.cluster == after.cluster) {
        let start_ms = of_cluster.iter().map(|block| block.time_ms).min().unwrap_or_default();
        let mut body = EbmlWriter::default();
        body.uint(id::TIMESTAMP, start_ms);
        for block in of_cluster {
            let end_ms = end_ms.filter(|_| longest == Some(number));
            write_block(&mut body, block, start_ms, end_ms);
            number += 1;
        }
        written.bytes(id::CLUSTER, &body.0);
    }
    written.0
}

/// Writes a block into a cluster that begins at `start_ms`. It lasts until `end_ms` if that is known, and if it doesn't
/// say that it ends sooner.
fn write_block(body: &mut EbmlWriter, block: &BlockPlace<'_>, start_ms: u64, end_ms: Option<u64>) {
    // It is no longer after this cluster's time than it was after its own, which is not later.
    let relative_ms = ((block.time_ms - start_ms) as i16).to_be_bytes();
    // A duration of 0 means an unknown one to ffmpeg, which then takes the usual one.
    let until_ms = end_ms.map(|end_ms| end_ms.saturating_sub(block.time_ms).max(1));
    let duration_ms =
        until_ms.filter(|until_ms| block.duration_ms.is_none_or(|stated| stated > *until_ms));
    let mut bytes = block.bytes.to_vec();
    bytes[block.time_at..block.time_at + 2].copy_from_slice(&relative_ms);
    match duration_ms {
        Some(duration_ms) => write_with_duration(body, block, &bytes, duration_ms),
        None => body.0.extend_from_slice(&bytes),
    }
}

/// Writes a block as a group of this duration. `bytes` is its element as it is to be.
fn write_with_duration(
    body: &mut EbmlWriter,
    block: &BlockPlace<'_>,
    bytes: &[u8],
    duration_ms: u64,
) {
    // The element and its children were read before.
    let Ok(Some(element)) = EbmlReader::new(bytes).next() else { return };
    body.master(id::BLOCK_GROUP, |group| {
        if element.id == id::SIMPLE_BLOCK {
            let flags_at = block.time_at + 2 - element.data_offset;
            let mut data = element.data.to_vec();
            // A keyframe and one that may be discarded: a Block has neither flag.
            data[flags_at] &= !0x81;
            group.bytes(id::BLOCK, &data);
        }
        let mut children = element.children();
        while element.id == id::BLOCK_GROUP
            && let Ok(Some(child)) = children.next()
        {
            if child.id != id::BLOCK_DURATION {
                group.0.extend_from_slice(&bytes[child.offset..child.end()]);
            }
        }
        group.uint(id::BLOCK_DURATION, duration_ms);
        if element.id == id::SIMPLE_BLOCK && !block.keyframe {
            // A value of 0 would mean that the block references itself.
            let previous_ms = block.previous_picture_ms.unwrap_or(block.time_ms) as i64;
            let back_ms = (previous_ms - block.time_ms as i64).min(-1);
            group.bytes(id::REFERENCE_BLOCK, &back_ms.to_be_bytes());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webm::{
        Block, Track, Tracks, Video, VideoCodec, blocks, cluster, index, init, placeholder,
    };

    /// SplitMix64.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (z ^ (z >> 31)) % bound
        }
    }

    fn tracks() -> Tracks {
        let video = Video { codec: VideoCodec::Vp9, width: 64, height: 36 };
        Tracks { video, audio: None }
    }

    /// Returns a segment as the writer makes them: pictures of any size, a keyframe first, sound between them, and
    /// durations at some of them.
    fn segment(dice: &mut Dice, start_ms: u64) -> Vec<u8> {
        let pictures = 1 + dice.below(40);
        let mut made = Vec::new();
        for picture in 0..pictures {
            let bytes = if picture == 0 { dice.below(9_000) } else { dice.below(3_000) };
            let is_told = picture + 1 == pictures || dice.below(3) == 0;
            made.push(Block {
                track: Track::Video,
                time_ms: start_ms + picture * 50,
                keyframe: picture == 0,
                duration_ms: is_told.then_some(50),
                data: vec![picture as u8; 1 + bytes as usize],
            });
        }
        for packet in 0..dice.below(100) {
            made.push(Block {
                track: Track::Audio,
                time_ms: start_ms + packet * 20,
                keyframe: true,
                duration_ms: None,
                data: vec![0xA0; 1 + dice.below(200) as usize],
            });
        }
        cluster(&made).unwrap()
    }

    /// Cuts a segment and returns the bytes of its pieces.
    fn pieces(segment: &[u8], bytes_max: u64) -> Vec<Vec<u8>> {
        let mut from_bytes = 0;
        let cut = cut_at_frames(segment, 0, bytes_max).unwrap();
        let bytes = cut.iter().map(|piece| {
            let bytes = frames_between(segment, from_bytes, piece.to_bytes).unwrap();
            assert_eq!(bytes.len() as u64, piece.size_bytes);
            from_bytes = piece.to_bytes.unwrap_or(segment.len() as u64);
            bytes
        });
        bytes.collect()
    }

    #[test]
    fn pieces_have_every_block_once_and_are_no_longer_than_allowed() {
        for seed in 0..300 {
            let mut dice = Dice(seed);
            let start_bits = 1 + dice.below(32);
            let start_ms = dice.below(1 << start_bits);
            let segment = segment(&mut dice, start_ms);
            let bytes_max = 100 + dice.below(12_000);
            let pieces = pieces(&segment, bytes_max);
            let found = pieces.iter().flat_map(|piece| blocks(piece).unwrap());
            let without_durations = |blocks: Vec<Block>| -> Vec<Block> {
                blocks.into_iter().map(|block| Block { duration_ms: None, ..block }).collect()
            };
            let found = without_durations(found.collect());
            assert_eq!(found, without_durations(blocks(&segment).unwrap()), "seed {seed}");
            for piece in &pieces {
                let is_single = blocks(piece).unwrap().len() == 1;
                assert!(piece.len() as u64 <= bytes_max || is_single, "seed {seed}");
            }
            let joined = index(&[init(&tracks()), pieces.concat()].concat()).unwrap();
            let whole = index(&segment).unwrap().clusters[0];
            assert_eq!(joined.clusters.len(), pieces.len(), "seed {seed}");
            assert_eq!(joined.clusters[0].start_ms, whole.start_ms);
            assert_eq!(joined.clusters.iter().map(|it| it.end_ms).max(), Some(whole.end_ms));
            assert!(joined.clusters.is_sorted_by_key(|it| it.start_ms), "seed {seed}");
            let keyframes = joined.clusters.iter().filter(|it| it.starts_with_keyframe).count();
            assert_eq!((joined.clusters[0].starts_with_keyframe, keyframes), (true, 1));
        }
    }

    #[test]
    fn cut_goes_on_where_a_piece_has_ended_and_is_always_the_same() {
        for seed in 0..100 {
            let mut dice = Dice(1_000 + seed);
            let segment = segment(&mut dice, 4_000);
            let bytes_max = 100 + dice.below(12_000);
            let all = cut_at_frames(&segment, 0, bytes_max).unwrap();
            assert_eq!(cut_at_frames(&segment, 0, bytes_max).unwrap(), all);
            for (number, piece) in all.iter().enumerate() {
                let Some(to_bytes) = piece.to_bytes else { continue };
                let rest = cut_at_frames(&segment, to_bytes, bytes_max).unwrap();
                assert_eq!(rest, all[number + 1..], "seed {seed}");
            }
        }
    }

    #[test]
    fn piece_lasts_until_the_next_one_begins() {
        for seed in 0..300 {
            let mut dice = Dice(2_000 + seed);
            let segment = segment(&mut dice, 4_000);
            let bytes_max = 100 + dice.below(12_000);
            let found: Vec<Vec<Block>> =
                pieces(&segment, bytes_max).iter().map(|piece| blocks(piece).unwrap()).collect();
            let stated: Vec<Option<u64>> =
                blocks(&segment).unwrap().iter().map(|block| block.duration_ms).collect();
            let last_ms = found.last().and_then(|piece| piece.last()).unwrap().time_ms;
            let end_ms = index(&segment).unwrap().clusters[0].end_ms;
            let mut position = 0;
            for (number, piece) in found.iter().enumerate() {
                let next_ms = found.get(number + 1).map(|next| next[0].time_ms);
                let next_ms = next_ms.or(Some(end_ms).filter(|end_ms| *end_ms > last_ms));
                let last = piece.iter().rposition(|block| block.track == Track::Video);
                let last = last.or(Some(piece.len() - 1));
                for (at, block) in piece.iter().enumerate() {
                    let was = stated[position];
                    position += 1;
                    let until_ms = next_ms
                        .filter(|_| last == Some(at))
                        .map(|next_ms| (next_ms - block.time_ms).max(1));
                    let want = until_ms.map(|ms| was.map_or(ms, |was| was.min(ms))).or(was);
                    assert_eq!(block.duration_ms, want, "seed {seed}, piece {number}, block {at}");
                }
            }
        }
    }

    #[test]
    fn picture_that_stands_still_ends_where_the_sound_of_the_next_piece_begins() {
        let picture = |time_ms, keyframe, duration_ms| Block {
            track: Track::Video,
            time_ms,
            keyframe,
            duration_ms,
            data: vec![1; 1_000],
        };
        let packet = |time_ms| Block {
            track: Track::Audio,
            time_ms,
            keyframe: true,
            duration_ms: None,
            data: vec![2; 400],
        };
        let whole = [
            picture(0, true, Some(1_000)),
            packet(0),
            packet(20),
            packet(40),
            picture(1_000, false, Some(500)),
        ];
        let segment = cluster(&whole).unwrap();
        let pieces = pieces(&segment, 1_500);
        let found = pieces.iter().map(|piece| index(piece).unwrap().clusters[0]);
        let spans = found.map(|it| (it.start_ms, it.end_ms));
        assert_eq!(spans.collect::<Vec<_>>(), [(0, 20), (20, 1_000), (1_000, 1_500)]);
    }

    #[test]
    fn one_piece_is_the_segment_itself() {
        let segment = segment(&mut Dice(7), 70_000);
        let whole = FramePiece { to_bytes: None, size_bytes: segment.len() as u64 };
        assert_eq!(cut_at_frames(&segment, 0, 10_000_000).unwrap(), [whole]);
        assert_eq!(frames_between(&segment, 0, None).unwrap(), segment);
    }

    #[test]
    fn segment_of_several_clusters_is_cut_as_well() {
        let mut dice = Dice(9);
        let both = [segment(&mut dice, 0), segment(&mut dice, 30_000)];
        let pieces = pieces(&both.concat(), 5_000);
        let found =
            pieces.iter().flat_map(|piece| {
                index(piece).unwrap().clusters.into_iter().flat_map(|it| {
                    blocks(&piece[it.offset as usize..][..it.size as usize]).unwrap()
                })
            });
        let data = |blocks: Vec<Block>| -> Vec<(u64, Vec<u8>)> {
            blocks.into_iter().map(|block| (block.time_ms, block.data)).collect()
        };
        let want: Vec<Block> = both.iter().flat_map(|it| blocks(it).unwrap()).collect();
        assert_eq!(data(found.collect()), data(want));
    }

    #[test]
    fn pieces_of_a_placeholder_are_pictures_without_its_void() {
        let whole = placeholder(&tracks(), 6_000, 2_000, 900_000).unwrap();
        assert!(whole.len() >= 900_000);
        let [only] = cut_at_frames(&whole, 0, 300_000).unwrap()[..] else { panic!() };
        assert!(only.size_bytes < 2_000, "{only:?}");
        for (from_bytes, start_ms) in [(0, 6_000), (450_000, 7_000), (10_000_000, 8_000)] {
            let piece = frames_between(&whole, from_bytes, None).unwrap();
            let [found] = index(&piece).unwrap().clusters[..] else { panic!() };
            assert!(found.starts_with_keyframe && found.video_frames == 1);
            assert!(found.start_ms.abs_diff(start_ms) <= 1, "{found:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_segment_are_refused() {
        let segment = segment(&mut Dice(3), 4_000);
        let torn = &segment[..segment.len() - 1];
        for bytes in [&b""[..], b"RIFF", torn, &[0xEC, 0x80]] {
            assert!(cut_at_frames(bytes, 0, 1_000).is_err());
        }
        assert_eq!(
            frames_between(&segment, segment.len() as u64, None),
            Err(WebmError::ClusterEmpty)
        );
    }
}
