//! Plans a world's events: recordings, pictures, crashes, accounts. All of them are drawn from the seed.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use snaplark_core::RecordingId;
use snaplark_core::upload::{UploadEvent, UploadMachines};

use crate::checks::Checks;
use crate::client::Client;
use crate::random::Random;
use crate::server::Piece;
use crate::sites::Sites;
use crate::world::{FAULTS_END_MS, Happening, Outcome, World};

/// A recording that will be made.
pub(crate) struct Plan {
    pub(crate) id: RecordingId,
    pub(crate) segments: u32,
    pub(crate) sealed: u32,
    pub(crate) started: bool,
    pub(crate) ended: bool,
    pub(crate) size_bytes: u64,
}

/// A picture that will be taken, and published several times.
pub(crate) struct PicturePlan {
    pub(crate) id: RecordingId,
    pub(crate) versions: u32,
    pub(crate) published: u32,
}

/// A recording that will be edited, and published several times: first as it is.
pub(crate) struct EditedPlan {
    pub(crate) id: RecordingId,
    pub(crate) versions: u32,
    pub(crate) published: u32,
    /// The pieces that the link is to show, without the init.
    pub(crate) expected: Vec<Piece>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let sites = Sites::new(seed, &mut random);
        let mebibyte = 1024 * 1024;
        let client = Client::new();
        let rows = client.store().upload_rows().unwrap();
        let (machine, step) = UploadMachines::restore(&sites.targets(), rows, seed);
        let mut world = World {
            now_ms: 0,
            permille: random.between(10, 300),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            next: 0,
            life: 0,
            process: 0,
            machine,
            client,
            sites,
            checks: Checks::default(),
            plans: Vec::new(),
            pictures: Vec::new(),
            edited: Vec::new(),
            edited_requests: BTreeMap::new(),
            rendered: 0,
            damaged: BTreeSet::new(),
            replaced: BTreeSet::new(),
            scrubbed: BTreeSet::new(),
            left_alone: BTreeSet::new(),
            outcome: Outcome::default(),
            random,
        };
        for plan in 0..world.random.between(1, 3) {
            let sizes = [40_000, 600_000, 2 * mebibyte];
            let size_bytes = sizes[world.random.below(3) as usize];
            world.plans.push(Plan {
                id: RecordingId(uuid::Uuid::from_u128(u128::from(plan) + 1)),
                segments: world.random.between(1, 40) as u32,
                sealed: 0,
                started: false,
                ended: false,
                size_bytes,
            });
            let begins_ms = world.random.below(600_000);
            world.at(begins_ms, Happening::Segment { plan: plan as usize });
        }
        for _ in 0..world.random.below(4) {
            let at_ms = world.random.below(FAULTS_END_MS / 12);
            world.at(at_ms, Happening::Crash);
        }
        for _ in 0..world.random.below(6) {
            let at_ms = world.random.below(FAULTS_END_MS / 12);
            let wait = world.random.permille(500);
            let hints = [
                UploadEvent::SystemResumed,
                UploadEvent::NetworkHinted,
                UploadEvent::LinkMetered { metered: world.random.permille(500) },
                UploadEvent::MeteredChosen { wait },
            ];
            let hint = hints[world.random.below(4) as usize].clone();
            world.at(at_ms, Happening::Hint(hint));
        }
        if world.random.permille(400) {
            world.put_proxy();
        }
        world.plan_pictures(seed);
        world.plan_edited(seed);
        world.plan_accounts(seed);
        world.at(FAULTS_END_MS, Happening::Hint(UploadEvent::LinkMetered { metered: false }));
        world.take(step);
        world.tell(UploadEvent::Woke);
        world
    }

    /// With dice of their own, so that the recordings of a seed stay what they were.
    fn plan_pictures(&mut self, seed: u64) {
        let mut random = Random::new(seed ^ 0x7069_6374_7572_6573);
        for picture in 0..random.below(3) as usize {
            let id = RecordingId(uuid::Uuid::from_u128(100 + picture as u128));
            let versions = random.between(1, 4) as u32;
            self.pictures.push(PicturePlan { id, versions, published: 0 });
            let mut at_ms = random.below(600_000);
            for _ in 0..versions {
                self.at(at_ms, Happening::Publish { picture });
                at_ms += random.below(60_000);
            }
        }
    }

    /// A proxy's limit is below a segment, and shrinks. Where bytes can't be cut anywhere, somebody may raise it.
    fn put_proxy(&mut self) {
        let (site, part_bytes_max) = (0, self.sites.all[0].server.part_bytes_max);
        let mut begins_ms = self.random.below(600_000);
        for limit in [1_500_000, 700_000, 300_000] {
            if self.random.permille(700) {
                self.at(begins_ms, Happening::Proxy { site, part_bytes_max: limit });
            }
            begins_ms += self.random.below(200_000);
        }
        let (may_cut, is_bucket) = {
            let site = &self.sites.all[site];
            (site.may_cut(), site.is_bucket())
        };
        let waits_ms = if may_cut || (!is_bucket && self.random.permille(500)) {
            FAULTS_END_MS
        } else {
            self.random.below(3_600_000)
        };
        self.at(begins_ms + waits_ms, Happening::Proxy { site, part_bytes_max });
    }

    /// With dice of their own, too: the person signs in at the second server, and out of either.
    fn plan_accounts(&mut self, seed: u64) {
        if self.sites.all.len() < 2 {
            return;
        }
        let mut random = Random::new(seed ^ 0x0061_6363_6f75_6e74);
        for _ in 0..random.between(1, 5) {
            let (site, at_ms) = (random.below(2) as usize, random.below(900_000));
            self.at(at_ms, Happening::Switch { site });
        }
        for _ in 0..random.below(3) {
            let (site, at_ms) = (random.below(2) as usize, random.below(1_200_000));
            self.at(at_ms, Happening::SignOut { site });
            let back_ms = at_ms + random.below(FAULTS_END_MS);
            self.at(back_ms, Happening::SignIn { site });
        }
    }

    /// A world in which nothing fails but the first server, which is gone soon after an upload has begun for
    /// it, and back at the end. The person goes over to the second.
    pub fn with_a_blocked_server(seed: u64) -> Self {
        let mut world = World::new(seed);
        assert_eq!(world.sites.all.len(), 2, "seed {seed} has one server");
        world.permille = 0;
        world.queue.clear();
        world.happenings.clear();
        world.pictures.clear();
        world.edited.clear();
        world.plans.clear();
        for id in [1, 2] {
            let segments = world.random.between(2, 40) as u32;
            let id = RecordingId(uuid::Uuid::from_u128(id));
            let (sealed, started, ended, size_bytes) = (0, false, false, 600_000);
            world.plans.push(Plan { id, segments, sealed, started, ended, size_bytes });
        }
        let gone_ms = world.random.between(1, 10_000);
        world.at(0, Happening::Segment { plan: 0 });
        world.at(gone_ms, Happening::Outage { site: 0 });
        world.at(gone_ms + 1, Happening::Switch { site: 1 });
        world.at(gone_ms + 2, Happening::Segment { plan: 1 });
        world.at(600_000, Happening::Expect { site: 1 });
        world.at(FAULTS_END_MS, Happening::OutageEnds { site: 0 });
        world.rebuild();
        world
    }
}
