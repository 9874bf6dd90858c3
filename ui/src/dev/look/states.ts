/*! Every window in every state that looks different, for whoever looks at them: tests and pictures. */
import type { Page } from "playwright";

export interface State {
  page: string;
  /** Of `scenes.ts`. */
  state: string;
  /** What is pressed first, one after the other: test ids, or selectors where there is none. */
  press?: readonly string[];
  /** What is done then by pointer and keys. */
  act?: (page: Page) => Promise<void>;
  /** Its name, where scene and presses don't make a good one. */
  as?: string;
  /** Only for eyes: what tests would say of it they say of another. */
  pictured?: true;
  width: number;
  height: number;
  /** One page that scrolls: as high as all of it. */
  whole?: true;
}

const library = { page: "library", width: 800, height: 560 };
const pictured = true;
const settings = { page: "settings", width: 720, height: 560 };
const toast = { page: "toast", width: 452, height: 620 };
// These windows are as large as what is in them: here there is room for that with large text.
const bar = { page: "bar", width: 1280, height: 160 };
const quick = { page: "quick", width: 640, height: 760 };
const chooser = { page: "chooser", state: "full", width: 1280, height: 720 };
const welcome = { page: "welcome", width: 640, height: 560 };
const preview = { page: "preview", width: 720, height: 560 };
const whole = true;

const search = (words: string) => async (page: Page) => {
  await page.getByTestId("search").fill(words);
};
async function stilled(page: Page) {
  await page.waitForFunction(() => (document.querySelector("video")?.readyState ?? 0) > 1);
  await page.evaluate(() => document.querySelector("video")?.pause());
}
/** The last minutes, cut at both ends, and a moment of what is left. */
async function trimmed(page: Page) {
  await stilled(page);
  for (const [edge, key] of [["end", "PageDown"], ["start", "PageUp"]] as const) {
    await page.getByTestId(`preview-${edge}`).focus();
    for (let n = 0; n < 3; n += 1) await page.keyboard.press(key);
  }
  await page.waitForFunction(() => document.querySelector("video")?.seeking === false);
}
const card = (page: Page, n: number) => page.getByTestId("recording").nth(n);

