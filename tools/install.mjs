// The install script: builds the native engine unless it is there, then loads it once. No network, no shell. A machine
// without a compiler keeps a package that can be imported; its first Session says what to type.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { addon, build, builder, output, removeIntermediates, root, tryAddon, upToDate } from './lib/nativeBuild.mjs';
import { keptCode, warmStart } from './lib/start.mjs';

const force = process.argv.includes('--force');

function main() {
  if (!force && upToDate()) {
    // Another Node than the last one.
    if (!existsSync(keptCode() ?? root)) warmStart();
    return 0;
  }
  const tool = builder();
  if (tool === undefined) {
    console.log(
      'grafo: the native engine was not built, because a C++ compiler, or both CMake and node-gyp, are missing.',
    );
    console.log(
      'grafo: install them (Debian: apt install g++ cmake make; macOS: xcode-select --install; Fedora: dnf install gcc-c++ cmake)',
    );
    console.log('grafo: and then type: npx grafo build');
    return force ? 1 : 0;
  }
  console.log(`grafo: building the native engine with ${tool.name}, this takes some minutes`);
  if (!build(tool)) {
    console.error(`grafo: ${tool.name} failed; its messages are above. Try again with: npx grafo build`);
    return 1;
  }
  const failure = tryAddon();
  if (failure !== undefined) {
    console.error(`grafo: ${addon} was built but cannot be used:\n${failure}`);
    return 1;
  }
  const clone = existsSync(path.join(root, 'native', 'test'));
  if (!clone) removeIntermediates();
  warmStart();
  console.log(`grafo: built ${output}`);
  return 0;
}

process.exitCode = main();
