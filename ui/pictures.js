// `npm run pictures -- FOLDER DOCUMENTS [NAME]`. Node doesn't read TypeScript; Vite does.
import { runnerImport } from "vite";

const [folder, documents, only] = process.argv.slice(2);
const { module } = await runnerImport("./src/dev/look/pictures.ts");
console.log(`${await module.pictures(folder, only)} pictures in ${folder}`);
console.log(`${await module.documents(documents)} pictures in ${documents}`);
