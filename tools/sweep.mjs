// `npm run bench:sweep [-- words]`: compiles what is stale and runs bench/sweep/run.ts.
import { runBuilt } from './build.mjs';

await runBuilt('bench/sweep/run', process.argv.slice(2));
