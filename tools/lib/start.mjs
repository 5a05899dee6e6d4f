// What Node starts from: the bundle again as a script (dist/code.js), the module that runs it (dist/start.js), and V8's compiled code of it, kept
// beside the engine. Node 20 keeps none for modules, and to compile the bundle anew takes longer than all else of a start.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { addon, output, root } from './nativeBuild.mjs';

const dist = path.join(root, 'dist');
const start = path.join(dist, 'start.js');
const warm = fileURLToPath(new URL('./warm.mjs', import.meta.url));

/** `import { a as b } from "node:fs";` */
const IMPORT = /^import \{(.*)\} from "(node:[\w/]+)";$/gm;
/** The one list of names, at the bundle's end. */
const EXPORT = /^export \{\n([\s\S]*?)\n\};$/m;

/**
 * The bundle as a script: an expression whose value is a function of `process.getBuiltinModule` (an `import` of one of Node's makes a module
 * of all that it has) and of the bundle's URL, by names that no source uses. Lines stay where they were.
 */
const scriptOf = (bundle) => {
  const code = bundle
    .replace(IMPORT, (_, names, from) => `const {${names.replaceAll(' as ', ': ')}} = $builtin("${from}");`)
    .replaceAll('import.meta.url', '$url')
    .replace(EXPORT, (_, names) => `return {\n${names.replace(/(\S+) as (\w+)/g, '$2: $1')}\n};`)
    .replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return `(function($builtin, $url) {"use strict"; ${code}})`;
};

/** A number of a URL: compiled code has the URL that it was made with, which stacks tell, so a package that was moved has none. */
const numberOf = (url) => [...url].reduce((sum, c) => (Math.imul(sum, 31) + c.codePointAt(0)) >>> 0, 0);

const moduleOf = (
  names,
  hash,
) => `// What Node loads: index.js as a script, of which V8's compiled code may be at hand (tools/lib/start.mjs made this).
const builtin = process.getBuiltinModule;
const numberOf = ${numberOf};
const load = () => {
  // Node keeps source maps of modules only.
  if (process.sourceMapsEnabled) return builtin('node:module').createRequire(import.meta.url)('./index.js');
  const { readFileSync, statSync } = builtin('node:fs');
  const { Script } = builtin('node:vm');
  // Named as the bundle is, whose lines these are.
  const url = import.meta.url.replace(/start\\.js$/, 'index.js');
  const file = import.meta.dirname + '/code.js';
  const source = readFileSync(file, 'latin1');
  let cachedData;
  try {
    const kept = \`\${import.meta.dirname}/../build/Release/start-${hash}-\${numberOf(url)}-\${process.version}-\${process.arch}.cache\`;
    // V8 compares the length of a source only: code that was edited since is compiled.
    if (statSync(kept).mtimeMs >= statSync(file).mtimeMs) cachedData = readFileSync(kept);
  } catch {
    // None was made by this Node.
  }
  const main = new Script(source, { filename: url, cachedData }).runInThisContext();
  // The module of a test runner may have globals of its own; a script has Node's.
  return (main instanceof Function ? main : (0, eval)(\`\${source}\\n//# sourceURL=\${url}\`))(builtin, url);
};
export const {
${names.map((name) => `  ${name},`).join('\n')}
} = load();
`;

/** Writes code.js and start.js from the bundle index.js. */
export const writeStart = () => {
  const bundle = readFileSync(path.join(dist, 'index.js'), 'utf8');
  const names = EXPORT.exec(bundle)[1]
    .split(',')
    .map((item) => item.trim().split(' as ').at(-1));
  const code = scriptOf(bundle);
  const hash = createHash('sha256').update(code).digest('hex').slice(0, 12);
  writeFileSync(path.join(dist, 'code.js'), code);
  writeFileSync(start, moduleOf(names, hash));
};

/** Where start.js looks for V8's compiled code; undefined where there is no start.js. */
export const keptCode = () => {
  if (!existsSync(start)) return undefined;
  const hash = /start-(\w+)-/.exec(readFileSync(start, 'utf8'))[1];
  const url = pathToFileURL(path.join(dist, 'index.js')).href;
  return path.join(output, `start-${hash}-${numberOf(url)}-${process.version}-${process.arch}.cache`);
};

/**
 * Keeps V8's compiled code for this Node, where there are an engine and a dist. Without it a start takes longer, and nothing else: so a
 * failure (an engine that this machine cannot load) is told by those who use the engine.
 */
export const warmStart = () => {
  const file = keptCode();
  if (file === undefined || !existsSync(addon)) return;
  for (const name of readdirSync(output)) if (/^start-.*\.cache/.test(name)) rmSync(path.join(output, name));
  spawnSync(process.execPath, [warm, file], { stdio: 'ignore' });
};
