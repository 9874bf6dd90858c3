// `npm run pictures -- FOLDER`. Node doesn't read TypeScript; Vite does.
import { resolve } from "node:path";
import { runnerImport } from "vite";

const folder = resolve(process.argv[2] ?? "../target/pictures/windows");
const { module } = await runnerImport("./src/dev/look/pictures.ts");
console.log(`${await module.pictures(folder)} pictures in ${folder}`);
