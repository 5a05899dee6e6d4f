// `npm run bench [-- words]`: compiles what is stale and runs bench/run.ts.
import { runBuilt } from './build.mjs';

await runBuilt('bench/run', process.argv.slice(2));
