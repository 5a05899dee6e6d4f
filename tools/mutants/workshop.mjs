// A copy of the checkout that mutants are tried in. Built once; a mutant costs one file of TypeScript, or the C++ files that see its line.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transform } from 'esbuild';

const require = createRequire(import.meta.url);

/** Runs a program; throws with what it said where it fails. */
const must = (command, list, cwd) => {
  const result = spawnSync(command, list, { cwd, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${command} ${list.join(' ')}\n${result.stdout}${result.stderr}`);
  return result.stdout;
};
/** Runs command lines, two at a time; gives what the first that failed said. */
const runAll = async (commands, cwd) => {
  let failure;
  const next = async () => {
    const command = commands.shift();
    if (command === undefined || failure !== undefined) return;
    const said = await new Promise((resolve) => {
      const child = spawn(command, { cwd, shell: true, stdio: ['ignore', 'ignore', 'pipe'] });
      let text = '';
      child.stderr.on('data', (chunk) => {
        text += chunk;
      });
      child.on('close', (code) => resolve(code === 0 ? undefined : text));
    });
    if (said !== undefined) failure ??= said;
    await next();
  };
  await Promise.all([next(), next()]);
  return failure;
};

const isCpp = (file) => file.startsWith('native/');
const level = () => {
  if (process.arch === 'arm64') return 'arm64';
  const info = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  return /\bavx2\b/.test(info) ? 'v3' : 'v2';
};

/** The folder, what is built there, and the one mutant that is in it. */
export class Workshop {
  folder;
  #build;
  /** C++ file: how it is compiled in each target that has it, and the objects it becomes. */
  #units = new Map();
  /** Products that the mutant is to be linked into, and those it has been. */
  #stale = new Set();
  #dirty = new Set();
  #mutated;
  /** Objects of the mutant, by the object they stand for. */
  #replaced = new Map();

  static async create(root, mutants) {
    const self = new Workshop();
    self.folder = mkdtempSync(path.join(tmpdir(), 'grafo-mutants-'));
    process.on('exit', () => rmSync(self.folder, { recursive: true, force: true, maxRetries: 5 }));
    for (const file of must('git', ['ls-files', '-co', '--exclude-standard', '-z'], root).split('\0')) {
      if (file !== '' && existsSync(path.join(root, file))) cpSync(path.join(root, file), path.join(self.folder, file));
    }
    symlinkSync(path.join(root, 'node_modules'), path.join(self.folder, 'node_modules'));
    await self.#buildCpp();
    await self.#buildTypeScript(mutants);
    return self;
  }

  async #buildCpp() {
    const cpu = level();
    this.#build = path.join(this.folder, 'build-mutants');
    // Makefiles, as they keep the link commands in files. Each source by itself, so that a mutant costs one.
    const options = ['-G', 'Unix Makefiles', '-DCMAKE_EXPORT_COMPILE_COMMANDS=ON', '-DGRAFO_UNITS=OFF'];
    options.push('-DGRAFO_TESTS=ON', `-DGRAFO_LEVELS=${cpu}`, `-DGRAFO_OUT=${path.join(this.folder, 'out')}`);
    // Without a build type only this flag optimises: twice as fast to compile, and the numbers are the same.
    options.push('-DCMAKE_BUILD_TYPE=None', '-DCMAKE_CXX_FLAGS=-O1');
    must('cmake', ['-S', '.', '-B', this.#build, ...options], this.folder);
    for (const { command, file } of JSON.parse(readFileSync(path.join(this.#build, 'compile_commands.json'), 'utf8'))) {
      const object = / -o (\S+)/.exec(command)[1];
      mkdirSync(path.dirname(path.join(this.#build, object)), { recursive: true });
      const name = path.relative(this.folder, file);
      this.#units.set(name, [...(this.#units.get(name) ?? []), { command, object }]);
    }
    const commands = [...this.#units.values()].flat().map(({ command }) => command);
    const failure = await runAll(commands, this.#build);
    if (failure !== undefined) throw new Error(failure);
    const release = path.join(this.folder, 'build', 'Release');
    mkdirSync(release, { recursive: true });
    this.products = {
      tests: this.#product('grafo_native_tests', path.join(this.#build, 'tests')),
      cpu: this.#product(`grafo_cpu_${cpu}`, path.join(release, `grafo_cpu_${cpu}.so`)),
      addon: this.#product('grafo', path.join(release, 'grafo.node')),
    };
    for (const product of Object.values(this.products)) {
      this.#link(product);
      cpSync(product.path, `${product.path}.good`);
    }
  }

  /** A target, linked of objects alone to a place of its own. */
  #product(target, to) {
    const text = readFileSync(path.join(this.#build, 'CMakeFiles', `${target}.dir`, 'link.txt'), 'utf8').trim();
    const engine = [...this.#units.values()].flat().map(({ object }) => object);
    const own = engine.filter((object) => object.includes('/grafo_engine.dir/')).join(' ');
    const command = text.replace(/ -o \S+/, ` -o ${to}`).replace(/ \S*libgrafo_engine\.a\b/, ` ${own}`);
    return { path: to, words: command.split(/ +/) };
  }

  #link(product) {
    rmSync(product.path, { force: true });
    const [program, ...words] = product.words.map((word) => this.#replaced.get(word) ?? word);
    must(program, words, this.#build);
  }

  async #buildTypeScript(mutants) {
    const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
    must(process.execPath, [tsc, '-p', 'tsconfig.json'], this.folder);
    // A mutated file is compiled by esbuild alone, so that a mutant costs no whole build; the original is, too, to compare like with like.
    for (const file of new Set(mutants.map((mutant) => mutant.file))) {
      if (!isCpp(file)) await this.#transform(file, readFileSync(path.join(this.folder, file), 'utf8'));
    }
  }

  async #transform(file, text) {
    const { code } = await transform(text, {
      loader: 'ts',
      format: 'esm',
      target: 'es2023',
      // Stack traces name sources, as those of the other files do.
      sourcemap: 'inline',
      sourcefile: path.join(this.folder, file),
      tsconfigRaw: { compilerOptions: { target: 'es2023', verbatimModuleSyntax: true } },
    });
    writeFileSync(path.join(this.folder, 'build-ts', file.replace(/\.ts$/, '.js')), code);
  }

  /** Changes the line and compiles what sees it; gives the compiler's words where it does not compile. */
  async apply({ file, line, to, units }) {
    const place = path.join(this.folder, file);
    const original = readFileSync(place, 'utf8');
    const text = original
      .split('\n')
      .map((row) => (row.trim() === line ? row.replace(line, () => to) : row))
      .join('\n');
    this.#mutated = { file, original };
    if (!isCpp(file)) {
      await this.#transform(file, text);
      return undefined;
    }
    writeFileSync(place, text);
    const commands = [];
    for (const name of units ?? [file]) {
      const made = this.#units.get(name);
      if (made === undefined) return `${name} is no file that is compiled`;
      for (const { command, object } of made) {
        const own = path.join('mutant', object);
        mkdirSync(path.dirname(path.join(this.#build, own)), { recursive: true });
        this.#replaced.set(object, own);
        commands.push(command.replace(/ -o \S+/, ` -o ${own}`));
      }
    }
    const failure = await runAll(commands, this.#build);
    if (failure !== undefined) return failure;
    for (const product of Object.values(this.products))
      if (product.words.some((word) => this.#replaced.has(word))) this.#stale.add(product);
    return undefined;
  }

  /** Links what a check needs, with the mutant in it. */
  ready(native) {
    for (const product of native ? [this.products.tests] : [this.products.cpu, this.products.addon]) {
      if (!this.#stale.delete(product)) continue;
      this.#dirty.add(product);
      this.#link(product);
    }
  }

  /** Takes the mutant out again. */
  async restore() {
    const { file, original } = this.#mutated;
    if (isCpp(file)) writeFileSync(path.join(this.folder, file), original);
    else await this.#transform(file, original);
    this.#replaced.clear();
    this.#stale.clear();
    for (const product of this.#dirty) {
      rmSync(product.path);
      cpSync(`${product.path}.good`, product.path);
    }
    this.#dirty.clear();
  }
}
