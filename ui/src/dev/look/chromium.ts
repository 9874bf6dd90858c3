/*! Chromium on the pages of `dev/`, which are built once and served from this process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright";
import { build, preview, type PreviewServer } from "vite";
import { launch } from "./installed";
import { pages, type State } from "./states";

const config = fileURLToPath(new URL("../../../vite.config.ts", import.meta.url));
const source = (page: string) => fileURLToPath(new URL(`../${page}.html`, import.meta.url));
/** A Friday afternoon, whenever one looks. */
const NOW = new Date("2026-01-16T14:20:00Z");

export class Chromium {
  private constructor(
    private readonly folder: string,
    private readonly server: PreviewServer,
    private readonly browser: Browser,
  ) {}

  static async start(): Promise<Chromium> {
    const folder = await mkdtemp(join(tmpdir(), "snaplark-look-"));
    const input = Object.fromEntries([...pages, "desk"].map((page) => [page, source(page)]));
    await build({
      configFile: config,
      logLevel: "error",
      build: { outDir: folder, emptyOutDir: true, minify: false, rolldownOptions: { input } },
    });
    const server = await preview({
      configFile: config,
      logLevel: "error",
      build: { outDir: folder },
      preview: { port: 0, host: "127.0.0.1" },
    });
    return new Chromium(folder, server, await chromium.launch(launch));
  }

  async end() {
    await this.browser.close();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async page(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({
      locale: "en-GB",
      timezoneId: "UTC",
      baseURL: this.server.resolvedUrls?.local[0] ?? "",
      ...options,
    });
    const page = await context.newPage();
    await page.clock.setFixedTime(NOW);
    return page;
  }
}

/** Opens it, and does what is to be done with it. */
export async function show(page: Page, one: State, query: Record<string, string> = {}) {
  const { width, height, state, press = [], act } = one;
  await page.setViewportSize({ width, height });
  const wanted = new URLSearchParams({ state, ...query });
  for (const what of press) wanted.append("press", what);
  await page.mouse.move(0, 0);
  await page.goto(`dev/${one.page}.html?${wanted}`);
  await page.evaluate(() => window.shown);
  await act?.(page);
  await settle(page);
  await fit(page, one);
}

/** Makes the page as high as its content, if the state asks for it. */
export async function fit(page: Page, { width, height, whole }: State) {
  if (!whole) return;
  const high = await page.evaluate(() => document.querySelector("main")?.scrollHeight ?? 0);
  await page.setViewportSize({ width, height: Math.max(height, high) });
  await settle(page);
}

/** Waits until nothing moves and the fonts are loaded. */
export async function settle(page: Page) {
  await page.evaluate(async () => {
    const painted = () =>
      new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));
    await document.fonts.ready;
    await painted();
    await Promise.allSettled(document.getAnimations().map((one) => one.finished));
    await painted();
  });
}
