// Reads an exported folder: cases.json and the numbers of cases.bin.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Numbers by offset in bytes; copies, because offsets need not be aligned. */
class Blob {
  constructor(bytes) { this.bytes = bytes; }
  part(at, size) {
    const part = this.bytes.subarray(at, at + size);
    if (part.byteLength !== size) throw new Error(`cases.bin ends before byte ${at + size}`);
    return Uint8Array.from(part).buffer;
  }
  words(at, len) { return new Uint32Array(this.part(at, len * 4)); }
  doubles(at, len) { return new Float64Array(this.part(at, len * 8)); }
}

/** The document and its numbers. Throws if the folder is not an export. */
export function load(folder) {
  const document = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8'));
  if (document.schema !== 1) throw new Error(`schema ${document.schema}, this reads 1`);
  return [document, new Blob(readFileSync(join(folder, 'cases.bin')))];
}
