/*! Every window in every state that looks different, for whoever looks at them: tests and pictures. */
import type { Page } from "playwright";

export interface State {
  page: string;
  /** The name of a scene of `scenes.ts`. */
  state: string;
  /** The elements that are pressed first, in order: test ids, or selectors if there is none. */
  press?: readonly string[];
  /** The steps that follow, by pointer and keys. */
  act?: (page: Page) => Promise<void>;
  /** Its name, where scene and presses don't make a good one. */
  as?: string;
  /** Marks a state that is pictured, but not tested, because another state tests the same. */
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
const editor = { page: "editor", width: 1180, height: 760 };
const cutter = { page: "cutter", width: 1180, height: 780 };
const pin = { page: "pin", width: 480, height: 300 };
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
/** The picture is there, with what is computed of it. */
const drawn = async (page: Page) => {
  await page.locator("[data-testid=stage][data-loaded=true]").waitFor();
};
/** The recording is there, with a picture of it that stands still; then keys are pressed. */
const cutBy = (...all: string[]) => async (page: Page) => {
  await stilled(page);
  await page.evaluate(() => document.fonts.ready);
  for (const key of all) await page.keyboard.press(key);
  await page.waitForFunction(() => document.querySelector("video")?.seeking === false);
};
/** Presses keys on the picture, one after the other. */
const keys = (...all: string[]) => async (page: Page) => {
  await drawn(page);
  await page.getByTestId("stage").focus();
  for (const key of all) await page.keyboard.press(key);
  await drawn(page);
};
const drag = async (page: Page, from: [number, number], to: [number, number]) => {
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 6 });
  await page.mouse.up();
};
const card = (page: Page, n: number) => page.getByTestId("recording").nth(n);

