// Tables wider than their place say that they scroll, can be scrolled by keys, and keep their heads in sight.
(() => {
  const scrollers = () => [...document.querySelectorAll(".bd-content .pst-scrollable-table-container")].map((place) => {
    const table = place.querySelector("table");
    return table.scrollWidth > table.clientWidth + 1 ? table : place; // on a phone the table itself scrolls
  });

  function look() {
    document.querySelectorAll(".table-scrolls").forEach((hint) => hint.remove());
    document.querySelectorAll(".bd-content .is-scrolled").forEach((place) => place.classList.remove("is-scrolled"));
    for (const place of scrollers()) {
      if (!place.clientWidth || place.scrollWidth <= place.clientWidth + 1) continue;
      place.classList.add("is-scrolled");
      place.tabIndex = 0;
      if (place.localName !== "table") { // a table keeps its own role
        place.setAttribute("role", "group");
        place.setAttribute("aria-label", "Table that scrolls sideways");
      }
      const hint = Object.assign(document.createElement("p"), { className: "table-scrolls", textContent: "This table scrolls sideways →" });
      place.closest(".pst-scrollable-table-container").before(hint);
    }
  }

  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(look, 200); };
  addEventListener("load", look);
  addEventListener("resize", later);
  addEventListener("toggle", later, true); // tables in what was folded
})();
