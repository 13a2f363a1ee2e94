// What a case expects of its buffers; the rules are those of the harness's trial and compare.

// Elements of guard zone on either side: the largest offset alignment that any adapter asks for.
export const GUARD = 64;
export const POISON = 0x7fc0dead;

export const upTo = (n, m) => Math.ceil(n / m) * m;

/** What is wrong with a case's buffers after a run, null if nothing is, and the worst distance of its floats. */
export function judge(test, got, blob) {
  const worst = { max_abs: 0, max_rel: 0, max_ulp: 0, nmse: 0 };
  for (const [i, buffer] of test.buffers.entries()) {
    const wrong = guardZones(buffer, got[i]) ?? content(test, buffer, got[i].subarray(GUARD, GUARD + buffer.len), blob,
        worst);
    if (wrong) return { wrong: `\`${buffer.name}\`${wrong}`, worst };
  }
  return { wrong: null, worst };
}

function guardZones(buffer, words) {
  const end = GUARD + upTo(buffer.len, 4);
  const at = words.findIndex((word, i) => (i < GUARD || i >= end) && word !== POISON);
  return at < 0 ? null : `: the guard zone was written at element ${at - GUARD}`;
}

function content(test, buffer, words, blob, worst) {
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
  const got = new Float32Array(words.slice().buffer);
  const want = blob.doubles(buffer.want, buffer.len);
  widen(worst, got, want);
  return floats(test, words, got, want);
}

function floats(test, words, got, want) {
  let bad = 0;
  let first = -1;
  for (let i = 0; i < want.length; i++) {
    // A NaN on either side is bad unless the case says what is right where the oracle has one, and so is anything but
    // infinity where infinity is expected.
    const free = test.nan === 'anything' || (test.nan === 'same' && Number.isNaN(got[i]));
    const nan = Number.isNaN(want[i]) && free && words[i] !== POISON;
    const near = Number.isFinite(want[i]) && Math.abs(got[i] - want[i]) <= test.atol + test.rtol * Math.abs(want[i]);
    if (!nan && !same(got[i], want[i]) && !near && bad++ === 0) first = i;
  }
  if (!bad) return null;
  const outside = `${bad} of ${want.length} outside rtol ${test.rtol} atol ${test.atol}`;
  return `[${first}] is ${got[first]}, expected ${want[first]} (${outside})`;
}

const same = (got, want) => got === want || (Math.abs(got) === Infinity && Math.fround(want) === got);

const TINY = 2 ** -126; // the smallest normal number: nothing is finer, since an adapter may take what is below for 0

/** Spacing of f32 numbers at the size of x. */
const ulp = (x) => Math.max(2 ** (Math.floor(Math.log2(Math.max(Math.abs(Math.fround(x)), TINY))) - 23), TINY);

/** Keeps the larger of each measure: absolute, relative to the larger of |want| and its root mean square, ulp, and
 * normalised square. */
function widen(worst, got, want) {
  let [squareWant, squareError, abs, rel, ulps] = [0, 0, 0, 0, 0];
  for (const w of want) squareWant += Number.isFinite(w) ? w * w : 0;
  const floor = Math.max(Math.sqrt(squareWant / Math.max(want.length, 1)), TINY);
  for (let i = 0; i < want.length; i++) {
    const error = same(got[i], want[i]) ? 0 : Math.abs(got[i] - want[i]);
    if (!Number.isFinite(error)) continue;
    const size = Math.max(Math.abs(want[i]), floor);
    [abs, rel, ulps] = [Math.max(abs, error), Math.max(rel, error / size), Math.max(ulps, error / ulp(size))];
    squareError += error * error;
  }
  const found = { max_abs: abs, max_rel: rel, max_ulp: ulps,
      nmse: squareWant > 0 ? squareError / squareWant : squareError };
  for (const name of Object.keys(worst)) worst[name] = Math.max(worst[name], found[name]);
}
