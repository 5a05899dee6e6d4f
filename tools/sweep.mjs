// `npm run bench:sweep [-- words]`: compiles what is stale and runs bench/sweep/run.ts.
import { spawnSync } from 'node:child_process';
import { ensureBuilt } from './build.mjs';

const compiled = await ensureBuilt('bench/sweep/run');
process.exit(spawnSync(process.execPath, [compiled, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
