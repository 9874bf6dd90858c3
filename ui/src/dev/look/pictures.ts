/*! `npm run pictures -- FOLDER`: every window and state as a picture, in the dark, in the light and from
 * the right, once and twice as large. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Chromium } from "./chromium";
import { nameOf, states } from "./states";

const LOOKS = [
  { name: "light", query: { theme: "light" } },
  { name: "dark", query: { theme: "dark" } },
  { name: "rtl", query: { theme: "light", lang: "ar" } },
];
const SCALES = [1, 2];

export async function pictures(folder: string): Promise<number> {
  await mkdir(folder, { recursive: true });
  const chromium = await Chromium.start();
  let taken = 0;
  try {
    for (const one of states) {
      for (const look of LOOKS) {
        for (const deviceScaleFactor of SCALES) {
          const { page, state, press, width, height } = one;
          const size = { width, height, deviceScaleFactor, mobile: false };
          await chromium.devtools("Emulation.setDeviceMetricsOverride", size);
          await chromium.open(page, { state, ...(press ? { press } : {}), ...look.query });
          const { data } = await chromium.devtools<{ data: string }>("Page.captureScreenshot");
          const file = `${nameOf(one)}-${look.name}@${deviceScaleFactor}x.png`;
          await writeFile(join(folder, file), Buffer.from(data, "base64"));
          taken += 1;
        }
      }
    }
  } finally {
    await chromium.end();
  }
  return taken;
}
