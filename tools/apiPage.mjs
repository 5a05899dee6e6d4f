// Writes docs/api.md from the declarations of the public names: each with its arguments and the first sentence of its JSDoc.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const types = path.join(root, 'dist', 'types');

/** What an index file exports as values, in its order: `{ name, own, file }`, where `own` is the name in the file. */
const exportsOf = (index) => {
  const text = readFileSync(path.join(types, index), 'utf8');
  return [...text.matchAll(/^export (?:\{([^}]+)\}|\*) from '\.\/(.+)\.js';$/gm)].flatMap(([, names, file]) => {
    const list = names === undefined ? exportedBy(file) : names.split(',').map((name) => name.trim());
    return list
      .filter((name) => name !== '' && !name.startsWith('type '))
      .map((name) => {
        const [own, as = own] = name.split(' as ');
        return { name: as, own, file };
      });
  });
};

const declarations = (file) => readFileSync(path.join(types, `${file}.d.ts`), 'utf8');

/** The values that a file declares. */
const exportedBy = (file) =>
  [...declarations(file).matchAll(/^export declare (?:abstract )?(?:const|function|class) (\w+)/gm)].map(
    ([, name]) => name,
  );

/** The text between the bracket at `at` and the one that closes it. */
const inside = (text, at) => {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if ('([{<'.includes(text[i])) depth++;
    else if (')]}'.includes(text[i]) || (text[i] === '>' && text[i - 1] !== '=')) depth--;
    if (depth === 0) return text.slice(at + 1, i);
  }
  return '';
};

/** The names of arguments, a `?` where one may be left out. */
const names = (list) => {
  const parts = [''];
  let depth = 0;
  for (let i = 0; i < list.length; i++) {
    const c = list[i];
    if ('([{<'.includes(c)) depth++;
    else if (')]}'.includes(c) || (c === '>' && list[i - 1] !== '=')) depth--;
    if (c === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += c;
  }
  return parts
    .map((part) => /^\s*(?:\/\*[\s\S]*?\*\/\s*)?(\.{3})?(\w+)(\?)?:/.exec(part))
    .filter((match) => match !== null)
    .map(([, rest = '', name, optional = '']) => `${rest}${name}${optional}`)
    .join(', ');
};

/** `(x, options?)` of a declaration, by its type's alias where it has one; '' of what is not called. */
const argumentsOf = (text, rest) => {
  const generic = rest.startsWith('<') ? rest.slice(inside(rest, 0).length + 2) : rest;
  if (generic.startsWith('(')) return `(${names(inside(generic, 0))})`;
  const alias = /^(\w+)\b/.exec(rest)?.[1];
  const found = alias === undefined ? null : new RegExp(`^(?:export )?type ${alias}(?:<[^=]*>)? = `, 'm').exec(text);
  if (found !== null) return argumentsOf(text, text.slice(found.index + found[0].length));
  const called =
    alias === undefined
      ? null
      : new RegExp(`^(?:export )?interface ${alias}\\b[^{]*\\{\\s*(?:/\\*\\*[sS]*?\\*/\\s*)?\\(`, 'm').exec(text);
  return called === null ? '' : `(${names(inside(text, called.index + called[0].length - 1))})`;
};

/** The first sentence of the comment before a place, on one line. */
const sentenceBefore = (text, at) => {
  const comment = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(text.slice(0, at))?.[1];
  if (comment === undefined) return '';
  const words = comment
    .replaceAll(/^\s*\* ?/gm, '')
    .split(/\n\s*\n|@/)[0]
    .replaceAll(/\s+/g, ' ')
    .trim();
  const end = /[.:](?= [A-Z`]|$)|:(?= )/.exec(
    words.replaceAll(/`[^`]*`|\([^)]*\)/g, (part) => '_'.repeat(part.length)),
  );
  return words.slice(0, end === null ? undefined : end.index).replaceAll('|', '\\|');
};

/** The public methods and accessors that a class declares. */
const membersOf = (body) =>
  [...new Set([...body.matchAll(/^ {4}(?:get |static )?(\w+)(?:<[^(\n]*>)?\(/gm)].map(([, name]) => name))].filter(
    (name) => name !== 'constructor',
  );

const describe = ({ name, own, file }, prefix) => {
  const text = declarations(file);
  const found = new RegExp(`^export declare (?:abstract )?(const|function|class) ${own}\\b(?:: )?`, 'm').exec(text);
  if (found === null) {
    const passed = new RegExp(`^export \\{[^}]*\\b${own}\\b[^}]*\\} from '\\./(.+)\\.js';`, 'm').exec(text);
    return describe({ name, own, file: path.posix.join(path.posix.dirname(file), passed[1]) }, prefix);
  }
  const sentence = sentenceBefore(text, found.index);
  const rest = text.slice(found.index + found[0].length);
  if (found[1] !== 'class') return `| \`${prefix}${name}${argumentsOf(text, rest)}\` | ${sentence} |`;
  const body = inside(rest, rest.indexOf('{'));
  const made = /^ {4}constructor\(/m.exec(body);
  const members = membersOf(body);
  const told =
    members.length === 0
      ? ''
      : `${sentence === '' ? '' : '. '}Members: ${members.map((member) => `\`${member}\``).join(' ')}`;
  const call = made === null ? '' : `(${names(inside(body, made.index + made[0].length - 1))})`;
  return `| \`${made === null ? '' : 'new '}${prefix}${name}${call}\` | ${sentence}${told} |`;
};

const TABLE = '| name | what it is |\n|---|---|';

/** The first line of a source file, without the slashes. */
const headOf = (file) =>
  readFileSync(path.join(root, 'lib', `${file}.ts`), 'utf8')
    .split('\n')[0]
    .replace(/^\/\/ /, '');

const section = (title, index, prefix) => {
  const byFile = new Map();
  for (const one of exportsOf(index)) byFile.set(one.file, [...(byFile.get(one.file) ?? []), one]);
  return `## ${title}\n${[...byFile].map(([file, list]) => `${headOf(file)}\n\n${TABLE}\n${list.map((one) => describe(one, prefix)).join('\n')}`).join('\n\n')}`;
};

/** The page as it is now. */
export const currentPage = async () => {
  const tf = await import(pathToFileURL(path.join(root, 'build-ts/lib/index.js')).href);
  const errors = exportedBy('core/errors').map((own) => ({ name: own, own, file: 'core/errors' }));
  return `# Public names

Made from the declarations by \`node tools/apiPage.mjs\`; a test compares. Each name with its arguments (\`?\`: may be left out) and the first sentence
of its JSDoc, which an editor shows in full, with shapes, dtypes, errors and examples. Operators are methods of tensors and variables too: \`x.add(y)\`.
Which dtypes and gradients: [ops.md](ops.md).

${section('tf', 'index.d.ts', 'tf.')}

A tensor's operators: ${Object.getOwnPropertyNames(tf.Tensor.prototype)
    .filter((name) => name !== 'constructor' && !name.startsWith('_'))
    .sort()
    .map((name) => `\`${name}\``)
    .join(' ')}

${section('tf.nn', 'nn.d.ts', 'tf.nn.')}

${section('tf.train', 'train.d.ts', 'tf.train.')}

## tf.errors
${TABLE}
${errors.map((one) => describe(one, 'tf.errors.')).join('\n')}
`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBuilt('lib/index');
  writeFileSync(path.join(root, 'docs/api.md'), await currentPage());
}
