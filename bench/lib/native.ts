// Builds the C++ programs of bench/rivals/native with what the machine has: the reference, the limits, and the BLAS libraries found.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** A built program, or why there is none. */
export type Program = { readonly file: string } | { readonly missing: string };

/** Gives programs by name, built when first asked for. */
export interface NativeTools {
  program(name: string): Program;
}

const FLAGS = ['-O3', '-march=native', '-std=c++17', '-pthread'];

interface Recipe {
  readonly source: string;
  readonly flags: readonly string[];
}

/** BLIS's own folder comes first: Debian's alternatives may point `-lblis` elsewhere. */
const blisFolder = ['blis-pthread', 'blis-openmp', 'blis-serial']
  .map((name) => path.join('/usr/lib/x86_64-linux-gnu', name))
  .find((folder) => existsSync(folder));

const openblasFolder = ['openblas-pthread', 'openblas-openmp']
  .map((name) => path.join('/usr/lib/x86_64-linux-gnu', name))
  .find((folder) => existsSync(folder));

const folderFlags = (folder: string | undefined): string[] =>
  folder === undefined
    ? []
    : [`-I${folder.replace('/usr/lib', '/usr/include')}`, `-L${folder}`, `-Wl,-rpath,${folder}`];

const RECIPES: Readonly<Record<string, Recipe>> = {
  limits: { source: 'limits.cpp', flags: [] },
  'cpp-ref': { source: 'ref.cpp', flags: ['-ffast-math', '-mprefer-vector-width=512'] },
  openblas: { source: 'gemm.cpp', flags: ['-DUSE_OPENBLAS', ...folderFlags(openblasFolder), '-lopenblas'] },
  blis: { source: 'gemm.cpp', flags: ['-DUSE_BLIS', ...folderFlags(blisFolder), '-lblis'] },
  onednn: { source: 'gemm.cpp', flags: ['-DUSE_ONEDNN', '-ldnnl', '-fopenmp'] },
};

const newest = (folder: string): number =>
  Math.max(...readdirSync(folder).map((name) => statSync(path.join(folder, name)).mtimeMs));

/** Programs from the sources in `sources`, built into `folder`. */
export const nativeTools = (sources: string, folder: string): NativeTools => {
  const built = new Map<string, Program>();
  const build = (name: string): Program => {
    const recipe = RECIPES[name];
    if (recipe === undefined) return { missing: `no program is called ${name}` };
    const file = path.join(folder, name);
    if (existsSync(file) && statSync(file).mtimeMs > newest(sources)) return { file };
    mkdirSync(folder, { recursive: true });
    const compiler = process.env.CXX ?? 'g++';
    const args = [...FLAGS, path.join(sources, recipe.source), ...recipe.flags, '-o', file];
    const { status, error, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
    if (status === 0) return { file };
    const why = error?.message ?? stderr.split('\n').find((line) => line.includes('error')) ?? `exit ${status}`;
    return { missing: `${recipe.source} does not build: ${why.trim()}` };
  };
  return {
    program: (name) => {
      const found = built.get(name) ?? build(name);
      built.set(name, found);
      return found;
    },
  };
};
