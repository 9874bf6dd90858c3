//! Finds the fragments of an MP4 that arrives in pieces cut at arbitrary positions, as browsers'
//! recorders send it: `ftyp moov (moof mdat)*`. Buffers at most one `moov` or `moof` at a time. Pure;
//! never panics.

use super::u32_at;
use crate::intake::Intake;
use crate::webm::Joint;

/// The largest `moov` or `moof`. A fragmented file's `moov` has a thousand bytes, and the `moof` of a
/// second has a few hundred.
const INDEX_BYTES_MAX: usize = 1024 * 1024;

/// The header of a recorder's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The length of `ftyp` and `moov`, and of what lies between them.
    pub len_bytes: u64,
    /// The codecs as Media Source Extensions expect them. Empty if one of them has no known name.
    pub codecs: String,
}

/// A parser to which the stream's bytes are pushed in order.
#[derive(Debug, Default)]
pub struct Fragments {
    intake: Intake,
    tracks: Vec<FragmentTrack>,
    head: Option<Head>,
    /// The joint and end time of the fragment whose media is still arriving.
    coming: Option<(Option<Joint>, u64)>,
    joints: Vec<Joint>,
    latest_ms: u64,
    is_given_up: bool,
}

#[derive(Clone, Debug, Default)]
struct FragmentTrack {
    id: u32,
    timescale: u32,
    is_video: bool,
    codec: Option<String>,
    default_duration: u32,
    default_flags: u32,
}

/// A flag of a sample that depends on other samples.
const IS_NON_SYNC: u32 = 0x0001_0000;

impl Fragments {
    /// Parses the next bytes of the stream. They may be cut anywhere.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_given_up {
            let was_skipping = self.intake.is_skipping();
            bytes = self.intake.take(bytes, self.wanted());
            if was_skipping {
                self.settle();
            } else {
                self.understand();
            }
        }
    }

    /// Returns the header, if it has arrived and announces fragments.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// Takes the joints that were found since the last call.
    pub fn take_joints(&mut self) -> Vec<Joint> {
        std::mem::take(&mut self.joints)
    }

    /// Returns the end time of the latest complete fragment.
    pub fn latest_ms(&self) -> u64 {
        self.latest_ms
    }

    /// Returns whether the stream is not a fragmented MP4, so that nothing can be found in it.
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Returns how many bytes must be buffered for the next step.
    fn wanted(&self) -> usize {
        let held = self.intake.held();
        match box_header(held) {
            Some((kind, _, size)) if is_read(kind) => usize::try_from(size).unwrap_or(usize::MAX),
            Some((_, head, _)) => head,
            None if held.len() < 8 => 8,
            None => 16,
        }
    }

    fn understand(&mut self) {
        let held = self.intake.held();
        let Some((kind, head, size)) = box_header(held) else {
            // Sixteen bytes are enough for the header of any box.
            self.is_given_up = held.len() >= 16;
            return;
        };
        if size < head as u64 {
            // The box extends to the end of the file, or its size is invalid.
            self.is_given_up = true;
            return;
        }
        if is_read(kind) {
            if size > INDEX_BYTES_MAX as u64 {
                self.is_given_up = true;
                return;
            }
            if (held.len() as u64) < size {
                return;
            }
            let at = self.intake.at();
            let held = self.intake.release();
            let content = &held[head..];
            if kind == *b"moov" {
                self.read_moov(content, at + size);
            } else {
                self.read_moof(content, at);
            }
            self.intake.take_all(&held);
            self.intake.pass(size);
        } else {
            self.intake.pass(size);
            if kind == *b"mdat" {
                self.settle();
            }
        }
    }

    /// Publishes a fragment once its media is complete.
    fn settle(&mut self) {
        if !self.intake.is_skipping()
            && let Some((joint, end_ms)) = self.coming.take()
        {
            self.joints.extend(joint);
            self.latest_ms = self.latest_ms.max(end_ms);
        }
    }

    fn read_moov(&mut self, moov: &[u8], end: u64) {
        let mut tracks: Vec<FragmentTrack> = boxes(moov)
            .filter(|(kind, _)| *kind == b"trak")
            .filter_map(|(_, it)| track(it))
            .collect();
        let Some(mvex) = child(moov, b"mvex") else {
            // A file without fragments can only be played once it is complete.
            self.is_given_up = true;
            return;
        };
        for (_, trex) in boxes(mvex).filter(|(kind, _)| *kind == b"trex") {
            let id = u32_at(trex, 4);
            if let Some(track) = tracks.iter_mut().find(|track| Some(track.id) == id) {
                track.default_duration = u32_at(trex, 12).unwrap_or(0);
                track.default_flags = u32_at(trex, 20).unwrap_or(0);
            }
        }
        let named: Option<Vec<&str>> = tracks.iter().map(|track| track.codec.as_deref()).collect();
        let codecs = named.map(|named| named.join(",")).unwrap_or_default();
        self.head = Some(Head { len_bytes: end, codecs });
        self.tracks = tracks;
    }

    fn read_moof(&mut self, moof: &[u8], at: u64) {
        let mut joint = None;
        let mut end_ms = 0;
        for (_, traf) in boxes(moof).filter(|(kind, _)| *kind == b"traf") {
            let Some(run) = read_traf(traf, &self.tracks) else { continue };
            end_ms = end_ms.max(run.end_ms);
            if run.begins_with_keyframe {
                joint = Some(Joint { offset: at, start_ms: run.start_ms });
            }
        }
        self.coming = Some((joint, end_ms));
    }
}