export const states: readonly State[] = [
  ...[
    ...["full", "empty", "running", "this-computer", "no-cloud", "taken", "needs-sign-in"],
    ...["waiting", "no-keyring", "no-browser-sign-in", "kept", "local-network", "links-missing"],
  ].map((state) => ({ ...library, state })),
  ...["many", "offline", "deleted", "found"].map((state) => ({ ...library, state })),
  ...["one", "not-kept", "stopping", "server-unreachable"].map((state) => ({
    ...library,
    state,
    pictured,
  })),
  ...["this-computer", "signed-in", "needs-sign-in"].map((state) => ({
    ...library,
    state,
    press: ["account"],
  })),
  ...["look", "order", "recording-more", "recording-choose", "recording-open", "recording-title"].map(
    (press) => ({ ...library, state: "full", press: [press] }),
  ),
  { ...library, state: "full", press: ["look", "recording-choose"], as: "list-chosen" },
  { ...library, state: "full", width: 420, as: "narrow" },
  { ...library, state: "refusing", press: ["record"], as: "refused" },
  { ...library, state: "full", act: search("weekly"), as: "search", pictured },
  { ...library, state: "full", act: search("invoices"), as: "search-nothing" },
  { ...library, state: "full", act: (page) => card(page, 1).hover(), as: "hover" },
  {
    ...library,
    state: "full",
    act: async (page) => {
      await card(page, 1).getByTestId("recording-open").focus();
      await page.keyboard.press("ArrowRight");
    },
    as: "focus",
  },
  ...["Onboarding", "Weekly"].map((words) => ({
    ...library,
    state: "playable",
    act: async (page: Page) => {
      await search(words)(page);
      await card(page, 0).getByTestId("recording-open").click();
      await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 0);
      await page.evaluate(() => document.querySelector("video")?.pause());
      const at = page.getByTestId("player-timeline");
      await at.fill("38");
      await page.waitForFunction(() => document.querySelector("video")?.seeking === false);
    },
    as: words === "Weekly" ? "player-notes" : "player",
  })),

  ...["everything", "found", "fetching"].map((state) => ({ ...settings, state, whole })),
  ...[
    ...["full", "crashed", "lacking", "by-desktop", "asked", "declined", "ready", "unsigned", "not-updated", "taken"],
    ...["this-computer", "no-cloud"],
  ].map((state) => ({ ...settings, state, whole, pictured })),
  { ...settings, state: "crashed", press: ["crash-show"], whole },
  ...["signed-in", "lacking"].map((state) => ({
    ...settings,
    state,
    press: ["test-connection"],
    whole,
  })),
  { ...settings, state: "full", as: "opened", pictured },
  { ...settings, state: "full", width: 420, as: "narrow" },
  { ...settings, state: "full", press: ["shortcut-record"], whole },

  ...["look", "trouble", "many", "waiting", "queued", "needs"].map((name) => ({
    ...toast,
    state: `toasts-${name}`,
    as: name,
  })),
  { ...toast, state: "toasts-look", act: (page) => page.getByTestId("toast-copy").first().hover(), as: "hover" },

  ...["counting", "starting", "running", "paused", "stopping", "muted", "silent", "behind", "waits", "short", "troubled"].map(
    (state) => ({ ...bar, state }),
  ),
  ...["bar-cancel", "bar-restart"].map((press) => ({ ...bar, state: "running", press: [press] })),

  ...["empty", "kept", "running", "paused", "counting", "stopping", "found", "by-desktop"].map((state) => ({ ...quick, state })),
  { ...quick, state: "running", press: ["deed-cancel"] },

  { ...chooser, as: "begins" },
  { ...chooser, act: (page) => page.mouse.move(700, 300), as: "hover" },
  { ...chooser, press: ["[name=chooser-kind][value=window]"], as: "window" },
  { ...chooser, press: ["[name=chooser-kind][value=display]"], as: "display" },
  { ...chooser, press: ["[data-testid=preset]:last-child"], as: "region" },
  {
    ...chooser,
    act: async (page) => {
      await page.mouse.move(320, 140);
      await page.mouse.down();
      await page.mouse.move(880, 455, { steps: 4 });
    },
    as: "drag",
  },

  { ...preview, state: "playable", act: trimmed, as: "trimmed" },
  { ...preview, state: "playable", act: stilled, width: 420, height: 400, as: "narrow" },
  { ...preview, state: "preview-refused", press: ["preview-share"], as: "refused" },
  { ...preview, state: "preview-gone", as: "gone" },

  { ...welcome, state: "this-computer" },
  { ...welcome, state: "this-computer", press: ["welcome-next"] },
  {
    ...welcome,
    state: "this-computer",
    press: ["welcome-next", "welcome-microphone", "welcome-next", "cloud-own-server", "welcome-next"],
    as: "unfinished",
  },
  { ...welcome, state: "lacking", as: "lacking" },
  { ...welcome, state: "waiting", press: ["welcome-next", "welcome-microphone", "welcome-next"], as: "waiting" },
  ...["this-computer", "running", "taken"].map((state) => ({
    ...welcome,
    state,
    press: ["welcome-next", "welcome-microphone", "welcome-next", "welcome-next"],
    as: `trial-${state}`,
  })),
  {
    ...welcome,
    state: "running",
    press: ["welcome-next", "welcome-microphone", "welcome-next", "welcome-next"],
    act: (page) => page.evaluate(() => window.become("tried")),
    as: "trial-tried",
  },
];

export const pages = [...new Set(states.map(({ page }) => page))];

export const nameOf = ({ page, state, press, as }: State) =>
  [page, ...(as === undefined ? [state, ...(press ?? [])] : [as])].join("-");
