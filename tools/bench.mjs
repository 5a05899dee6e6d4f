// `npm run bench [-- words]`: compiles what is stale and runs bench/run.ts.
import { spawnSync } from 'node:child_process';
import { ensureBuilt } from './build.mjs';

const compiled = await ensureBuilt('bench/run');
process.exit(spawnSync(process.execPath, [compiled, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
