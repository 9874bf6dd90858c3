import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

// The share page's live player, compiled into the cloud's assets. `cargo xtask tidy` compares it.
export default defineConfig({
  publicDir: false,
  build: {
    outDir: process.env.SNAPLARK_SHARE_DIR ?? at("../crates/cloud-web/assets"),
    emptyOutDir: false,
    target: "es2022",
    // Read by whoever looks into the page.
    minify: false,
    modulePreload: false,
    lib: { entry: at("./src/share/live.ts"), formats: ["es"], fileName: () => "live.js" },
    rolldownOptions: {
      output: {
        banner:
          "// Generated from ui/src/share/live.ts by `npm run share`; not edited by hand.\n" +
          "// Length: the player by pieces, the stream and the live player, which the page loads as one file.",
      },
    },
  },
});
