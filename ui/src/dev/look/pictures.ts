/*!
 * `npm run pictures -- FOLDER`: every window and state as a picture, in the dark, in the light and from
 * the right, once and twice as large; and with text twice as large. And those of the documents.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Chromium, fit, settle, show } from "./chromium";
import { nameOf, states } from "./states";

/** The looks of each state. Those of one language share a page. */
const LOOKS = [
  { lang: "en", name: "light", theme: "light", scales: [1, 2] },
  { lang: "en", name: "dark", theme: "dark", scales: [1, 2] },
  { lang: "en", name: "large", theme: "light", scales: [1], text: "200%" },
  { lang: "de", name: "german", theme: "light", scales: [1] },
  { lang: "de", name: "german-large", theme: "light", scales: [1], text: "200%" },
  { lang: "ar", name: "rtl", theme: "light", scales: [1, 2] },
  { lang: "ar", name: "rtl-dark", theme: "dark", scales: [1] },
];

/** The background behind transparent windows. */
const DESKTOP = "light-dark(#e2e5f0, #0f1018)";

/** Takes the pictures whose names contain `only`. */
export async function pictures(folder: string, only = ""): Promise<number> {
  await mkdir(folder, { recursive: true });
  const chromium = await Chromium.start();
  let taken = 0;
  try {
    const page = await chromium.page({ reducedMotion: "reduce" });
    const devtools = await page.context().newCDPSession(page);
    for (const one of states.filter((one) => nameOf(one).includes(only))) {
      for (const lang of ["en", "de", "ar"]) {
        await devtools.send("Emulation.clearDeviceMetricsOverride");
        await show(page, one, { lang, theme: "light" });
        for (const { name, theme, scales, text } of LOOKS.filter((look) => look.lang === lang)) {
          await page.evaluate(
            ({ theme, text, desktop }) => {
              document.documentElement.dataset.theme = theme;
              document.documentElement.style.fontSize = text;
              document.documentElement.style.background = desktop;
            },
            { theme, text: text ?? "", desktop: DESKTOP },
          );
          await fit(page, one);
          for (const deviceScaleFactor of scales) {
            const size = { ...page.viewportSize()!, deviceScaleFactor, mobile: false };
            await devtools.send("Emulation.setDeviceMetricsOverride", size);
            await settle(page);
            const { data } = await devtools.send("Page.captureScreenshot");
            const file = `${nameOf(one)}-${name}@${deviceScaleFactor}x.png`;
            await writeFile(join(folder, file), Buffer.from(data, "base64"));
            taken += 1;
          }
        }
      }
    }
  } finally {
    await chromium.end();
  }
  return taken;
}

const BOTH = [{ theme: "light" }, { theme: "dark" }];
/** The pictures in README and docs: scenes of `desk.ts`, with sizes in CSS pixels. */
const SHOWN = [
  { scene: "library", width: 976, height: 676, in: BOTH },
  { scene: "recording", width: 968, height: 452, in: BOTH },
  { scene: "settings", width: 800, height: 640, in: BOTH },
  { scene: "player", width: 880, height: 640, in: [{ theme: "dark" }] },
  { scene: "welcome", width: 720, height: 600, in: [{ theme: "light" }] },
  { scene: "library", width: 976, height: 676, in: [{ theme: "dark", lang: "ar" }] },
];

/** The same bytes as long as the windows look the same. */
export async function documents(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  const chromium = await Chromium.start();
  let taken = 0;
  try {
    const page = await chromium.page({ deviceScaleFactor: 1.5, reducedMotion: "reduce" });
    const take = async (name: string) => {
      await page.screenshot({ path: join(folder, `${name}.png`) });
      taken += 1;
    };
    for (const { scene, width, height, in: looks } of SHOWN) {
      for (const look of looks) {
        await page.setViewportSize({ width, height });
        await page.goto(`dev/desk.html?${new URLSearchParams({ scene, ...look })}`);
        await page.evaluate(() => window.shown);
        await settle(page);
        await take([scene, ...Object.values(look)].join("-"));
      }
    }
    await show(page, states.find((one) => nameOf(one) === "chooser-region")!, { theme: "dark" });
    await take("chooser");
  } finally {
    await chromium.end();
  }
  return taken;
}
