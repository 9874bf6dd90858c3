//! Recordings that are edited and published behind their link again and again, while everything fails.

use std::collections::BTreeMap;
use std::ops::Range;

use snaplark_api::PiecesRequest;
use snaplark_core::cut::{self, SourceSegment};
use snaplark_core::edit::{Area, Cover, CoverStyle, Edit};
use snaplark_core::upload::{
    EditedUpload, EditedVersion, PartContent, RenderedPiece, ServedVersion, UploadAction,
    UploadEvent, planned_parts, served_recording,
};
use snaplark_core::{ItemId, RecordingId};
use snaplark_store::NewEditedVersion;

use crate::plans::EditedPlan;
use crate::server::Piece;
use crate::sites::Site;
use crate::world::{Happening, World};

pub(crate) const SEGMENTS: u32 = 4;
pub(crate) const SEGMENT_BYTES: u64 = 50_000;
const SEGMENT_MS: u64 = 2_000;
pub(crate) const INIT_BYTES: u64 = 300;
const RENDERED_BYTES: u64 = 9_000;

/// The content of a request of an edited version. It is read when the request is made, as in the app.
#[derive(Clone, Debug, Default)]
pub(crate) struct EditedRequest {
    pub(crate) version: u32,
    pub(crate) list: PiecesRequest,
    pub(crate) content: Vec<Piece>,
}

/// Returns the size of something in a part.
pub(crate) fn bytes_of(piece: &Piece) -> u64 {
    match piece {
        Piece::Init => INIT_BYTES,
        Piece::Media { .. } => SEGMENT_BYTES,
        Piece::Rendered(_) => RENDERED_BYTES,
    }
}

impl World {
    /// Records, and the next times publishes an edit. The version is durable first; the process may die before the
    /// machine hears of it.
    pub(crate) fn publish_edited(&mut self, index: usize) {
        let plan = &mut self.edited[index];
        let (recording, published) = (plan.id, plan.published);
        plan.published += 1;
        if published == 0 {
            self.record_edited(recording);
            return;
        }
        let edit = self.random_edit();
        let number = self.add_edited(index, edit);
        if self.fault() && self.random.permille(300) {
            self.crash();
            return;
        }
        self.want_edited(recording, number);
    }

    fn record_edited(&mut self, recording: RecordingId) {
        self.client.begin(recording);
        for segment in 0..SEGMENTS {
            self.client.seal(recording, segment, SEGMENT_BYTES, true);
        }
        self.client.end(recording);
        self.tell(UploadEvent::UploadWanted { recording });
        self.tell(UploadEvent::InitSealed { recording, size_bytes: INIT_BYTES });
        for _ in 0..SEGMENTS {
            self.tell(UploadEvent::SegmentSealed { recording, size_bytes: SEGMENT_BYTES });
        }
        let duration_ms = u64::from(SEGMENTS) * SEGMENT_MS;
        self.tell(UploadEvent::RecordingEnded { recording, duration_ms });
    }

    /// Keeps some segments whole and some in part, or everything.
    fn random_edit(&mut self) -> Edit {
        let end_ms = u64::from(SEGMENTS) * SEGMENT_MS;
        if self.random.permille(200) {
            return Edit::whole(end_ms);
        }
        let from = self.random.below(SEGMENTS.into()) * SEGMENT_MS;
        let cut = if self.random.permille(500) { 0 } else { 700 };
        let keep: Vec<Range<u64>> = match self.random.permille(500) && from > 0 {
            true => Vec::from([0..from - 1_000, from + cut..end_ms]),
            false => std::iter::once(from + cut..end_ms).collect(),
        };
        let area = Area { x: 0, y: 0, width: 8, height: 8 };
        let cover = Cover { area, during_ms: 500..900, style: CoverStyle::Solid };
        let covers = if self.random.permille(300) { vec![cover] } else { Vec::new() };
        Edit::Cuts { keep, covers, chapters: Vec::new() }
    }

    fn add_edited(&mut self, index: usize, edit: Edit) -> u32 {
        let recording = self.edited[index].id;
        let item = ItemId::from(recording);
        let Edit::Cuts { keep, covers, .. } = &edit else { unreachable!("it is of a recording") };
        let segments: Vec<SourceSegment> = (0..SEGMENTS)
            .map(|index| SourceSegment {
                index,
                start_ms: u64::from(index) * SEGMENT_MS,
                duration_ms: SEGMENT_MS,
            })
            .collect();
        let plan = cut::plan(&segments, keep, covers, false, &BTreeMap::new()).unwrap();
        let mut rendered = BTreeMap::new();
        for (place, _) in plan.rendered() {
            self.rendered += 1;
            let file = format!("rendered-{}", self.rendered);
            std::fs::write(self.client.store().folder(recording).join(&file), b"cut").unwrap();
            let sha256 = format!("{:064}", self.rendered);
            rendered.insert(place, RenderedPiece { file, size_bytes: RENDERED_BYTES, sha256 });
        }
        let (served, is_last) = self.served(recording);
        let sizes = vec![SEGMENT_BYTES; SEGMENTS as usize];
        let part_bytes_max = self.machine.part_bytes_max(recording);
        let mut planned = planned_parts(&plan, &sizes, &rendered, served.as_ref(), part_bytes_max);
        for part in &mut planned {
            // The model doesn't compare digests.
            part.kept.iter_mut().for_each(|kept| kept.sha256 = Some("0".repeat(64)));
        }
        let from_version = served.as_ref().map_or(1, |served| served.number);
        let version = EditedVersion::new(&plan, planned, from_version, &[]);
        self.edited[index].expected =
            version.parts.iter().flat_map(|part| media(&part.content)).collect();
        let number_min = served.as_ref().map_or(1, |served| served.number) + 1;
        let served = served.filter(|_| is_last);
        let new = NewEditedVersion { edit, version, served, number_min };
        self.client.store().add_edited_version(item, new).unwrap()
    }

