// Over the picture of a heatmap: the same, to hover over for names of layers and values. The plotting library is
// fetched from this site, and only when a reader asks: by the button, or by resting the mouse on the picture.
(() => {
  const fetched = new Map();
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function fetchScript(address) {
    if (!fetched.has(address)) {
      fetched.set(address, new Promise((resolve, reject) => {
        const script = Object.assign(document.createElement("script"), { src: address, onload: resolve, onerror: reject });
        document.head.append(script);
      }));
    }
    return fetched.get(address);
  }

  function colours() {
    const text = style("--pst-color-text-base");
    const axis = { color: text, linecolor: text };
    const hoverlabel = { bgcolor: style("--pst-color-surface"), font: { color: text } };
    return { "font.color": text, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hoverlabel, "xaxis.color": axis.color, "yaxis.color": axis.color };
  }

  async function show(figure, button) {
    const { heatmap, root } = button.dataset;
    await Promise.all([fetchScript(`${root}heatmaps/plotly.min.js`), fetchScript(`${root}heatmaps/${heatmap}.js`)]);
    const panels = document.createElement("div");
    panels.className = "heatmaps";
    panels.setAttribute("role", "img");
    panels.setAttribute("aria-label", figure.querySelector("img").alt);
    figure.prepend(panels);
    figure.classList.add("is-hovered");
    for (const { data, layout } of window.seelikeHeatmaps[heatmap]) {
      const panel = panels.appendChild(document.createElement("div"));
      await Plotly.newPlot(panel, data, layout, { displayModeBar: false, responsive: true });
      await Plotly.relayout(panel, colours());
    }
    panels.insertAdjacentHTML("beforeend", '<div class="scale" aria-hidden="true"><span>0</span><i></i><span>1 CKA</span></div>');
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
    new MutationObserver(() => {
      for (const panel of document.querySelectorAll(".heatmaps .js-plotly-plot")) Plotly.relayout(panel, colours());
    }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  });
})();
