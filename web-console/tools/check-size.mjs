// The first load: the page, what it needs before anything shows, and the overview. Other pages come when they are opened.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT_KB = 300;
const dist = new URL("../dist/", import.meta.url);
const read = (path) => readFileSync(new URL(path, dist));
const manifest = JSON.parse(read(".vite/manifest.json"));

const files = new Set(["index.html", "color-scheme.js", "icon.svg"]);
function add(module) {
  const { file, css = [], imports = [] } = manifest[module];
  if (files.has(file)) return;
  for (const each of [file, ...css]) files.add(each);
  imports.forEach(add);
}
add("index.html");
add("src/pages/overview.tsx");

const kB = [...files].reduce((sum, path) => sum + gzipSync(read(path)).length / 1000, 0);
console.log(`first load: ${kB.toFixed(0)} kB compressed in ${files.size} files (limit: ${LIMIT_KB} kB)`);
process.exit(kB > LIMIT_KB ? 1 : 0);
