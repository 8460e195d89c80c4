// The panels of the page: what each shows of one model, from its files. `view` is what the reader has chosen.

import { at } from "./explorer-files.js";
import { drawBar, drawMap, drawTable, legend, magma, show, signed } from "./explorer-maps.js";

const NO_ATTENTION = {
  resnet: "A ResNet has no attention. Which positions it reads from is fixed by its convolutions: see its receptive field.",
  mixer: "A Mixer has no attention. Its token-mixing MLP weighs positions alike for every image.",
};
const NO_PLACE = "This is about patch tokens: choose one in the drawing.";

const patchBox = ({ token }, [rows, columns]) => [Math.floor(token / columns), token % columns, rows];
const largest = (lists) => Math.max(...lists.flat());
const maps = (drawn) => `<div class="explorer-maps">${drawn.join("")}</div>`;
const captioned = (caption, map) => `<div><p>${caption}</p>${map}</div>`;

/** One panel: `read` what it needs of one model, or why there is nothing; `scale` for all models; `draw`; `tables`. */
export const PANELS = {
  attention: {
    unit: "attention weight",
    read(view, model) {
      const { heads, prefix, grid } = model.design;
      if (!heads) return NO_ATTENTION[model.state.design];
      if (view.token === null && !prefix) return "ViT-GAP has no CLS token: choose a patch in the drawing.";
      const query = view.token === null ? 0 : prefix + view.token;
      const rows = Array.from({ length: heads }, (_, head) => at(model.drawing.attention, model.block, head, query));
      return { grid, cls: rows.map((row) => (prefix ? row[0] : null)), maps: rows.map((row) => row.slice(prefix)),
        precision: model.drawing.attention.precision };
    },
    scale: (all) => magma(0, largest(all.map((found) => found.maps.flat()))),
    draw: (found, scale, view) => maps(found.maps.map((values, head) => captioned(
      `Head ${head}${found.cls[head] === null ? "" : `, CLS ${found.cls[head].toFixed(2)}`}`,
      drawMap(values, found.grid, scale, { name: `Head ${head}`, outline: view.outline, box: view.token === null ? null : patchBox(view, found.grid) }),
    ))),
    tables: (found) => found.maps.map((values, head) => drawTable(values, found.grid[1],
      `Head ${head}${found.cls[head] === null ? "" : `; attention to CLS: ${show(found.cls[head])}`}`)),
  },
  resemblance: {
    unit: "CKA",
    read(view, model) {
      if (view.token === null) return NO_PLACE;
      const { resemblance } = model.positions;
      return { grid: model.design.grid, maps: [at(resemblance, model.block, view.token)], precision: resemblance.precision };
    },
    scale: (all) => magma(0, largest(all.map((found) => found.maps[0]))),
    draw: (found, scale, view) => maps([drawMap(found.maps[0], found.grid, scale, { name: "CKA with each patch", outline: "", box: patchBox(view, found.grid) })]),
    tables: (found) => [drawTable(found.maps[0], found.grid[1], "CKA with each patch")],
    note: (index) => `Over ${index.images.resemblance} drawings.`,
  },
  field: {
    unit: "relative gradient",
    read(view, model) {
      if (view.token === null) return NO_PLACE;
      const { field } = model.positions;
      const [row, column, rows] = patchBox(view, model.design.grid);
      const far = ([y, x]) => Math.hypot(y - row, x - column) + 1e-3 * Math.hypot(y - 3, x - 3); // a tie: the more central
      const near = model.design.positions.map(far).reduce((best, each, i, all) => (each < all[best] ? i : best), 0);
      const cells = field.shape[2];
      return { grid: [cells, cells], box: [...model.design.positions[near], rows], maps: [at(field, near, model.block)], precision: field.precision };
    },
    scale: () => magma(0, 1),
    draw: (found, scale) => maps([drawMap(found.maps[0], found.grid, scale, { name: "Receptive field", outline: "", box: found.box })])
      + `<p>Field of row ${found.box[0] + 1}, column ${found.box[1] + 1}.</p>`,
    tables: (found) => [drawTable(found.maps[0], found.grid[1], "Mean gradient of each cell, relative to the largest")],
    note: (index) => `Over ${index.images.field} drawings.`,
  },
  occlusion: {
    unit: "fall of the logit",
    read: (view, model) => ({
      grid: model.design.grid, maps: [at(model.drawing.occlusion)], precision: model.drawing.occlusion.precision,
      answer: answerOf(model), right: answerOf(model) === view.label,
    }),
    scale: (all) => signed(largest(all.map((found) => found.maps[0].map(Math.abs)))),
    draw: (found, scale, view) => maps([drawMap(found.maps[0], found.grid, scale, { name: "Fall of the logit", outline: view.outline })])
      + `<p>Predicted: ${view.classes[found.answer]}${found.right ? " (correct)" : " (wrong)"}.</p>`,
    tables: (found) => [drawTable(found.maps[0], found.grid[1], "Fall of the logit, patch by patch")],
  },
  answers: {
    read(view, model) {
      const { answers } = model.drawing;
      const token = view.token === null ? 0 : 1 + view.token;
      const rows = model.design.answering.map((name, i) => ({ number: model.design.blocks.indexOf(name), values: at(answers, i, token) }));
      const missing = model.design.blocks.length - rows.length;
      return { rows, block: model.block, missing, precision: answers.precision };
    },
    scale: () => null,
    draw(found, _, view) {
      const rows = found.rows.map(({ number, values }) => {
        const best = values.indexOf(Math.max(...values));
        const cells = [best, view.label].map((label) => `<td>${drawBar(values[label])}<b data-value="${values[label]}">${values[label].toFixed(2)}</b></td>`);
        const mark = best === view.label ? ' class="right"' : "";
        return `<tr${number === found.block ? ' aria-current="true"' : ""}><th scope="row">${number}</th><td${mark}>${view.classes[best]}</td>${cells.join("")}</tr>`;
      });
      const heads = ["Block", "Most probable", "Its probability", "True class’s"];
      const why = found.missing ? `<p>The first ${found.missing} blocks have fewer channels than the classifier reads.</p>` : "";
      return `<div class="explorer-rows" tabindex="0" role="group" aria-label="The answer by depth"><table class="explorer-answers"><caption>True class: ${view.classes[view.label]}</caption><thead><tr>`
        + `${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${why}`;
    },
    tables: (found, view) => [`<table><caption>Probability of every class (rows), block by block</caption><thead><tr><td></td>`
      + `${found.rows.map(({ number }) => `<th scope="col">${number}</th>`).join("")}</tr></thead><tbody>`
      + `${view.classes.map((name, label) => `<tr><th scope="row">${name}</th>${found.rows.map(({ values }) => `<td>${show(values[label])}</td>`).join("")}</tr>`).join("")}`
      + `</tbody></table>`],
  },
};

