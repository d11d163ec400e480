// A client of docs/protocol.md in JavaScript: corrbench verify "cmd:node conv2d.js"
"use strict";
const fs = require("fs");

function read(size) {
  const data = new Uint8Array(size); // begins at a multiple of 8, as the typed arrays below ask
  let have = 0;
  while (have < size) {
    const count = fs.readSync(0, data, have, size - have);
    if (count === 0) process.exit(0); // corrbench closed the pipe: the work is done
    have += count;
  }
  return data;
}

function write(data) {
  let done = 0;
  while (done < data.length) done += fs.writeSync(1, data, done);
}

function answer(words, array) {
  const text = Buffer.from(JSON.stringify(words));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  write(Buffer.concat([length, text]));
  if (array) write(new Uint8Array(array.buffer));
}

const KINDS = { float32: Float32Array, float64: Float64Array };
const elements = (shape) => shape.reduce((a, b) => a * b, 1);

function conv2d({ x: [, C, H, W], w: [O, I, kh, kw], y, stride, padding, dilation, groups, dtype }, X, K, B) {
  const Y = new KINDS[dtype](elements(y));
  let at = 0;
  for (let n = 0; n < y[0]; n++)
    for (let o = 0; o < O; o++) {
      const first = Math.floor(o / (O / groups)) * I; // of the channels that this kernel sees
      for (let i = 0; i < y[2]; i++)
        for (let j = 0; j < y[3]; j++) {
          let sum = B ? B[o] : 0; // in double precision, whatever the arrays are of
          for (let c = 0; c < I; c++)
            for (let p = 0; p < kh; p++) {
              const row = i * stride[0] + p * dilation[0] - padding[0];
              if (row < 0 || row >= H) continue;
              for (let q = 0; q < kw; q++) {
                const column = j * stride[1] + q * dilation[1] - padding[2];
                if (column < 0 || column >= W) continue;
                sum += X[((n * C + first + c) * H + row) * W + column] * K[((o * I + c) * kh + p) * kw + q];
              }
            }
          Y[at++] = sum;
        }
    }
  return Y;
}

for (;;) {
  const length = Number(Buffer.from(read(8)).readBigUInt64LE());
  const asked = JSON.parse(Buffer.from(read(length)).toString());
  if (asked.hello) {
    answer({ protocol: 1, dtypes: Object.keys(KINDS) });
    continue;
  }
  const array = (shape) => {
    const kind = KINDS[asked.dtype];
    return new kind(read(elements(shape) * kind.BYTES_PER_ELEMENT).buffer);
  };
  const operands = [asked.x, asked.w, asked.b].map((shape) => (shape ? array(shape) : null));
  answer({ y: asked.y }, conv2d(asked, ...operands));
}
