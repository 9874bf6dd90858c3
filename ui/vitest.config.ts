import { playwright } from "@vitest/browser-playwright";
import { defineConfig, mergeConfig } from "vitest/config";
import { launch } from "./src/dev/look/installed.ts";
import windows from "./vite.config.ts";

/** Windows in a window, as people have them: in the Chromium that is installed. */
const browser = {
  enabled: true,
  headless: true,
  screenshotFailures: false,
  // Two runs at once each have their own.
  api: { strictPort: false },
  viewport: { width: 1280, height: 720 },
  provider: playwright({
    launchOptions: launch,
    // Tests read one language and one clock, wherever they run.
    contextOptions: { locale: "en-GB", timezoneId: "UTC" },
  }),
  instances: [{ browser: "chromium" as const }],
};

export default mergeConfig(
  windows,
  defineConfig({
    test: {
      projects: [
        {
          extends: true,
          test: {
            name: "look",
            include: ["dev/**/*.test.ts"],
            environment: "node",
          },
        },
        {
          extends: true,
          test: {
            name: "windows",
            include: ["{lib,share,windows}/**/*.test.ts"],
            setupFiles: ["dev/patience.ts"],
            expect: { poll: { timeout: 8_000 } },
            browser,
          },
        },
      ],
    },
  }),
);
