// Over the scorecard: choices by chapter, run and verdict, and heads that sort. The table is whole without it. What is
// chosen stands in the address, so that a link leads back to it.
(() => {
  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);
  const spell = (name) => name.replaceAll("_", " ");

  function choose(name, label, options) {
    const select = make("select", { name });
    select.append(...options.map(([value, text]) => make("option", { value, textContent: text })));
    const choice = make("label", { textContent: `${label} ` });
    choice.append(select);
    return choice;
  }

  function set(region) {
    const heads = [...region.querySelectorAll("thead th")], body = region.querySelector("tbody");
    const rows = [...body.rows], columns = heads.flatMap((head, i) => (head.dataset.run ? [i] : []));
    const distinct = (values) => [...new Set(values)];
    const chapters = distinct(rows.map((row) => row.dataset.chapter));
    const verdicts = distinct([...body.querySelectorAll("[data-verdict]")].sort((a, b) => b.dataset.order - a.dataset.order)
      .map((cell) => cell.dataset.verdict));
    const form = make("form", { className: "scorecard-choices" }), shown = make("output");
    form.append(
      choose("chapter", "Chapter", [["", "all"], ...chapters.map((name) => [name, spell(name)])]),
      choose("run", "Run", [["", "any"], ...columns.map((i) => [heads[i].dataset.run, heads[i].dataset.run])]),
      choose("verdict", "Verdict", [["", "any"], ...verdicts.map((name) => [name, name])]),
      make("button", { type: "reset", textContent: "Show all" }), shown,
    );
    region.before(form);

    function filter() {
      const { chapter, run, verdict } = Object.fromEntries(new FormData(form));
      const asked = columns.filter((i) => !run || heads[i].dataset.run === run);
      for (const row of rows) {
        const found = asked.map((i) => row.cells[i].dataset.verdict);
        row.hidden = (chapter && row.dataset.chapter !== chapter) || !found.some((each) => each && (!verdict || each === verdict));
      }
      shown.value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} claims`;
      const chosen = String(new URLSearchParams([...new FormData(form)].filter(([, value]) => value)));
      history.replaceState(null, "", `${location.pathname}${chosen && `?${chosen}`}${location.hash}`);
    }

    function sort(column) {
      const down = heads[column].getAttribute("aria-sort") !== "descending";
      heads.forEach((head) => head.removeAttribute("aria-sort"));
      heads[column].setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => (column ? Number(row.cells[column].dataset.order) : -rows.indexOf(row));
      body.append(...[...rows].sort((a, b) => (down ? key(b) - key(a) : key(a) - key(b))));
    }

    heads.forEach((head, column) => {
      if (column && !rows.some((row) => Number(row.cells[column].dataset.order) >= 0)) return;
      const button = make("button", { type: "button", textContent: head.textContent });
      button.addEventListener("click", () => sort(column));
      head.replaceChildren(button);
    });
    for (const [name, value] of new URLSearchParams(location.search)) {
      const select = form.elements.namedItem(name);
      if (select && [...select.options].some((option) => option.value === value)) select.value = value;
    }
    form.addEventListener("change", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    filter();
  }

  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll(".scorecard").forEach(set));
})();
