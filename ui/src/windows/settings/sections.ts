/*! The sections of the settings, in the order in which they are shown. A section is one file. */
import type { Component } from "svelte";
import type { Settings } from "$lib/bindings/Settings";
import type { Live } from "$lib/live.svelte";
import * as m from "$lib/messages/messages";
import type { Choices } from "./choices.svelte";
import About from "./sections/About.svelte";
import Account from "./sections/Account.svelte";
import General from "./sections/General.svelte";
import Privacy from "./sections/Privacy.svelte";
import Recording from "./sections/Recording.svelte";
import Screenshots from "./sections/Screenshots.svelte";
import Shortcuts from "./sections/Shortcuts.svelte";
import Sound from "./sections/Sound.svelte";
import Updates from "./sections/Updates.svelte";
import Upload from "./sections/Upload.svelte";
import Webcam from "./sections/Webcam.svelte";

/** The properties of a section: the current settings, and the ways to change them. */
export interface SectionProps {
  settings: Settings;
  choices: Choices;
  /** The program's state of now: the account, and where a sign-in stands. */
  live: Live;
}

interface Section {
  name: string;
  title: () => string;
  Rows: Component<SectionProps>;
}

export const sections: readonly Section[] = [
  { name: "general", title: m.settings_general, Rows: General },
  { name: "recording", title: m.settings_recording, Rows: Recording },
  { name: "screenshots", title: m.picture_settings, Rows: Screenshots },
  { name: "sound", title: m.settings_sound, Rows: Sound },
  { name: "webcam", title: m.settings_webcam, Rows: Webcam },
  { name: "shortcuts", title: m.settings_shortcuts, Rows: Shortcuts },
  { name: "account", title: m.settings_account, Rows: Account },
  { name: "uploads", title: m.settings_uploads, Rows: Upload },
  { name: "privacy", title: m.settings_privacy, Rows: Privacy },
  { name: "updates", title: m.settings_updates, Rows: Updates },
  { name: "about", title: m.settings_about, Rows: About },
];
