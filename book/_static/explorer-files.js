// Files of arrays, fetched when asked for and kept: a head of JSON, then of each array its scales and bytes
// (`seelike.site.explorer.pack`).

const kept = new Map();

/** What a file holds: {name: {shape, values, precision}}, where values are off by `precision` at most. */
export function fetchArrays(address) {
  return keep(address, async (answer) => unpack(await answer.arrayBuffer()));
}

export function fetchJSON(address) {
  return keep(address, (answer) => answer.json());
}

function keep(address, read) {
  if (!kept.has(address)) {
    const asked = fetch(address).then((answer) => {
      if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
      return read(answer);
    });
    asked.catch(() => kept.delete(address)); // to be tried again
    kept.set(address, asked);
  }
  return kept.get(address);
}

function unpack(buffer) {
  const start = 4 + new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, start - 4)));
  let offset = start;
  const arrays = {};
  for (const [name, { shape, low, scales }] of Object.entries(head)) {
    const steps = new Float32Array(buffer.slice(offset, offset + 4 * scales));
    const codes = new Uint8Array(buffer, offset + 4 * scales, shape.reduce((a, b) => a * b, 1));
    const each = codes.length / scales;
    const values = Float64Array.from(codes, (code, i) => low + code * steps[Math.floor(i / each)]);
    arrays[name] = { shape, values, precision: Math.max(...steps) / 2 };
    offset += 4 * scales + codes.length;
  }
  return arrays;
}

/** The part of an array at some leading indices, as a plain list. */
export function at({ shape, values }, ...indices) {
  const size = shape.slice(indices.length).reduce((a, b) => a * b, 1);
  const number = indices.reduce((sum, index, axis) => sum * shape[axis] + index, 0);
  return Array.from(values.subarray(number * size, (number + 1) * size));
}
