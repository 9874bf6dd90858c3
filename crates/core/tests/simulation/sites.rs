//! The servers of the simulated world, and at which of them the person is signed in.

use snaplark_api::{PartSize, Profile};
use snaplark_core::upload::{Target, Targets};

use crate::random::Random;
use crate::server::Server;

const ADDRESSES: [&str; 2] = ["http://host/api/v1", "http://other/api/v1"];

pub struct Site {
    pub address: &'static str,
    pub profile: Profile,
    pub server: Server,
    pub is_outage: bool,
    pub probes_failed: u32,
    pub token_works: bool,
    pub is_signed_in: bool,
}

impl Site {
    fn new(address: &'static str, random: &mut Random) -> Self {
        let profiles = [Profile::Spec, Profile::SpecStandalone, Profile::Snaplark];
        let profile = profiles[random.below(3) as usize];
        let knows_recordings = random.permille(500);
        let mebibyte = 1024 * 1024;
        let part_bytes_max = if random.permille(200) { 4 * mebibyte } else { 10 * mebibyte };
        let takes_pieces = knows_recordings && random.permille(700);
        Site {
            address,
            profile,
            server: Server::new(knows_recordings, takes_pieces, part_bytes_max),
            is_outage: false,
            probes_failed: 0,
            token_works: true,
            is_signed_in: false,
        }
    }

    /// With dice of its own, so that the servers of other seeds stay what they were: a bucket, whose parts are of one
    /// size.
    fn or_bucket(mut self, seed: u64) -> Self {
        if Random::new(seed ^ 0x6275_636b_6574).permille(200) {
            self.profile = Profile::S3;
            let PartSize::Fixed(bytes) = self.profile.part_size() else {
                panic!("a bucket's parts are of one size");
            };
            self.server = Server::new(true, true, 2 * bytes);
            self.server.part_bytes = Some(bytes);
        }
        self
    }

    pub fn is_bucket(&self) -> bool {
        self.server.part_bytes.is_some()
    }

    pub fn may_cut(&self) -> bool {
        let is_fixed = matches!(self.profile.part_size(), PartSize::Fixed(_));
        self.server.takes_pieces && self.profile != Profile::SpecStandalone && !is_fixed
    }

    fn target(&self) -> Target {
        let (server, profile) = (self.address.to_owned(), self.profile);
        Target { server, profile, is_this_computer: false }
    }
}

pub struct Sites {
    pub all: Vec<Site>,
    /// Where new uploads go.
    pub current: usize,
}

impl Sites {
    /// One server, and a second one where the seed is odd, with dice of its own.
    pub fn new(seed: u64, random: &mut Random) -> Self {
        let mut all = vec![Site::new(ADDRESSES[0], random).or_bucket(seed)];
        all[0].is_signed_in = true;
        if seed % 2 == 1 {
            let site = Site::new(ADDRESSES[1], &mut Random::new(seed ^ 0x7369_7465));
            all.push(site.or_bucket(!seed));
        }
        let mut dice = Random::new(seed ^ 0x0066_7261_6d69_6e67);
        for site in &mut all {
            let may_want = site.profile == Profile::Spec && !site.server.knows_recordings;
            site.server.wants_init = may_want && dice.permille(500);
        }
        Sites { all, current: 0 }
    }

    pub fn named(&self, address: &str) -> usize {
        self.all.iter().position(|site| site.address == address).expect("a server of this world")
    }

    pub fn current_address(&self) -> &str {
        self.all[self.current].address
    }

    /// Signs in at a server, which gets the new uploads from now on.
    pub fn switch(&mut self, site: usize) {
        self.current = site;
        self.all[site].is_signed_in = true;
        self.all[site].token_works = true;
    }

    pub fn targets(&self) -> Targets {
        let is_other =
            |(number, site): &(usize, &Site)| *number != self.current && site.is_signed_in;
        let others = self.all.iter().enumerate().filter(is_other);
        Targets {
            current: Some(self.all[self.current].target()),
            others: others.map(|(_, site)| site.target()).collect(),
        }
    }
}