fn is_read(kind: [u8; 4]) -> bool {
    matches!(&kind, b"moov" | b"moof")
}

struct Run {
    start_ms: u64,
    end_ms: u64,
    /// True if this is the video track and its samples begin with a keyframe.
    begins_with_keyframe: bool,
}

fn read_traf(traf: &[u8], tracks: &[FragmentTrack]) -> Option<Run> {
    let tfhd = child(traf, b"tfhd")?;
    let flags = u32_at(tfhd, 0)? & 0x00FF_FFFF;
    let id = u32_at(tfhd, 4)?;
    let track = tracks.iter().find(|track| track.id == id).filter(|track| track.timescale > 0)?;
    let mut at = 8;
    let mut next = |is_there: bool, len: usize| {
        let here = at;
        at += if is_there { len } else { 0 };
        is_there.then_some(here)
    };
    next(flags & 0x1 != 0, 8);
    next(flags & 0x2 != 0, 4);
    let duration_at = next(flags & 0x8 != 0, 4);
    next(flags & 0x10 != 0, 4);
    let flags_at = next(flags & 0x20 != 0, 4);
    let duration = duration_at.and_then(|at| u32_at(tfhd, at)).unwrap_or(track.default_duration);
    let sample_flags = flags_at.and_then(|at| u32_at(tfhd, at)).unwrap_or(track.default_flags);
    let start = child(traf, b"tfdt").and_then(|tfdt| match tfdt.first()? {
        1 => Some(u64::from_be_bytes(*tfdt.get(4..)?.first_chunk()?)),
        _ => u32_at(tfdt, 4).map(u64::from),
    })?;
    let mut length = 0_u64;
    let mut first_flags = None;
    for (_, trun) in boxes(traf).filter(|(kind, _)| *kind == b"trun") {
        let told = read_trun(trun, duration)?;
        length = length.saturating_add(told.0);
        first_flags = first_flags.or(Some(told.1.unwrap_or(sample_flags)));
    }
    let ms = |units: u64| {
        u64::try_from(u128::from(units) * 1000 / u128::from(track.timescale)).unwrap_or(u64::MAX)
    };
    Some(Run {
        start_ms: ms(start),
        end_ms: ms(start.saturating_add(length)),
        begins_with_keyframe: track.is_video && first_flags.is_some_and(|it| it & IS_NON_SYNC == 0),
    })
}

