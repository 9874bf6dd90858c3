/*! Every window in every state that looks different, for whoever looks at them: tests and pictures. */

export interface State {
  page: string;
  state: string;
  /** The test id of what is pressed first. */
  press?: string;
  width: number;
  height: number;
}

const library = { page: "library", width: 800, height: 560 };
const settings = { page: "settings", width: 720, height: 560 };
const toast = { page: "toast", width: 452, height: 300 };
// These windows are as large as what is in them: here there is room for that with large text.
const bar = { page: "bar", width: 1280, height: 160 };
const quick = { page: "quick", width: 640, height: 760 };
const welcome = { page: "welcome", width: 640, height: 560 };

export const states: readonly State[] = [
  ...["full", "empty", "running", "this-computer", "no-cloud", "taken", "needs-sign-in", "waiting", "no-keyring", "no-browser-sign-in"].map(
    (state) => ({ ...library, state }),
  ),
  { ...library, state: "this-computer", press: "account" },
  { ...library, state: "signed-in", press: "account" },
  // One page that scrolls: as high as it is.
  ...["signed-in", "crashed", "found", "fetching"].map((state) => ({
    ...settings,
    state,
    height: 2800,
  })),
  { ...settings, state: "full", width: 420 },
  ...["look", "trouble", "many"].map((state) => ({ ...toast, state })),
  ...["counting", "running", "paused"].map((state) => ({ ...bar, state })),
  { ...bar, state: "running", press: "bar-cancel" },
  ...["empty", "kept", "running"].map((state) => ({ ...quick, state })),
  { page: "chooser", state: "look", width: 1280, height: 720 },
  ...["look", "recording-more", "recording-choose", "recording-open"].map((press) => ({ ...library, state: "full", press })),
  { ...library, state: "kept" },
  { ...welcome, state: "this-computer" },
  { ...welcome, state: "this-computer", press: "welcome-next" },
];

export const pages = [...new Set(states.map(({ page }) => page))];

export const nameOf = ({ page, state, press, width }: State) =>
  [page, state, press, width < 450 ? "narrow" : undefined].filter(Boolean).join("-");
