// What a case expects of its buffers; the rules are those of the harness's trial and compare.

export const GUARD = 64; // elements of guard zone on either side: the largest offset alignment that any adapter asks for
export const POISON = 0x7fc0dead;

export const upTo = (n, m) => Math.ceil(n / m) * m;

/** What is wrong with the words of a case's buffers after a run; null if nothing is. */
export function judge(test, got, blob) {
  for (const [i, buffer] of test.buffers.entries()) {
    const wrong = guardZones(buffer, got[i]) ?? content(test, buffer, got[i].subarray(GUARD, GUARD + buffer.len), blob);
    if (wrong) return `\`${buffer.name}\`${wrong}`;
  }
  return null;
}

function guardZones(buffer, words) {
  const end = GUARD + upTo(buffer.len, 4);
  const at = words.findIndex((word, i) => (i < GUARD || i >= end) && word !== POISON);
  return at < 0 ? null : `: the guard zone was written at element ${at - GUARD}`;
}

function content(test, buffer, words, blob) {
  if (buffer.role === 'input') {
    const before = blob.words(buffer.init, buffer.len);
    const at = words.findIndex((word, i) => word !== before[i]);
    return at < 0 ? null : `: an input was changed at element ${at}`;
  }
  if (buffer.want === undefined) return null;
  if (buffer.elem === 'u32') {
    const want = blob.words(buffer.want, buffer.len);
    const at = words.findIndex((word, i) => word !== want[i]);
    return at < 0 ? null : `[${at}] is ${words[at]}, expected ${want[at]}`;
  }
  return floats(test, words, blob.doubles(buffer.want, buffer.len));
}

function floats(test, words, want) {
  const got = new Float32Array(words.slice().buffer);
  let bad = 0;
  let first = -1;
  for (let i = 0; i < want.length; i++) {
    // A NaN on either side is bad unless the case says what is right where the oracle has one, and so is anything but infinity
    // where infinity is expected.
    const free = test.nan === 'anything' || (test.nan === 'same' && Number.isNaN(got[i]));
    const nan = Number.isNaN(want[i]) && free && words[i] !== POISON;
    const same = nan || got[i] === want[i] || (Math.abs(got[i]) === Infinity && Math.fround(want[i]) === got[i]);
    const near = Number.isFinite(want[i]) && Math.abs(got[i] - want[i]) <= test.atol + test.rtol * Math.abs(want[i]);
    if (!same && !near && bad++ === 0) first = i;
  }
  if (!bad) return null;
  return `[${first}] is ${got[first]}, expected ${want[first]} (${bad} of ${want.length} outside rtol ${test.rtol} atol ${test.atol})`;
}
