// Draws a QR code (ISO/IEC 18004): bytes, error correction level M, always mask 4, as the server
// draws the first frame. Small enough to read, so that nothing else is loaded to draw with.
// Error correction bytes in a block, and blocks, of versions 1 to 20 (table 9).
const ECC = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16];
const QUIET = 4;
// Level M and mask 4, with their check bits (table C.1).
const FORMAT = 0b100010111111001;

// Powers in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1 (section 7.5.2).
const EXP = new Uint8Array(512), LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i += 1) {
  EXP[i] = x; EXP[i + 255] = x; LOG[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

function rawBytes(version) {
  let bits = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    bits -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) bits -= 36;
  }
  return Math.floor(bits / 8);
}

const dataBytes = (version) => rawBytes(version) - ECC[version - 1] * BLOCKS[version - 1];

function generator(degree) {
  let poly = new Uint8Array(degree);
  poly[degree - 1] = 1;
  for (let i = 0; i < degree; i += 1) {
    for (let j = 0; j < degree; j += 1) {
      poly[j] = times(poly[j], EXP[i]) ^ (j + 1 < degree ? poly[j + 1] : 0);
    }
  }
  return poly;
}

function remainder(data, poly) {
  const rest = new Uint8Array(poly.length);
  for (const byte of data) {
    const factor = byte ^ rest[0];
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    for (let i = 0; i < rest.length; i += 1) rest[i] ^= times(poly[i], factor);
  }
  return rest;
}

function encode(text) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  const header = () => (version < 10 ? 12 : 20);
  while (dataBytes(version) * 8 < header() + bytes.length * 8) {
    version += 1;
    if (version > ECC.length) throw new RangeError("too long a text");
  }
  const bits = [];
  const put = (value, length) => {
    for (let i = length - 1; i >= 0; i -= 1) bits.push((value >>> i) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, header() - 4);
  for (const byte of bytes) put(byte, 8);
  const room = dataBytes(version) * 8;
  put(0, Math.min(4, room - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
  const data = new Uint8Array(room / 8);
  bits.forEach((bit, i) => { data[i >> 3] |= bit << (7 - (i & 7)); });
  return { version, data };
}

// Blocks, the longer ones last, written byte by byte in turns (section 7.6).
function interleave(version, data) {
  const count = BLOCKS[version - 1], ecc = ECC[version - 1], raw = rawBytes(version);
  const short = count - (raw % count), length = Math.floor(raw / count) - ecc;
  const poly = generator(ecc), blocks = [], checks = [];
  for (let i = 0, at = 0; i < count; i += 1) {
    const block = data.subarray(at, at + length + (i < short ? 0 : 1));
    at += block.length;
    blocks.push(block);
    checks.push(remainder(block, poly));
  }
  const written = [];
  for (let i = 0; i <= length; i += 1) {
    for (const block of blocks) if (i < block.length) written.push(block[i]);
  }
  for (let i = 0; i < ecc; i += 1) for (const check of checks) written.push(check[i]);
  return written;
}

function alignments(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const places = [6];
  for (let i = 0, at = size - 7; i < count - 1; i += 1, at -= step) places.splice(1, 0, at);
  return places;
}

export function modules(text) {
  const { version, data } = encode(text);
  const size = version * 4 + 17;
  const dark = Array.from({ length: size }, () => new Uint8Array(size));
  const fixed = Array.from({ length: size }, () => new Uint8Array(size));
  const set = (x, y, on) => { dark[y][x] = on ? 1 : 0; fixed[y][x] = 1; };

  for (let i = 0; i < size; i += 1) { set(6, i, i % 2 === 0); set(i, 6, i % 2 === 0); }
  for (const [cx, cy] of [[3, 3], [size - 4, 3], [3, size - 4]]) {
    for (let dy = -4; dy <= 4; dy += 1) for (let dx = -4; dx <= 4; dx += 1) {
      const far = Math.max(Math.abs(dx), Math.abs(dy)), x = cx + dx, y = cy + dy;
      if (x >= 0 && x < size && y >= 0 && y < size) set(x, y, far !== 2 && far !== 4);
    }
  }
  const places = alignments(version, size), last = places.length - 1;
  places.forEach((cx, i) => places.forEach((cy, j) => {
    if ((i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0)) return;
    for (let dy = -2; dy <= 2; dy += 1) for (let dx = -2; dx <= 2; dx += 1) {
      set(cx + dx, cy + dy, Math.max(Math.abs(dx), Math.abs(dy)) !== 1);
    }
  }));
  const bit = (i) => (FORMAT >>> i) & 1;
  for (let i = 0; i <= 5; i += 1) set(8, i, bit(i));
  set(8, 7, bit(6)); set(8, 8, bit(7)); set(7, 8, bit(8));
  for (let i = 9; i < 15; i += 1) set(14 - i, 8, bit(i));
  for (let i = 0; i < 8; i += 1) set(size - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i += 1) set(8, size - 15 + i, bit(i));
  set(8, size - 8, 1);
  if (version >= 7) {
    let rest = version;
    for (let i = 0; i < 12; i += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
    const bits = (version << 12) | rest;
    for (let i = 0; i < 18; i += 1) {
      const a = size - 11 + (i % 3), b = Math.floor(i / 3), on = (bits >>> i) & 1;
      set(a, b, on); set(b, a, on);
    }
  }

  // In pairs of columns from the right, up and down in turns (section 7.7.3), masked (7.8.2).
  const bytes = interleave(version, data);
  let i = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      for (const x of [right, right - 1]) {
        const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
        if (fixed[y][x]) continue;
        const on = i < bytes.length * 8 && (bytes[i >> 3] >>> (7 - (i & 7))) & 1;
        dark[y][x] = on ^ ((Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0);
        i += 1;
      }
    }
  }
  return dark;
}

// The dark modules as one path, run by run, with the quiet zone around them.
export function picture(text) {
  const rows = modules(text);
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x += 1) {
      const start = x;
      while (x < row.length && row[x]) x += 1;
      if (x > start) path += `M${start + QUIET} ${y + QUIET}h${x - start}v1h-${x - start}z`;
    }
  });
  return { path, size: rows.length + 2 * QUIET };
}
