// Runs exported cases (see README.md) on Dawn, from npm's `webgpu`, and judges them as `unlearn check` does.
//
//   node replay.mjs FOLDER [-k REGEX] [--json FILE] [--module FOLDER_WITH_node_modules] [--feature DAWN_TOGGLE]...
//   [--limit SECONDS] [--label NAME]
//
// The device lives in a child process: a crash, a hang or a lost device costs one case. FILE is a document as
// `unlearn check --json` writes it, one more column for `unlearn check --merge`.

import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { load } from './export.mjs';

const WORKER = new URL('./worker.mjs', import.meta.url);

function fail(code, message) {
  console.error(`replay: ${message}`);
  process.exit(code);
}

function settings() {
  const options = {
    k: { type: 'string', short: 'k', default: '' }, json: { type: 'string' }, module: { type: 'string', default: '.' },
    feature: { type: 'string', multiple: true, default: [] }, limit: { type: 'string', default: '120' },
    label: { type: 'string', default: 'dawn' },
  };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    return { ...values, folder: positionals[0] ?? '.', filter: new RegExp(values.k), seconds: Number(values.limit) };
  } catch (error) {
    return fail(2, error.message);
  }
}

function exported(folder) {
  try {
    return load(folder)[0];
  } catch (error) {
    return fail(2, `${folder} is not an export: ${error.message}`);
  }
}

/** The next message of a child; `timeout` after so many seconds, `crash` if it ends before. */
function next(child, seconds) {
  return new Promise((resolve) => {
    const done = (answer) => {
      clearTimeout(clock);
      child.removeAllListeners('message');
      child.removeAllListeners('exit');
      resolve(answer);
    };
    const clock = setTimeout(() => done({ status: 'timeout', message: `no answer in ${seconds} s` }), seconds * 1000);
    child.once('message', done);
    child.once('exit', (code, signal) => done({ status: 'crash',
        message: `the process ended with ${signal ?? `status ${code}`}` }));
  });
}

/** A child with a device, and what it says of its adapter. */
async function start(asked) {
  const child = fork(WORKER, [asked.folder, asked.module, ...asked.feature]);
  const answer = await next(child, asked.seconds);
  if (!answer.adapter) {
    child.kill('SIGKILL');
    fail(3, answer.missing ?? answer.message);
  }
  return { child, adapter: answer.adapter };
}

async function replay(asked, all) {
  const results = [];
  let held = await start(asked);
  const { adapter } = held;
  for (const [index, { name, kernels }] of all.entries()) {
    if (!asked.filter.test(name)) continue;
    if (held.child.exitCode !== null || held.child.signalCode !== null) held = await start(asked);
    const started = performance.now();
    const answer = next(held.child, asked.seconds);
    held.child.send({ index }, () => {}); // a child that is gone shows in `next`
    const { status, message, worst } = await answer;
    results.push({ case: name, kernels: kernels ?? [], status, message, worst,
        seconds: (performance.now() - started) / 1000 });
    if (status !== 'pass') console.log(`${status} ${name}: ${message}`);
    if (status === 'timeout' || status === 'crash') {
      held.child.kill('SIGKILL');
      held = await start(asked);
    }
  }
  held.child.kill('SIGKILL');
  return { adapter, results };
}

const asked = settings();
const { version, kind, shapes, seed, cases } = exported(asked.folder);
const { adapter, results } = await replay(asked, cases);
const count = (...statuses) => results.filter((r) => statuses.includes(r.status)).length;
const failed = count('fail', 'crash', 'timeout');
const counts = `${count('pass')} passed, ${failed} failed, ${count('unsupported')} unsupported of ${results.length}`;
console.log(`Dawn on ${adapter.name}, ${adapter.driver_info}, subgroups of ${adapter.subgroup_min}: ${counts}`);
if (asked.json) {
  const adapters = [{ label: asked.label, adapter, cases: results }];
  writeFileSync(asked.json, JSON.stringify({ schema: 1, version, kind, shapes, seed, adapters, stale: [] }, null,
      1) + '\n');
}
process.exit(failed ? 4 : 0);
