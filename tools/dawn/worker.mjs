// The child that holds the device: takes numbers of cases by message, answers each with its outcome. What it does to
// the driver, or the driver to it, ends this process alone.

import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

import { load } from './export.mjs';
import { Machine, trial } from './machine.mjs';

const [folder, modules, ...features] = process.argv.slice(2);
const [document, blob] = load(folder);

function dawn() {
  const { create, globals } = createRequire(join(resolve(modules), 'x.js'))('webgpu');
  Object.assign(globalThis, globals);
  return create(['backend=vulkan', `enable-dawn-features=${['allow_unsafe_apis', ...features].join(',')}`]);
}

async function main() {
  let machine;
  try {
    machine = await Machine.open(dawn());
    if (!machine) throw new Error('Dawn finds no adapter here (Mesa below 25 is refused)');
  } catch (error) {
    process.send({ missing: error.message.split('\n')[0] });
    return;
  }
  process.on('message', async ({ index }) => {
    const result = await trial(machine, document.cases[index], document.shaders, blob);
    // A lost device takes this process with it; the parent starts another for the cases that are left.
    process.send({ index, ...result }, () => machine.lost && process.exit(1));
  });
  process.send({ adapter: machine.describe() });
}

await main();