/// Returns the duration, and the first sample's flags if the box states them.
fn read_trun(trun: &[u8], default_duration: u32) -> Option<(u64, Option<u32>)> {
    let flags = u32_at(trun, 0)? & 0x00FF_FFFF;
    let count = u32_at(trun, 4)?;
    let mut at = 8 + if flags & 0x1 != 0 { 4 } else { 0 };
    let mut first_flags = None;
    if flags & 0x4 != 0 {
        first_flags = u32_at(trun, at);
        at += 4;
    }
    let field = |flag: u32| if flags & flag != 0 { 4_usize } else { 0 };
    let (duration_len, size_len, flags_len) = (field(0x100), field(0x200), field(0x400));
    let sample_len = duration_len + size_len + flags_len + field(0x800);
    if flags_len > 0 && first_flags.is_none() {
        first_flags = u32_at(trun, at + duration_len + size_len);
    }
    if duration_len == 0 {
        return Some((u64::from(count) * u64::from(default_duration), first_flags));
    }
    // Reads no more samples than there are bytes for.
    let samples = trun.get(at..)?.chunks_exact(sample_len).take(count as usize);
    let length = samples.map(|sample| u64::from(u32_at(sample, 0).unwrap_or(0))).sum();
    Some((length, first_flags))
}

fn track(trak: &[u8]) -> Option<FragmentTrack> {
    let tkhd = child(trak, b"tkhd")?;
    let mdia = child(trak, b"mdia")?;
    let mdhd = child(mdia, b"mdhd")?;
    let is_long = |it: &[u8]| it.first() == Some(&1);
    let id = u32_at(tkhd, if is_long(tkhd) { 20 } else { 12 })?;
    let timescale = u32_at(mdhd, if is_long(mdhd) { 20 } else { 12 })?;
    let is_video = child(mdia, b"hdlr")?.get(8..12) == Some(b"vide");
    let entries = child(child(child(mdia, b"minf")?, b"stbl")?, b"stsd")?;
    let codec = boxes(entries.get(8..)?).next().and_then(|(kind, entry)| codec(kind, entry));
    Some(FragmentTrack { id, timescale, is_video, codec, default_duration: 0, default_flags: 0 })
}

/// Returns the name by RFC 6381 and the specifications of the codecs.
fn codec(kind: &[u8; 4], entry: &[u8]) -> Option<String> {
    // The length of the fixed fields of a video entry. Those of an audio entry are shorter.
    let within = |name| child(entry.get(78..)?, name);
    Some(match kind {
        b"avc1" | b"avc3" => {
            let [_, profile, compatible, level] = *within(b"avcC")?.first_chunk()?;
            let kind = String::from_utf8_lossy(kind);
            format!("{kind}.{profile:02x}{compatible:02x}{level:02x}")
        }
        b"vp09" => {
            let vpcc = within(b"vpcC")?;
            let [profile, level, depth] = *vpcc.get(4..)?.first_chunk()?;
            // Chromium's recorder states no level, and its player rejects a name without one.
            let level = if level == 0 { 10 } else { level };
            format!("vp09.{profile:02}.{level:02}.{:02}", depth >> 4)
        }
        b"av01" => {
            let [_, profile, tier, ..] = *within(b"av1C")?.first_chunk::<4>()?;
            let tier_word = if tier & 0x80 != 0 { 'H' } else { 'M' };
            let depth = match (tier & 0x40 != 0, tier & 0x20 != 0) {
                (false, _) => 8,
                (true, false) => 10,
                (true, true) => 12,
            };
            format!("av01.{}.{:02}{tier_word}.{depth:02}", profile >> 5, profile & 0x1F)
        }
        // AAC Low Complexity, the only profile that browsers' recorders write.
        b"mp4a" => "mp4a.40.2".to_owned(),
        b"Opus" => "opus".to_owned(),
        b"fLaC" => "flac".to_owned(),
        _ => return None,
    })
}

fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| *found == kind).map(|(_, content)| content)
}

