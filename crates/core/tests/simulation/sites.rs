//! The servers of the simulated world, and at which of them the person is signed in.

use snaplark_api::Profile;
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

    pub fn may_cut(&self) -> bool {
        self.server.takes_pieces && self.profile != Profile::SpecStandalone
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
        let mut all = vec![Site::new(ADDRESSES[0], random)];
        all[0].is_signed_in = true;
        if seed % 2 == 1 {
            all.push(Site::new(ADDRESSES[1], &mut Random::new(seed ^ 0x7369_7465)));
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
