// Maps of an image's positions as SVG, tables of the same numbers, and bars of probabilities: all from arrays.

const SIDE = 56; // pixels of a drawing
const MAGMA = ["#000004", "#180f3d", "#440f76", "#721f81", "#9e2f7f", "#cd4071", "#f1605d", "#fd9668", "#feca8d", "#fcfdbf"];
const SIGNED = { light: ["#0072b2", "#f4f4f4", "#d55e00"], dark: ["#4fa9e6", "#202020", "#ff8a45"] };

function mix(colours, share) {
  const place = Math.min(1, Math.max(0, share)) * (colours.length - 1);
  const low = Math.min(Math.floor(place), colours.length - 2);
  const channels = [1, 3, 5].map((i) => {
    const [a, b] = [low, low + 1].map((n) => parseInt(colours[n].slice(i, i + 2), 16));
    return Math.round(a + (place - low) * (b - a));
  });
  return `rgb(${channels.join(",")})`;
}

/** A scale from `low` to `high`; of two signs where `low` is below 0 on purpose. */
export const magma = (low, high) => ({ low, high, colours: MAGMA });
export const signed = (most) => ({ low: -most, high: most, colours: SIGNED[document.documentElement.dataset.theme] ?? SIGNED.light });

export function legend({ low, high, colours }, unit) {
  const digits = high < 0.1 ? 3 : 2;
  const text = (value) => value.toFixed(digits).replace("-", "−");
  return `<p class="explorer-scale" aria-hidden="true"><span>${text(low)}</span>`
    + `<i style="background: linear-gradient(90deg, ${colours.join(", ")})"></i><span>${text(high)} ${unit}</span></p>`;
}

export const place = (columns, number) => `row ${Math.floor(number / columns) + 1}, column ${(number % columns) + 1}`;
export const show = (value) => value.toFixed(3).replace("-", "−");

/** A map of `rows` × `columns` values over a drawing: `outline` is its object's, `box` a position [row, column, cells]. */
export function drawMap(values, [rows, columns], scale, { name, outline, box }) {
  const [width, height] = [SIDE / columns, SIDE / rows];
  const cells = values.map((value, number) => {
    const [x, y] = [(number % columns) * width, Math.floor(number / columns) * height];
    const fill = mix(scale.colours, (value - scale.low) / (scale.high - scale.low || 1));
    return `<rect x="${x}" y="${y}" width="${width + 0.05}" height="${height + 0.05}" fill="${fill}" `
      + `data-value="${value}"><title>${place(columns, number)}: ${show(value)}</title></rect>`;
  });
  const most = values.indexOf(Math.max(...values));
  const label = `${name}: largest at ${place(columns, most)}, ${show(values[most])}`;
  const object = `<path class="object-halo" d="${outline}"/><path class="object" d="${outline}"/>`;
  return `<svg viewBox="-0.5 -0.5 57 57" role="img" aria-label="${label}">${cells.join("")}${object}${box ? drawBox(box) : ""}</svg>`;
}

function drawBox([row, column, cells]) {
  const size = SIDE / cells;
  const frame = `x="${column * size}" y="${row * size}" width="${size}" height="${size}"`;
  return `<rect class="box-halo" ${frame}/><rect class="box" ${frame}/>`;
}

/** The same numbers to read: a row of the table for each row of the map. */
export function drawTable(values, columns, caption) {
  const rows = [];
  for (let start = 0; start < values.length; start += columns) {
    const cells = values.slice(start, start + columns).map((value) => `<td>${show(value)}</td>`);
    rows.push(`<tr><th scope="row">${start / columns + 1}</th>${cells.join("")}</tr>`);
  }
  const heads = Array.from({ length: columns }, (_, i) => `<th scope="col">${i + 1}</th>`);
  return `<table><caption>${caption}</caption><thead><tr><td></td>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

export function drawBar(share) {
  return `<span class="bar" aria-hidden="true"><i style="width: ${(100 * share).toFixed(1)}%"></i></span>`;
}
