//! Checks at each request and at a world's end that everything is whole, and at its own server.

use snaplark_core::upload::{Phase, UploadAction};

use crate::plans::{EditedPlan, PicturePlan, Plan};
use crate::server::{Session, is_whole};
use crate::world::{Happening, World};

impl World {
    pub(crate) fn is_done(&self) -> bool {
        let finished = |plan: &Plan| {
            let status = self.machine.status(self.now_ms, plan.id);
            status.is_some_and(|status| status.phase == Phase::Finished)
        };
        let waits = |happening: &Happening| matches!(happening, Happening::Scrub { .. });
        if self.happenings.values().any(waits) {
            return false;
        }
        let shown = |picture: &PicturePlan| {
            let status = self.machine.status(self.now_ms, picture.id);
            picture.published == picture.versions
                && status.is_some_and(|status| status.phase == Phase::Finished)
        };
        let is_shown = |plan: &EditedPlan| {
            let status = self.machine.status(self.now_ms, plan.id);
            plan.published == plan.versions
                && status.is_some_and(|status| status.phase == Phase::Finished)
        };
        // One that died before its first segment leaves nothing to send.
        self.pictures.iter().all(shown)
            && self.edited.iter().all(is_shown)
            && self.plans.iter().all(|plan| plan.ended && (plan.sealed == 0 || finished(plan)))
    }

    pub(crate) fn describe(&self) -> String {
        let phases = self.plans.iter().map(|plan| self.machine.status(self.now_ms, plan.id));
        let profiles: Vec<_> = self.sites.all.iter().map(|site| site.profile).collect();
        format!("{profiles:?} {:?} at {} ms", phases.collect::<Vec<_>>(), self.now_ms)
    }

    pub(crate) fn check_videos(&self) {
        let whole = |plan: &Plan, site: usize, parts: &Vec<_>| {
            let replaced = self.replaced.iter().filter(|(id, _)| *id == plan.id);
            let replaced = replaced.map(|(_, segment)| *segment).collect();
            let framing = self.sites.all[site].profile.framing();
            is_whole(parts, plan.sealed, framing, &replaced)
        };
        for plan in self.plans.iter().filter(|plan| plan.sealed > 0) {
            let site = self.sites.named(self.checks.home(plan.id));
            let sessions = self.sites.all[site].server.sessions.values();
            let mut videos = sessions.filter_map(|session| session.completed.as_ref());
            let whole = |parts: &Vec<_>| whole(plan, site, parts);
            assert!(videos.any(whole), "the video of {} isn't whole at its server", plan.id);
        }
        self.check_edited();
        for PicturePlan { id, versions, .. } in &self.pictures {
            let site = self.sites.named(self.checks.home(*id));
            let shown = self.sites.all[site].server.pictures.get(id);
            assert_eq!(shown, Some(versions), "the last version is shown");
            let files = self.client.store().version_file((*id).into()).unwrap();
            assert_eq!(files, None, "nothing waits");
            let link = self.machine.status(self.now_ms, *id).and_then(|status| status.link);
            assert!(link.is_some_and(|link| link.ends_with(&id.to_string())), "its own link");
        }
        for (number, site) in self.sites.all.iter().enumerate() {
            let is_edited =
                |it: &Session| self.edited.iter().any(|plan| it.recording == Some(plan.id));
            for session in site.server.sessions.values().filter(|it| !is_edited(it)) {
                let whole =
                    |parts: &Vec<_>| self.plans.iter().any(|plan| whole(plan, number, parts));
                assert!(session.damaged.is_empty(), "the server's damage was not mended");
                assert!(session.completed.as_ref().is_none_or(whole), "a video with a gap");
            }
        }
    }

    /// Nothing goes to another server than the upload's own, nor anything to one where nobody is signed in.
    pub(crate) fn check_address(&self, action: &UploadAction) {
        let site = match action {
            UploadAction::OpenSession { recording, .. }
            | UploadAction::SendPart { recording, .. }
            | UploadAction::Finalize { recording, .. }
            | UploadAction::AskReceived { recording, .. }
            | UploadAction::SendPieces { recording, .. } => {
                let site = self.site_of(action);
                let home = self.sites.named(self.checks.home(*recording));
                assert_eq!(site, home, "{action:?} goes to the wrong server");
                site
            }
            UploadAction::Probe { .. } => self.site_of(action),
            UploadAction::ClaimAnew { .. }
            | UploadAction::ListAnew { .. }
            | UploadAction::RepairSegments { .. }
            | UploadAction::CutSegment { .. }
            | UploadAction::ProfileLearned { .. }
            | UploadAction::Abort { .. }
            | UploadAction::TellLink { .. } => return,
        };
        assert!(self.sites.all[site].is_signed_in, "{action:?} where nobody is signed in");
    }

    pub(crate) fn expect_all_of(&self, site: usize) {
        let address = self.sites.all[site].address;
        let mut seen = 0;
        for plan in self.plans.iter().filter(|plan| self.checks.home(plan.id) == address) {
            let status = self.machine.status(self.now_ms, plan.id).unwrap();
            assert_eq!(status.phase, Phase::Finished, "{}", self.describe());
            seen += 1;
        }
        assert!(seen > 0, "nothing was begun for {address}");
    }
}
