// Prints the C++ sources of folders of native/, one a line: binding.gyp has no glob of its own.
import { readdirSync } from 'node:fs';

for (const folder of process.argv.slice(2)) {
  for (const file of readdirSync(`native/${folder}`).sort()) {
    if (file.endsWith('.cc')) console.log(`native/${folder}/${file}`);
  }
}