    /// Returns what the rows know of the version behind the link, and whether its upload is the last one.
    fn served(&self, recording: RecordingId) -> (Option<ServedVersion>, bool) {
        let (store, item) = (self.client.store(), ItemId::from(recording));
        let Some(rows) = store.upload_rows_of(recording).unwrap() else { return (None, false) };
        if !rows.finished {
            return (store.served_version(item).unwrap(), false);
        }
        let number = rows.version.unwrap_or(1);
        let standalone = rows.profile.framing() == snaplark_api::Framing::Standalone;
        let has_init = |index| index == 0 || standalone;
        let parts = match rows.is_edited {
            false => served_recording(&rows),
            true => {
                let version = store.edited_version(item, number).unwrap().unwrap();
                let before = store.noted_version(item, version.request.from_version).unwrap();
                version.served(before.as_ref(), &rows.receipts, rows.init_bytes, has_init)
            }
        };
        (Some(ServedVersion { number, parts }), true)
    }

    fn want_edited(&mut self, recording: RecordingId, number: u32) {
        let version =
            self.client.store().edited_version(recording.into(), number).unwrap().unwrap();
        let wanted = EditedUpload {
            version: number,
            part_bytes: version.sizes(),
            init_bytes: INIT_BYTES,
            duration_ms: version.duration_ms,
        };
        self.tell(UploadEvent::EditedWanted { recording, wanted });
    }

    /// Does what the app does at its start with edited versions that have no upload.
    pub(crate) fn want_edited_versions(&mut self) {
        for (recording, number) in self.client.store().waiting_edited_versions().unwrap() {
            if self.machine.edited_version(recording) != Some(number) {
                self.want_edited(recording, number);
            }
        }
    }

    /// Notes what a request of an edited version carries.
    pub(crate) fn note_edited(&mut self, action: &UploadAction) {
        let (request, recording) = match action {
            UploadAction::OpenSession { request, recording, .. }
            | UploadAction::SendPieces { request, recording, .. }
            | UploadAction::SendPart { request, recording, .. } => (*request, *recording),
            _ => return,
        };
        let Some(number) = self.machine.edited_version(recording) else { return };
        let store = self.client.store();
        let version = store.edited_version(recording.into(), number).unwrap().unwrap();
        let content = match action {
            UploadAction::SendPart { index, with_init, .. } => {
                let init = with_init.then_some(Piece::Init).into_iter();
                init.chain(media(&version.parts[*index as usize].content)).collect()
            }
            _ => Vec::new(),
        };
        let noted = EditedRequest { version: number, list: version.request, content };
        self.edited_requests.insert((self.life, request.0), noted);
    }

    /// Somebody trims the video on the server's page: the link shows a version that this client doesn't know.
    pub(crate) fn trim_elsewhere(&mut self, index: usize) {
        let recording = self.edited[index].id;
        if self.edited[index].published == 0 {
            return;
        }
        let site = self.sites.named(self.checks.home(recording));
        self.outcome.trims += u64::from(self.sites.all[site].server.trim(recording));
    }

    pub(crate) fn check_edited(&self) {
        for EditedPlan { id, expected, .. } in &self.edited {
            let site = self.sites.named(self.checks.home(*id));
            let sessions = self.sites.all[site].server.sessions.values();
            let shown = sessions.filter(|it| it.recording == Some(*id) && it.completed.is_some());
            let shown: Vec<Vec<Piece>> =
                shown.filter_map(|it| it.completed.as_ref()).map(|parts| parts.concat()).collect();
            let [shown] = &shown[..] else { panic!("{} versions are shown", shown.len()) };
            let media: Vec<Piece> =
                shown.iter().filter(|piece| **piece != Piece::Init).copied().collect();
            assert_eq!(media, *expected, "the link shows the last edit of {id}");
        }
    }

    pub(crate) fn plan_edited(&mut self, seed: u64) {
        let shows_versions = |site: &Site| site.server.knows_recordings && !site.is_bucket();
        if !self.sites.all.iter().all(shows_versions) {
            return;
        }
        let mut random = crate::random::Random::new(seed ^ 0x6564_6974);
        for index in 0..random.below(3) as usize {
            let id = RecordingId(uuid::Uuid::from_u128(200 + index as u128));
            let versions = random.between(2, 5) as u32;
            self.edited.push(EditedPlan { id, versions, published: 0, expected: Vec::new() });
            let mut at_ms = random.below(600_000);
            for _ in 0..versions {
                self.at(at_ms, Happening::PublishEdited { index });
                at_ms += random.below(90_000);
                if random.permille(150) {
                    self.at(at_ms, Happening::Trim { index });
                }
            }
        }
    }
}

fn media(content: &PartContent) -> Vec<Piece> {
    match content {
        PartContent::Segments(first, count) => (*first..first + count)
            .map(|segment| Piece::Media {
                segment,
                is_placeholder: false,
                from_bytes: 0,
                to_bytes: None,
            })
            .collect(),
        PartContent::File(_, sha256) => vec![Piece::Rendered(sha256.parse().unwrap())],
    }
}
