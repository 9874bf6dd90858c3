import { fileURLToPath } from "node:url";
import { paraglideVitePlugin } from "@inlang/paraglide-js";
import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// One entry for each window: a window loads what it shows, and nothing of the others.
const windows = ["bar", "chooser", "cutter", "editor", "library", "pin", "preview", "quick", "settings", "toast", "welcome"];

/**
 * Words of others stand in our sentences as islands: without Unicode's isolates an address or a title
 * that is read from the other side tears an Arabic sentence apart. Done where messages are compiled,
 * so that no sentence can forget it.
 */
const FOREIGN = /\$\{(i\??\.(?:title|server|query|name|reason|detail|keys|version|path|folder))\}/g;
const isolateForeignWords: Plugin = {
  name: "isolate-foreign-words",
  transform(code, id) {
    if (!id.includes("/src/lib/messages/messages/")) return null;
    const isolated = code.replace(FOREIGN, "${isolate($1)}");
    if (isolated === code) return null;
    return { code: `import { isolate } from "$lib/bidi";\n${isolated}`, map: null };
  },
};

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
    isolateForeignWords,
    svelte({ preprocess: vitePreprocess(), configFile: at("./svelte.config.js") }),
  ],
  server: {
    port: 1420,
    strictPort: true,
    // The font of the export, with which the editor sets texts.
    fs: { allow: [at("."), at("../assets/fonts")] },
  },
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
