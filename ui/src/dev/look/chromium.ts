/*!
 * Chromium, driven over the W3C protocol by its own driver: only what looking at the windows wants.
 * The pages are built once and served from this process.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview, type PreviewServer } from "vite";
import { pages } from "./states";

const START_MS = 30_000;
const SETTLED_MS = 10_000;
const config = fileURLToPath(new URL("../../../vite.config.ts", import.meta.url));
const page = (name: string) => fileURLToPath(new URL(`../${name}.html`, import.meta.url));

export class Chromium {
  private constructor(
    private readonly folder: string,
    private readonly driver: ChildProcess,
    private readonly session: string,
    private readonly server: PreviewServer,
  ) {}

  static async start(): Promise<Chromium> {
    const folder = await mkdtemp(join(tmpdir(), "snaplark-look-"));
    const outDir = join(folder, "pages");
    const input = Object.fromEntries(pages.map((name) => [name, page(name)]));
    await build({
      configFile: config,
      logLevel: "error",
      build: { outDir, emptyOutDir: true, minify: false, rolldownOptions: { input } },
    });
    const server = await preview({
      configFile: config,
      logLevel: "error",
      build: { outDir },
      preview: { port: 0, host: "127.0.0.1" },
    });
    const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
    const session = await open(await portOf(driver), join(folder, "profile"));
    return new Chromium(folder, driver, session, server);
  }

  async end() {
    await ask("DELETE", this.session).catch(() => undefined);
    this.driver.kill();
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Opens a page, and waits until nothing on it moves and its letters are there. */
  async open(name: string, query: Record<string, string>) {
    const base = this.server.resolvedUrls?.local[0] ?? "";
    await this.post("url", { url: `${base}dev/${name}.html?${new URLSearchParams(query)}` });
    const until = Date.now() + SETTLED_MS;
    while (!(await this.run("return Boolean(document.body.firstElementChild)"))) {
      if (Date.now() > until) throw new Error(`${name} ${JSON.stringify(query)} shows nothing`);
    }
    await this.async(
      `const done = arguments[0];
       const painted = () => new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)));
       (async () => {
         await document.fonts.ready;
         await painted();
         await Promise.allSettled(document.getAnimations().map((one) => one.finished));
         await painted();
       })().then(() => done(true));`,
    );
  }

  run<T>(script: string, ...args: unknown[]): Promise<T> {
    return this.post("execute/sync", { script, args }) as Promise<T>;
  }

  async<T>(script: string, ...args: unknown[]): Promise<T> {
    return this.post("execute/async", { script, args }) as Promise<T>;
  }

  /** A command of Chromium's own protocol. */
  devtools<T>(cmd: string, params: object = {}): Promise<T> {
    return this.post("goog/cdp/execute", { cmd, params }) as Promise<T>;
  }

  private post(path: string, body: object): Promise<unknown> {
    return ask("POST", `${this.session}/${path}`, body);
  }
}

function portOf(driver: ChildProcess): Promise<number> {
  return new Promise((found, failed) => {
    let said = "";
    driver.stdout?.on("data", (text) => {
      said += String(text);
      const port = /successfully on port (\d+)/.exec(said)?.[1];
      if (port !== undefined) found(Number(port));
    });
    driver.on("error", failed);
    driver.on("exit", () => failed(new Error(`chromedriver ends: ${said}`)));
  });
}

async function open(port: number, profile: string): Promise<string> {
  const address = `http://127.0.0.1:${port}`;
  const args = [
    "--headless=new",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    `--user-data-dir=${profile}`,
    // Chromium refuses its sandbox as root, as containers run it.
    ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
  ];
  const capabilities = {
    alwaysMatch: { browserName: "chrome", "goog:chromeOptions": { args } },
  };
  const until = Date.now() + START_MS;
  for (;;) {
    try {
      const { sessionId } = (await ask("POST", `${address}/session`, { capabilities })) as {
        sessionId: string;
      };
      return `${address}/session/${sessionId}`;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
  }
}

async function ask(method: string, url: string, body?: object): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  const answer = await fetch(url, init);
  const { value } = (await answer.json()) as { value: { message?: string } | null };
  if (!answer.ok) throw new Error(value?.message ?? `${answer.status}`);
  return value;
}
