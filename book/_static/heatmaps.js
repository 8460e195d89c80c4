// Over the picture of a heatmap: the same, to point at for names of layers and values, by mouse, finger or arrow keys.
// Its numbers are fetched from this site, and only when a reader asks: by the button, or by resting the mouse on the picture.
(() => {
  const STEPS = { ArrowUp: [1, 0], ArrowDown: [-1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);
  const within = (value, count) => Math.max(0, Math.min(count - 1, value));

  function fetchScript(src) {
    return new Promise((resolve, reject) => {
      document.head.append(make("script", { src, onload: resolve, onerror: reject }));
    });
  }

  function paint(canvas, values, colours) {
    const rows = values.length, columns = values[0].length, last = colours.length - 1;
    Object.assign(canvas, { width: columns, height: rows });
    const brush = canvas.getContext("2d"), pixels = brush.createImageData(columns, rows);
    values.forEach((row, up) => row.forEach((value, right) => {
      const colour = value === null ? [128, 128, 128] : colours[Math.round(Math.max(0, Math.min(1, value)) * last)];
      pixels.data.set([...colour, 255], ((rows - 1 - up) * columns + right) * 4);
    }));
    brush.putImageData(pixels, 0, 0);
  }

  function draw({ title, up, right, values, boundaries }, colours) {
    const panel = make("div", { className: "heatmap" });
    const map = panel.appendChild(make("div", { className: "map", tabIndex: 0 }));
    map.setAttribute("role", "img");
    map.setAttribute("aria-label", `${title}; arrow keys move from layer to layer`);
    map.before(make("span", { className: "title", textContent: title }));
    paint(map.appendChild(make("canvas")), values, colours);
    for (const end of boundaries) {
      map.appendChild(make("i", { className: "end" })).style.bottom = `${(100 * end) / up.length}%`;
      map.appendChild(make("i", { className: "end across" })).style.left = `${(100 * end) / right.length}%`;
    }
    const cell = map.appendChild(make("b", { hidden: true }));
    const told = panel.appendChild(make("output"));
    let [y, x] = [0, 0];
    function point(row, column) {
      [y, x] = [within(row, up.length), within(column, right.length)];
      Object.assign(cell.style, {
        bottom: `${(100 * y) / up.length}%`, height: `${100 / up.length}%`,
        left: `${(100 * x) / right.length}%`, width: `${100 / right.length}%`,
      });
      cell.hidden = false;
      const value = values[y][x];
      const shown = value === null ? "not defined" : value.toFixed(3).replace("-", "−");
      told.replaceChildren(make("strong", { textContent: `CKA ${shown}` }), ` up: ${up[y]} right: ${right[x]}`);
    }
    map.addEventListener("pointermove", (event) => {
      const box = map.getBoundingClientRect();
      const across = (event.clientX - box.left) / box.width, above = (box.bottom - event.clientY) / box.height;
      point(Math.floor(above * up.length), Math.floor(across * right.length));
    });
    map.addEventListener("keydown", (event) => {
      if (!(event.key in STEPS)) return;
      event.preventDefault();
      const [more, further] = cell.hidden ? [0, 0] : STEPS[event.key];
      point(y + more, x + further);
    });
    return panel;
  }

  async function show(figure, button) {
    const { heatmap, root } = button.dataset;
    await fetchScript(`${root}heatmaps/${heatmap}.js`);
    const { colours, panels } = window.seelikeHeatmaps[heatmap];
    const shown = make("div", { className: "heatmaps" });
    shown.setAttribute("role", "group");
    shown.setAttribute("aria-label", figure.querySelector("img").alt);
    shown.append(...panels.map((panel) => draw(panel, colours)));
    shown.insertAdjacentHTML("beforeend", '<div class="scale" aria-hidden="true"><span>0</span><i></i><span>1 CKA</span></div>');
    figure.prepend(shown);
    figure.classList.add("is-hovered");
  }

  async function toggle(figure, button) {
    if (button.disabled) return;
    button.disabled = true;
    try {
      if (figure.querySelector(".heatmaps")) figure.classList.toggle("is-hovered");
      else await show(figure, button);
      button.textContent = figure.classList.contains("is-hovered") ? "Show the picture" : "Hover for values";
    } catch {
      button.textContent = "Could not be loaded";
    } finally {
      button.disabled = false;
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("button[data-heatmap]")) {
      const figure = button.closest("figure");
      button.addEventListener("click", () => toggle(figure, button));
      for (const picture of figure.querySelectorAll("img")) {
        let timer;
        picture.addEventListener("pointerenter", (event) => {
          if (event.pointerType === "mouse" && !figure.querySelector(".heatmaps")) timer = setTimeout(() => toggle(figure, button), 150);
        });
        picture.addEventListener("pointerleave", () => clearTimeout(timer));
      }
    }
  });
})();