export const states: readonly State[] = [
  ...[
    ...["full", "empty", "running", "this-computer", "no-cloud", "taken", "needs-sign-in"],
    ...["waiting", "no-keyring", "no-browser-sign-in", "kept", "local-network", "links-missing"],
  ].map((state) => ({ ...library, state })),
  ...["many", "offline", "deleted", "found", "jobs"].map((state) => ({ ...library, state })),
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
  { ...library, state: "pictures", press: ["filter-pictures"], as: "pictures" },
  { ...library, state: "pictures", press: ["filter-all"], as: "pictures-and-recordings" },
  { ...library, state: "full", press: ["filter-pictures"], as: "pictures-none" },
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
  { ...library, state: "several-places", press: ["recording-more"] },
  { ...library, state: "several-places", press: ["recording-open", "[data-testid=uploads] summary"], as: "uploads" },
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
    ...["this-computer", "no-cloud", "other-servers"],
  ].map((state) => ({ ...settings, state, whole, pictured })),
  { ...settings, state: "crashed", press: ["crash-show"], whole },
  ...["signed-in", "lacking"].map((state) => ({
    ...settings,
    state,
    press: ["test-connection"],
    whole,
  })),
  { ...settings, state: "this-computer", press: ["cloud-bucket", "bucket-use"], whole },
  { ...settings, state: "this-computer", press: ["cloud-folder", "folder-use"], whole },
  { ...settings, state: "folder-missing", whole },
  { ...settings, state: "several-places", whole },
  { ...settings, state: "full", as: "opened", pictured },
  { ...settings, state: "full", width: 420, as: "narrow" },
  { ...settings, state: "full", press: ["shortcut-record"], whole },

  ...[
    "look",
    "trouble",
    "many",
    "waiting",
    "queued",
    "needs",
    "pictures",
    "pictures-online",
    "pictures-trouble",
  ].map((name) => ({
    ...toast,
    state: `toasts-${name}`,
    as: name,
  })),
  { ...toast, state: "toasts-look", act: (page) => page.getByTestId("toast-copy").first().hover(), as: "hover" },

  ...["counting", "delayed", "starting", "running", "paused", "stopping", "muted", "silent", "behind", "waits", "short", "troubled"].map(
    (state) => ({ ...bar, state }),
  ),
  ...["bar-cancel", "bar-restart"].map((press) => ({ ...bar, state: "running", press: [press] })),

  ...["empty", "kept", "running", "paused", "counting", "stopping", "found", "by-desktop"].map((state) => ({ ...quick, state })),
  { ...quick, state: "running", press: ["entry-cancel"] },

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

  { ...chooser, state: "frozen", act: (page) => page.mouse.move(700, 300), as: "screenshot" },
  { ...chooser, state: "frozen", press: ["[data-testid=preset]:last-child"], as: "screenshot-area" },

  { ...preview, state: "playable", act: trimmed, as: "trimmed" },
  { ...preview, state: "playable", act: stilled, width: 420, height: 400, as: "narrow" },
  { ...preview, state: "preview-refused", press: ["preview-share"], as: "refused" },
  { ...preview, state: "preview-gone", as: "gone" },

  { ...editor, state: "no-picture", as: "empty" },
  { ...editor, state: "full", act: drawn, as: "plain" },
  { ...editor, state: "marked", act: drawn, as: "marked" },
  ...["select", "arrow", "line", "box", "ellipse", "pen", "marker", "text", "step", "emoji", "cover", "pixelate", "blur", "spotlight"].map(
    (tool) => ({ ...editor, state: "full", press: [`tool-${tool}`], act: drawn, as: `tool-${tool}` }),
  ),
  {
    ...editor,
    state: "marked",
    press: ["tool-select", "objects"],
    act: async (page) => {
      await keys("Tab", "Tab", "Tab", "Tab", "Tab", "Tab")(page);
    },
    as: "selected",
  },
  { ...editor, state: "marked", press: ["tool-select", "objects"], act: keys("Control+a"), as: "several" },
  {
    ...editor,
    state: "full",
    press: ["tool-spotlight"],
    act: async (page) => {
      await drawn(page);
      await drag(page, [760, 220], [1000, 320]);
    },
    as: "spotlight",
  },
  {
    ...editor,
    state: "marked",
    press: ["tool-text"],
    act: async (page) => {
      await keys("Enter")(page);
      await page.keyboard.type("Why is this\nnegative?");
    },
    as: "text",
  },
  { ...editor, state: "marked", press: ["tool-crop"], act: async (page) => {
      await drawn(page);
      await drag(page, [300, 220], [980, 640]);
    }, as: "crop" },
  { ...editor, state: "picture-backed", press: ["background"], act: drawn, as: "background" },
  { ...editor, state: "full", press: ["resize"], act: drawn, as: "resize" },
  { ...editor, state: "picture-online", act: drawn, as: "online" },
  { ...editor, state: "picture-offline", act: drawn, as: "offline" },
  { ...editor, state: "animation", act: drawn, as: "animation" },
  { ...editor, state: "animation-drawn", act: drawn, as: "animation-drawn" },
  { ...editor, state: "picture-uploading", act: drawn, as: "uploading" },
  { ...editor, state: "full", act: keys("w", "Enter"), as: "words" },
  { ...editor, state: "full", act: keys("w"), as: "words-area" },
  { ...editor, state: "picture-wordless", act: keys("w", "Enter"), as: "words-none" },
  { ...editor, state: "picture-engineless", act: keys("w", "Enter"), as: "words-engineless" },
  { ...editor, state: "full", press: ["keys"], act: drawn, as: "keys" },
  { ...editor, state: "full", press: ["more"], act: drawn, as: "menu" },
  { ...editor, state: "picture-refused", press: ["copy"], act: drawn, as: "refused" },
  { ...editor, state: "marked", act: drawn, width: 640, height: 480, as: "narrow" },

  { ...cutter, state: "cut-plain", act: cutBy(), as: "plain" },
  { ...cutter, state: "cut", act: cutBy("Home"), as: "cut" },
  { ...cutter, state: "cut-online", act: cutBy("End"), as: "online" },
  { ...cutter, state: "cut-plain", act: cutBy(...Array<string>(12).fill("Shift+ArrowRight"), "i", ...Array<string>(9).fill("Shift+ArrowRight"), "o"), as: "selection" },
  {
    ...cutter,
    state: "cut",
    act: async (page) => {
      await cutBy()(page);
      await page.getByTestId("cutter-cover-item").first().getByRole("button").first().click();
      await cutBy()(page);
    },
    as: "cover",
  },
  {
    ...cutter,
    state: "cut",
    act: async (page) => {
      await cutBy()(page);
      await page.getByTestId("cutter-chapter-title").last().focus();
      await cutBy()(page);
    },
    as: "chapter",
  },
  { ...cutter, state: "cut", press: ["cover"], act: cutBy(), as: "placing" },
  { ...cutter, state: "cut", act: cutBy("+", "+", "+", "+"), as: "zoomed" },
  { ...cutter, state: "cut-silent", act: cutBy(), as: "silent", pictured },
  { ...cutter, state: "cut-newer", act: cutBy(), as: "newer" },
  { ...cutter, state: "cut-gone", as: "gone" },
  { ...cutter, state: "cut", press: ["keys"], act: stilled, as: "keys" },
  { ...cutter, state: "cut", press: ["export", "export-gif"], act: stilled, as: "export" },
  { ...cutter, state: "cut-exporting", act: cutBy(), as: "exporting" },
  {
    ...cutter,
    state: "cut",
    act: async (page) => {
      await cutBy()(page);
      await page.getByTestId("cutter-cover-item").last().getByRole("button").first().click();
      await cutBy()(page);
    },
    as: "blurred",
  },
  { ...cutter, state: "cut", act: cutBy("Home"), width: 640, height: 560, as: "narrow" },

  { ...pin, state: "full", act: async (page) => {
      await page.waitForFunction(() => (document.querySelector("canvas")?.width ?? 0) === 720);
      await page.getByTestId("pin").hover();
    }, as: "hover" },
  { ...pin, state: "pin-gone", as: "gone" },

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
