// Starts a user's script: hands it its arguments and gets out of its way. The
// script is an ES module in a file of its own, so its line numbers are its own.
import { readFileSync } from "node:fs";

// The descriptor of the arguments is this program's own argument, if there are any.
function readArguments() {
  const descriptor = process.argv[2];
  if (descriptor === undefined) return undefined;
  return JSON.parse(Buffer.from(readFileSync(Number(descriptor), "ascii"), "base64").toString("utf8"));
}

const word = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function options(values) {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === null || value === false) return [];
    return value === true ? ["--" + name] : ["--" + name, word(value)];
  });
}

const script = "/lazaret/script.mjs";
const values = readArguments();
process.argv = [process.argv[0], script];
if (Array.isArray(values)) {
  process.argv.push(...values.map(word));
} else if (values !== undefined) {
  process.argv.push(...options(values));
  for (const [name, value] of Object.entries(values)) globalThis[name] = value;
}
await import(script);
