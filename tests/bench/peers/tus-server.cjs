/** Serves tus uploads into a folder, and prints its address: `node tus-server.cjs FOLDER`. */
const { createRequire } = require("node:module");
const peers = createRequire(process.env.PEERS);
const { Server } = peers("@tus/server");
const { FileStore } = peers("@tus/file-store");

const [folder] = process.argv.slice(2);
const server = new Server({ path: "/files", datastore: new FileStore({ directory: folder }) });
const listening = server.listen({ host: "127.0.0.1", port: 0 }, () => {
  console.log(`http://127.0.0.1:${listening.address().port}/files`);
});
