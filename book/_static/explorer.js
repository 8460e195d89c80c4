// "Look for yourself": what a reader chooses, the address that restores it, and the panels that follow.

import { fetchArrays, fetchJSON } from "./explorer-files.js";
import { place } from "./explorer-maps.js";
import { PANELS, fill } from "./explorer-panels.js";

const page = document.querySelector(".explorer");
const files = page.dataset.files;
const NONE = "none";
const STAGES = { 0: "untrained", 100: "trained" };
const stage = (percent) => STAGES[percent] ?? `after ${percent} % of training`;

let index;
let chosen;

const find = (folder) => index.states.find((state) => state.folder === folder);
const gridOf = () => index.designs[find(chosen.a).design].grid;
const blocksOf = (folder) => index.designs[find(folder).design].blocks.length;

// The address: #drawing=1&token=31&block=3&a=vit-100-0&b=none, all counted from 0; token=cls for CLS or the mean.

function readAddress() {
  const asked = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const within = (name, n) => (/^\d+$/.test(asked[name]) && +asked[name] < n ? +asked[name] : Math.min(index.first[name], n - 1));
  const known = (name) => (find(asked[name]) ? asked[name] : index.first[name]);
  chosen = { a: known("a"), b: asked.b === NONE ? NONE : known("b") };
  const [rows, columns] = gridOf();
  const token = asked.token === "cls" ? null : within("token", rows * columns);
  chosen = { drawing: within("drawing", index.drawings.length), token, block: within("block", blocksOf(chosen.a)), ...chosen };
}

function writeAddress() {
  const parts = Object.entries(chosen).map(([name, value]) => `${name}=${value ?? "cls"}`);
  history.replaceState(null, "", `#${parts.join("&")}`);
}

// Controls, made once; `mark` shows in them what is chosen.

