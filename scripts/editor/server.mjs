// Opens a definition in the YAML language server as an editor would, with the
// schema that `lazaret schema` prints, and holds it to hover, completion and
// diagnostics. Usage: node server.mjs SCHEMA
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {createRequire} from 'node:module';
import {pathToFileURL} from 'node:url';
import path from 'node:path';

const home = path.dirname(createRequire(import.meta.url).resolve('yaml-language-server/package.json'));
const server = spawn(process.execPath, [path.join(home, 'bin/yaml-language-server'), '--stdio'], {stdio: ['pipe', 'pipe', 'inherit']});
const schema = pathToFileURL(path.resolve(process.argv[2])).href;

let received = Buffer.alloc(0);
let last = 0;
const waiting = new Map(); // answers by id, notifications by method
const send = message => {
  const text = JSON.stringify({jsonrpc: '2.0', ...message});
  server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
};
const notify = (method, params) => send({method, params});
const ask = (method, params) => new Promise((resolve, reject) => {
  const id = ++last;
  waiting.set(id, message => message.error ? reject(new Error(message.error.message)) : resolve(message.result));
  send({id, method, params});
});
const settings = {yaml: {schemas: {[schema]: '/*.yaml'}, hover: true, completion: true, validate: true}};
server.stdout.on('data', data => {
  received = Buffer.concat([received, data]);
  for (;;) {
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, end))[1]);
    if (received.length < end + 4 + length) return;
    const message = JSON.parse(received.subarray(end + 4, end + 4 + length));
    received = received.subarray(end + 4 + length);
    take(message);
  }
});
function take(message) {
  if (message.method && message.id !== undefined) { // the server asks
    const result = message.method === 'workspace/configuration' ? message.params.items.map(item => settings[item.section] ?? {}) : null;
    send({id: message.id, result});
    return;
  }
  const key = message.method ? `${message.method} ${message.params?.uri ?? ''}` : message.id;
  waiting.get(key)?.(message);
}

const document = text => {
  const uri = `file:///definition-${++last}.yaml`;
  const diagnosed = new Promise(resolve => waiting.set(`textDocument/publishDiagnostics ${uri}`, m => resolve(m.params.diagnostics)));
  notify('textDocument/didOpen', {textDocument: {uri, languageId: 'yaml', version: 1, text}});
  return {uri, diagnosed, at: place => {
    const before = text.slice(0, text.indexOf(place) + place.length).split('\n');
    return {textDocument: {uri}, position: {line: before.length - 1, character: before.at(-1).length}};
  }};
};
const hover = async (d, place) => {
  const answer = await ask('textDocument/hover', d.at(place));
  return (answer?.contents?.value ?? '').toString();
};
const complete = async (d, place) => (await ask('textDocument/completion', d.at(place))).items.map(item => item.label);

setTimeout(() => { console.error('the language server did not answer'); process.exit(1); }, 60_000).unref();
await ask('initialize', {processId: process.pid, rootUri: null, capabilities: {
  workspace: {configuration: true}, textDocument: {publishDiagnostics: {}, completion: {completionItem: {snippetSupport: true}}, hover: {contentFormat: ['markdown']}},
}});
notify('initialized', {});
notify('workspace/didChangeConfiguration', {settings});

const head = 'document:\n  dsl: 1.0.3\n  namespace: test\n  name: sample\n  version: 1.0.0\ndo:\n';

const good = document(head + '  - greet:\n      set: {greeting: hello}\n  - pause:\n      wait: PT1S\n  - report:\n      run:\n        script:\n          language: python\n          code: print(1)\n');
assert.deepEqual(await good.diagnosed, [], 'a good definition has no diagnostics');
for (const [place, expected] of [
  ['nam', /namespace/i], ['ds', /version/i], ['d', /called|version/i], ['wai', /wait|time|long/i], ['langua', /python/i], ['cod', /script/i],
]) {
  const text = await hover(good, place);
  assert.match(text, expected, `hover at ${place}: ${text}`);
  console.log(`hover ${place}: ${text.replaceAll(/\s+/g, ' ')}`);
}

const bad = document(head + '  - greet:\n      set: {x: 1}\n      thne: end\n  - report:\n      run: {script: {language: python}}\n');
const diagnostics = await bad.diagnosed;
console.log('diagnostics:', diagnostics.map(d => `${d.range.start.line + 1}:${d.range.start.character + 1} ${d.message}`));
assert.ok(diagnostics.some(d => /thne/.test(d.message) && d.range.start.line === 8), 'an unknown property is marked at its line');

const top = document('document:\n  dsl: 1.0.3\n  namespace: test\n  name: sample\n  version: 1.0.0\n\n');
const labels = await complete(top, '1.0.0\n');
for (const label of ['do', 'input', 'output', 'use', 'timeout', 'schedule']) assert.ok(labels.includes(label), `completion offers ${label}: ${labels}`);
console.log('completion of a document:', labels.join(' '));

const task = document(head + '  - greet:\n      \n');
const kinds = await complete(task, 'greet:\n      ');
for (const label of ['set', 'call', 'run', 'wait', 'for', 'try']) assert.ok(kinds.includes(label), `completion offers ${label}: ${kinds}`);
console.log('completion of a task:', kinds.join(' '));

const more = document(head + '  - greet:\n      set: {x: 1}\n      \n');
const rest = await complete(more, 'x: 1}\n      ');
for (const label of ['if', 'input', 'output', 'export', 'timeout', 'then', 'metadata']) assert.ok(rest.includes(label), `completion offers ${label}: ${rest}`);
console.log('completion of a set task:', rest.join(' '));

const run = document(head + '  - report:\n      run:\n        return: \n');
const forms = await complete(run, 'return: ');
for (const label of ['stdout', 'stderr', 'code', 'all', 'none']) assert.ok(forms.includes(label), `completion offers ${label}: ${forms}`);
console.log('completion of run.return:', forms.join(' '));

await ask('shutdown', null);
notify('exit');