/// Iterates over the boxes of one level, up to the first incomplete one.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (_, head, size) = box_header(rest)?;
        let kind = rest.get(4..)?.first_chunk()?;
        let size = usize::try_from(size).ok().filter(|size| *size >= head)?;
        let content = rest.get(head..size)?;
        rest = &rest[size..];
        Some((kind, content))
    })
}

/// Returns the type, the length of the header, and the total length. Returns `None` if more bytes are
/// needed. A box that extends to the end of the file has length 0, which callers can't use.
fn box_header(bytes: &[u8]) -> Option<([u8; 4], usize, u64)> {
    let [a, b, c, d, kind @ ..] = *bytes.first_chunk::<8>()?;
    match u32::from_be_bytes([a, b, c, d]) {
        1 => Some((kind, 16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?))),
        size => Some((kind, 8, u64::from(size))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    /// Returns three seconds of fragmented MP4, made by ffmpeg.
    fn film() -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("film.mp4");
        let done = Command::new("ffmpeg")
            .args("-v error -f lavfi -i testsrc2=size=64x36:rate=10 -f lavfi -i sine".split(' '))
            .args("-t 3 -c:v libx264 -profile:v baseline -g 10 -pix_fmt yuv420p".split(' '))
            .args("-c:a aac -movflags frag_keyframe+empty_moov+default_base_moof".split(' '))
            .arg(&out)
            .status()
            .expect("ffmpeg is installed");
        assert!(done.success());
        std::fs::read(&out).unwrap()
    }

    #[test]
    fn fragments_are_found_wherever_the_file_is_cut() {
        let film = film();
        let moofs: Vec<u64> = (0..film.len() - 8)
            .filter(|at| film[at + 4..].starts_with(b"moof"))
            .map(|at| at as u64)
            .collect();
        for piece in [1, 7, 16, 300, film.len()] {
            let mut fragments = Fragments::default();
            let mut joints = Vec::new();
            for piece in film.chunks(piece) {
                fragments.push(piece);
                joints.extend(fragments.take_joints());
            }
            let head = fragments.head().unwrap();
            assert_eq!(head.len_bytes, moofs[0]);
            assert!(head.codecs.starts_with("avc1.42") && head.codecs.ends_with(",mp4a.40.2"));
            assert_eq!(joints.iter().map(|joint| joint.offset).collect::<Vec<_>>(), moofs);
            // Both tracks count from the first audio sample, which is a little earlier.
            let seconds: Vec<u64> = joints.iter().map(|joint| joint.start_ms / 100).collect();
            assert_eq!(seconds, [0, 10, 20]);
            assert!((3_000..3_200).contains(&fragments.latest_ms()), "{}", fragments.latest_ms());
        }
    }

    #[test]
    fn whole_files_and_nonsense_have_no_fragments() {
        let whole = [boxed(b"ftyp", b"isom"), boxed(b"moov", &boxed(b"mvhd", &[0; 20]))].concat();
        let endless = [&[0, 0, 0, 0][..], b"mdat", &[1; 99]].concat();
        let large = [&[0xFF; 4][..], b"moov", &[1; 99]].concat();
        for bytes in [whole, endless, large, vec![0; 400], vec![0xFF; 400]] {
            let mut fragments = Fragments::default();
            fragments.push(&bytes);
            assert_eq!(fragments.head(), None);
            assert!(fragments.intake.held().len() < 200, "nothing is held back");
        }
    }

    #[test]
    fn spoiled_bytes_neither_panic_nor_hold_memory() {
        let film = film();
        for round in 0..400_usize {
            let mut spoiled = film.clone();
            for step in 0..=round % 5 {
                let at = (round * 7_919 + step * 104_729) % spoiled.len().min(2_000);
                spoiled[at] ^= (round as u8).wrapping_mul(31) | 1;
            }
            let mut fragments = Fragments::default();
            for piece in spoiled.chunks(100 + round) {
                fragments.push(piece);
            }
            assert!(fragments.intake.held().len() <= INDEX_BYTES_MAX);
        }
    }
}
