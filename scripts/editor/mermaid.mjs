// Has Mermaid itself parse what `lazaret graph` prints. Usage: node mermaid.mjs LAZARET FILE…
import {execFileSync} from 'node:child_process';
import {JSDOM} from 'jsdom';

const {window} = new JSDOM('');
globalThis.window = window;
globalThis.document = window.document;
const {default: mermaid} = await import('mermaid');

const [lazaret, ...files] = process.argv.slice(2);
for (const file of files) {
  const text = execFileSync(lazaret, ['graph', file], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
  const {diagramType} = await mermaid.parse(text);
  console.log(`${file}: ${diagramType}`);
}
