// Philox4x32-10 and the draws made from it, in plain JavaScript: what random kernels are compared with.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011); roundings to float32 where TensorFlow rounds.

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** The high word of a product of two words, by 16-bit halves. */
const high = (a: number, b: number): number => {
  const [al, ah, bl, bh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = (middle & 0xffff) + al * bh;
  return (ah * bh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
};

/** Block `index` of the stream with the given seeds: four words. */
export const block = (graphSeed: number, opSeed: number, index: number): [number, number, number, number] => {
  let [k0, k1] = [graphSeed >>> 0, Math.floor(graphSeed / 2 ** 32) >>> 0];
  let [x0, x1, x2, x3] = [
    index >>> 0,
    Math.floor(index / 2 ** 32) >>> 0,
    opSeed >>> 0,
    Math.floor(opSeed / 2 ** 32) >>> 0,
  ];
  for (let round = 0; round < 10; round++) {
    const [h0, l0, h1, l1] = [high(M0, x0), Math.imul(M0, x0), high(M1, x2), Math.imul(M1, x2)];
    [x0, x1, x2, x3] = [(h1 ^ x1 ^ k0) >>> 0, l1 >>> 0, (h0 ^ x3 ^ k1) >>> 0, l0 >>> 0];
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  return [x0, x1, x2, x3];
};

/** A float32 in [0, 1) of 23 random bits. */
export const uniform = (word: number): number => (word & 0x7fffff) / 2 ** 23;

/** Two normals of two words, by Box and Muller. */
export const normalPair = (x0: number, x1: number): [number, number] => {
  const f = Math.fround;
  const radius = f(Math.sqrt(f(-2 * f(Math.log(Math.max(uniform(x0), f(1e-7)))))));
  const angle = f(2 * Math.PI * uniform(x1));
  return [f(f(Math.sin(angle)) * radius), f(f(Math.cos(angle)) * radius)];
};

/** The first `count` elements a run draws that starts at a block. */
export const draws = (
  kind: 'uniform' | 'normal',
  [graphSeed, opSeed]: readonly [number, number],
  count: number,
  start = 0,
): Float32Array => {
  const out = new Float32Array(count);
  for (let at = 0; at < count; at += 4) {
    const [x0, x1, x2, x3] = block(graphSeed, opSeed, start + at / 4);
    const four = kind === 'uniform' ? [x0, x1, x2, x3].map(uniform) : [...normalPair(x0, x1), ...normalPair(x2, x3)];
    out.set(four.slice(0, count - at), at);
  }
  return out;
};