function answerOf(model) {
  const whole = at(model.drawing.answers, model.design.answering.length - 1, 0);
  return whole.indexOf(Math.max(...whole));
}

/** Fill one panel with what it shows of all models. */
export function fill(panel, kind, view, models, index) {
  const found = models.map((model) => kind.read(view, model));
  const known = found.filter((each) => typeof each !== "string");
  const scale = known.length ? kind.scale(known) : null;
  const open = panel.querySelector("details")?.open ?? false;
  const ones = models.map((model, i) => {
    const body = typeof found[i] === "string" ? `<p class="explorer-none">${found[i]}</p>` : kind.draw(found[i], scale, view);
    return `<div class="explorer-one" data-model="${model.letter}"><p class="explorer-name"><b>${model.letter.toUpperCase()}</b> ${model.title}</p>${body}</div>`;
  });
  panel.innerHTML = `<div class="explorer-pair">${ones.join("")}</div>${scale ? legend(scale, `${kind.unit}${known.length > 1 ? ", both models" : ""}`) : ""}`
    + `<p class="explorer-note">${kind.note?.(index) ?? ""}</p>`
    + (known.length ? `<details${open ? " open" : ""}><summary>Numbers</summary><div class="explorer-numbers" tabindex="0" role="group" aria-label="Numbers of this panel"></div></details>` : "");
  const details = panel.querySelector("details");
  const write = () => {
    const parts = models.map((model, i) => (typeof found[i] === "string" ? ""
      : `<p><b>${model.letter.toUpperCase()}</b> ${model.title}; each value within ±${found[i].precision.toPrecision(1)}</p>${kind.tables(found[i], view).join("")}`));
    details.querySelector("div").innerHTML = parts.join("");
  };
  if (open) write();
  details?.addEventListener("toggle", () => details.open && write());
}