function make() {
  const [rows, columns] = gridOf();
  const drawings = index.drawings.map(({ label }, i) => `<label><input type="radio" name="drawing" value="${i}">`
    + `<img src="${files}drawing-${i}.png" alt="${index.classes[label]}" width="56" height="56"></label>`);
  const cells = Array.from({ length: rows * columns }, (_, i) => `<button type="button" data-token="${i}" tabindex="-1" aria-label="${place(columns, i)}"></button>`);
  page.innerHTML = `<form aria-label="What to look at">
    <fieldset class="explorer-drawings"><legend>Drawing</legend>${drawings.join("")}</fieldset>
    <fieldset class="explorer-tokens"><legend>Token <output></output></legend>
      <div class="explorer-grid" style="--columns: ${columns}" role="group" aria-label="Patch tokens; arrow keys move">${cells.join("")}</div>
      <button type="button" data-token="cls">CLS, or the mean</button></fieldset>
    <fieldset class="explorer-depth"><legend>Block</legend><input type="range" name="block" min="0" step="1" aria-label="Block of model A"><output></output></fieldset>
    ${["a", "b"].map(makeModel).join("")}
    <p class="explorer-buttons"><button type="button" data-copy>Copy link</button> <button type="reset">Start again</button></p>
    <p class="explorer-status" role="status"></p></form>`;
  page.classList.add("is-on");
  const form = page.querySelector("form");
  form.addEventListener("input", ({ target }) => choose(readControl(target)));
  form.addEventListener("reset", (event) => { event.preventDefault(); choose(index.first); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("click", ({ target }) => {
    const { token } = target.dataset;
    if (token) choose({ token: token === "cls" ? null : +token });
    if ("copy" in target.dataset) copy(target);
  });
  form.querySelector(".explorer-grid").addEventListener("keydown", (event) => walk(event, rows, columns));
}

function makeModel(letter) {
  const none = letter === "b" ? `<option value="${NONE}">none</option>` : "";
  const designs = Object.entries(index.designs).map(([design, { name }]) => `<option value="${design}">${name}</option>`);
  return `<fieldset class="explorer-model" data-model="${letter}"><legend>Model ${letter.toUpperCase()}</legend>
    <label>Design <select name="design">${none}${designs.join("")}</select></label>
    <label>Seed <select name="seed"></select></label>
    <label class="explorer-training">Training <input type="range" name="percent" min="0" step="1"><output></output></label></fieldset>`;
}

/** What a control that was just moved asks for. */
function readControl(control) {
  if (control.name === "drawing" || control.name === "block") return { [control.name]: +control.value };
  const letter = control.closest("[data-model]").dataset.model;
  if (control.value === NONE) return { [letter]: NONE };
  const now = find(chosen[letter]) ?? { design: "", percent: 100, seed: 0 };
  if (control.name === "design") return { [letter]: findNear({ ...now, design: control.value }) };
  if (control.name === "seed") return { [letter]: findNear({ ...now, seed: +control.value }) };
  return { [letter]: findNear({ ...now, percent: stagesOf(now)[+control.value] }) };
}

const stagesOf = ({ design, seed }) => index.states.filter((state) => state.design === design && state.seed === seed).map((state) => state.percent);

/** The state of this design that is nearest to what is asked for: of the seed first, then in training. */
function findNear({ design, percent, seed }) {
  const distance = (state) => 1000 * Math.abs(state.seed - seed) + Math.abs(state.percent - percent);
  return index.states.filter((state) => state.design === design).reduce((a, b) => (distance(b) < distance(a) ? b : a)).folder;
}

/** Arrow keys move to the neighbouring token. */
function walk(event, rows, columns) {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const move = moves[event.key];
  const now = event.target.dataset.token;
  if (!move || now === undefined) return;
  event.preventDefault();
  const row = Math.min(rows - 1, Math.max(0, Math.floor(now / columns) + move[0]));
  const column = Math.min(columns - 1, Math.max(0, (now % columns) + move[1]));
  choose({ token: row * columns + column });
  page.querySelector(`[data-token="${chosen.token}"]`).focus();
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(location.href);
    say("The link is copied.");
  } catch {
    say("The link is in the address bar.");
  }
}

const say = (text) => { page.querySelector(".explorer-status").textContent = text; };

function mark() {
  const [, columns] = gridOf();
  page.querySelector(`[name="drawing"][value="${chosen.drawing}"]`).checked = true;
  page.querySelector(".explorer-grid").style.backgroundImage = `url("${files}drawing-${chosen.drawing}.png")`;
  for (const button of page.querySelectorAll("[data-token]")) {
    const pressed = button.dataset.token === String(chosen.token ?? "cls");
    button.setAttribute("aria-pressed", pressed);
    if (button.dataset.token !== "cls") button.tabIndex = pressed || (chosen.token === null && button.dataset.token === "0") ? 0 : -1;
  }
  page.querySelector(".explorer-tokens output").textContent = chosen.token === null ? "CLS, or the mean" : place(columns, chosen.token);
  const depth = page.querySelector('[name="block"]');
  depth.max = blocksOf(chosen.a) - 1;
  depth.value = chosen.block;
  tell(depth, `${chosen.block} of 0 to ${blocksOf(chosen.a) - 1}`);
  for (const letter of ["a", "b"]) markModel(letter);
}

function markModel(letter) {
  const state = find(chosen[letter]);
  const part = (name) => page.querySelector(`fieldset[data-model="${letter}"] [name="${name}"]`);
  part("design").value = state?.design ?? NONE;
  for (const name of ["seed", "percent"]) part(name).closest("label").hidden = !state;
  if (!state) return;
  const seeds = [...new Set(index.states.filter(({ design }) => design === state.design).map(({ seed }) => seed))];
  part("seed").innerHTML = seeds.map((seed) => `<option>${seed}</option>`).join("");
  part("seed").value = state.seed;
  const stages = stagesOf(state);
  Object.assign(part("percent"), { max: stages.length - 1, disabled: stages.length === 1 });
  part("percent").value = stages.indexOf(state.percent);
  tell(part("percent"), stage(state.percent) + (state.accuracy === null ? "" : `, test accuracy ${state.accuracy.toFixed(2)}`));
}

/** What a slider stands at, in words. */
function tell(slider, text) {
  slider.setAttribute("aria-valuetext", text);
  slider.nextElementSibling.textContent = text;
}

// The panels.

function choose(changes) {
  chosen = { ...chosen, ...changes };
  chosen.block = Math.min(chosen.block, blocksOf(chosen.a) - 1);
  writeAddress();
  draw();
}

async function load(letter) {
  const state = find(chosen[letter]);
  const design = index.designs[state.design];
  const last = design.blocks.length - 1;
  const block = letter === "a" ? chosen.block : Math.round((chosen.block / (blocksOf(chosen.a) - 1)) * last);
  const [drawing, positions] = await Promise.all(
    [`drawing-${chosen.drawing}`, "positions"].map((name) => fetchArrays(`${files}${state.folder}/${name}.bin`)),
  );
  const title = `${design.name}, ${stage(state.percent)}${state.seed ? `, seed ${state.seed}` : ""}`;
  const where = design.stages[block] ? `, stage ${+design.stages[block].split(".")[1] + 1}` : "";
  return { letter, state, design, block, drawing, positions, title, blockTitle: `block ${block} of 0 to ${last}${where}` };
}

const ABOUT_THE_MODEL = ["occlusion", "answers"]; // rather than one block

async function draw() {
  const asked = chosen;
  mark();
  page.setAttribute("aria-busy", "true");
  try {
    const models = await Promise.all(["a", "b"].filter((letter) => asked[letter] !== NONE).map(load));
    if (asked !== chosen) return; // something else was chosen meanwhile
    const { label, outline } = index.drawings[asked.drawing];
    const view = { ...asked, label, outline, classes: index.classes };
    for (const panel of document.querySelectorAll("[data-panel]")) {
      const name = panel.dataset.panel;
      const named = (model) => (ABOUT_THE_MODEL.includes(name) ? model.title : `${model.title}: ${model.blockTitle}`);
      fill(panel, PANELS[name], view, models.map((model) => ({ ...model, title: named(model) })), index);
    }
    page.removeAttribute("aria-busy");
    say("");
  } catch {
    if (asked === chosen) say("The numbers could not be loaded. Choose again to retry.");
  }
}

index = await fetchJSON(`${files}index.json`);
readAddress();
make();
draw();
new MutationObserver(() => draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
addEventListener("hashchange", () => {
  if (!location.hash.includes("=")) return; // a heading of this page
  readAddress();
  draw();
});
