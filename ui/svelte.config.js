/** What comes with packages is as it is. */
const dynamicCompileOptions = ({ filename }) =>
  filename.includes("node_modules") ? { runes: undefined } : undefined;

/** @type {import("@sveltejs/vite-plugin-svelte").SvelteConfig} */
export default { compilerOptions: { runes: true }, vitePlugin: { dynamicCompileOptions } };
