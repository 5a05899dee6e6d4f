// docs/ops.md is what the rows, and the plans and gradients of their cases, say; docs/api.md what the declarations say.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

for (const [page, tool] of [
  ['docs/ops.md', 'tools/opsTable.mjs'],
  ['docs/api.md', 'tools/apiPage.mjs'],
] as const) {
  test(`${page} is up to date: node ${tool} writes it`, async (t) => {
    const { currentPage } = (await import(pathToFileURL(path.join(ROOT, tool)).href)) as {
      currentPage: () => Promise<string>;
    };
    t.true(readFileSync(path.join(ROOT, page), 'utf8') === (await currentPage()));
  });
}

const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'examples', 'tools'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.join(folder, name)),
  ),
];
/** A heading as its anchor. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
/** Files, and headings of them, that the links of a page name and that are not there. */
const deadLinks = (page: string): string[] =>
  [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    .filter(([, file, anchor]) => {
      const target = file === '' ? path.join(ROOT, page) : path.join(ROOT, path.dirname(page), file!);
      if (!existsSync(target)) return true;
      if (anchor === undefined) return false;
      return ![...readFileSync(target, 'utf8').matchAll(/^#+ (.*)$/gm)].some(
        ([, heading]) => anchorOf(heading!) === anchor,
      );
    })
    .map(([link]) => `${page}${link.slice(1)}`);

test('the links of the documents lead somewhere', (t) => {
  t.true(PAGES.length > 15);
  t.deepEqual(PAGES.flatMap(deadLinks), []);
});
test('the installed package has what README links to, but for what README says of the repository', (t) => {
  const { files } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  const links = [...readFileSync(path.join(ROOT, 'README.md'), 'utf8').matchAll(/\]\((?!\w+:)([^)#\s]+)/g)];
  const left = links.map(([, file]) => file!).filter((file) => !files.some((entry) => file.startsWith(entry)));
  t.deepEqual(
    left.filter((file) => !/^(CONTRIBUTING\.md$|examples\/|bench\/results\/)/.test(file)),
    [],
  );
});

test('docs/api.md says of every name what it is', (t) => {
  const rows = readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  t.true(rows.length > 270, `${rows.length}`);
  t.deepEqual(
    rows.filter((line) => !/^\| `[^`]+` \| .*\w.* \|$/.test(line)),
    [],
  );
});
