// standard minimal
import { execFileSync, spawn } from "node:child_process";
if (execFileSync("/usr/bin/sort", ["-r"], { input: "a\nb\n" }).toString() !== "b\na\n") process.exit(1);
const child = spawn("sleep", ["60"]);
child.kill();
await new Promise((done) => child.on("exit", done));
