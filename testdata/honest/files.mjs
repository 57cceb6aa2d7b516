// standard minimal
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
await mkdir("/scratch/a/b", { recursive: true });
await writeFile("/scratch/a/b/c", "x".repeat(100000));
console.log((await readFile("/scratch/a/b/c", "utf8")).length);
await rm("/scratch/a", { recursive: true });
