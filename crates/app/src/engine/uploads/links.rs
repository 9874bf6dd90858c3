//! Keeps how servers make links, so that a recording has its link at once also if the program has started without a
//! network. What a server says when it is asked again counts from then on.

use std::collections::BTreeMap;

use snaplark_core::upload::{ProbeVerdict, UploadEvent};
use tracing::warn;

use super::{Context, Uploads};

/// The key of the templates among the settings.
const SETTING: &str = "link-templates";
/// The number of servers that are kept. Nobody has accounts at more of them.
const SERVERS_MAX: usize = 16;

impl Uploads {
    /// Tells the machines how their servers made links the last time that they were asked.
    pub(crate) fn recall_link_templates(&mut self, cx: &Context) {
        for (server, template) in kept(cx) {
            self.handle(cx, UploadEvent::LinkTemplateKept { server, template });
        }
    }

    /// Keeps the template of a server that has answered a probe. The address of this computer's own server changes with
    /// each start, and it can always be reached.
    pub(super) fn keep_link_template(&self, cx: &Context, event: &UploadEvent) {
        let UploadEvent::ProbeAnswered { server, verdict: ProbeVerdict::Online { capabilities } } =
            event
        else {
            return;
        };
        let is_this_computer = |target: &snaplark_core::upload::Target| {
            target.server == *server && target.is_this_computer
        };
        let targets = self.targets.for_machines();
        if targets.current.iter().chain(&targets.others).any(is_this_computer) {
            return;
        }
        let template = capabilities.as_ref().and_then(|offers| offers.link_template.clone());
        let mut templates = kept(cx);
        if templates.get(server) == template.as_ref() {
            return;
        }
        match template {
            Some(template) if templates.len() < SERVERS_MAX => {
                templates.insert(server.clone(), template);
            }
            Some(template) => templates = BTreeMap::from([(server.clone(), template)]),
            None => drop(templates.remove(server)),
        }
        let text = serde_json::to_string(&templates).unwrap_or_default();
        if let Err(error) = cx.store.set_settings(&[(SETTING, &text)]) {
            warn!(%error, "How a server makes links can't be kept");
        }
    }
}

fn kept(cx: &Context) -> BTreeMap<String, String> {
    let stored = cx.store.setting(SETTING).unwrap_or_else(|error| {
        warn!(%error, "How servers make links can't be read");
        None
    });
    serde_json::from_str(&stored.unwrap_or_default()).unwrap_or_default()
}
