// The process of grafo or of plain JavaScript in one trial: `node worker.js TRIAL grafo|plain THREADS`.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { doctor } from '../lib/index.js';
import { serve } from './lib/serve.js';
import type { TrialModule } from './lib/trial.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));

const versionOf = (side: string): string => {
  if (side === 'plain') return `V8 of Node ${process.version}`;
  const { version } = JSON.parse(readFileSync(path.join(HERE, '..', '..', 'package.json'), 'utf8')) as {
    version: string;
  };
  return `grafo ${version} ${doctor().isa ?? ''}`.trim();
};

const [name, side, threads] = process.argv.slice(2);
const module = (await import(path.join(HERE, `${name!}.js`))) as TrialModule;
const make = side === 'plain' ? module.plain : module.grafo;
await serve(versionOf(side!), make?.(Number(threads)) ?? {});
