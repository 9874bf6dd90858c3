import { fileURLToPath } from "node:url";
import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// One entry for each window: a window loads what it shows, and nothing of the others.
const windows = ["bar", "chooser", "library", "quick", "settings", "toast", "welcome"];

export default defineConfig({
  root: at("./src"),
  base: "./",
  clearScreen: false,
  resolve: { alias: { $lib: at("./src/lib") } },
  plugins: [
    paraglideVitePlugin({
      project: at("./project.inlang"),
      outdir: at("./src/lib/messages"),
      strategy: ["globalVariable", "baseLocale"],
      emitGitIgnore: false,
    }),
    svelte({ preprocess: vitePreprocess(), configFile: at("./svelte.config.js") }),
  ],
  server: { port: 1420, strictPort: true },
  build: {
    outDir: at("./dist"),
    emptyOutDir: true,
    // WebKitGTK 2.44, WKWebView of macOS 14.5, WebView2: all know light-dark() and nesting.
    target: ["safari17.5", "chrome123"],
    // The content policy has no data: for fonts and pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: Object.fromEntries(windows.map((name) => [name, at(`./src/windows/${name}/index.html`)])),
    },
  },
});
