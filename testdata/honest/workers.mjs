// strict standard minimal
import { Worker } from "node:worker_threads";
const w = new Worker("require('node:worker_threads').parentPort.postMessage(6 * 7)", { eval: true });
const answer = await new Promise((done, failed) => { w.on("message", done); w.on("error", failed); });
if (answer !== 42) process.exit(1);
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
await WebAssembly.compile(bytes);
