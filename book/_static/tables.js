// Tables wider than their place say that they scroll, can be scrolled by keys, and keep their heads in sight.
(() => {
  const PLACES = ":is(.pst-scrollable-table-container, .scorecard, .output.text_html:has(> div > table.dataframe))";
  const LONG = 30; // rows of a table whose heads stay in sight

  const scrollers = () => [...document.querySelectorAll(`.bd-content ${PLACES}`)].map((place) => {
    const table = place.querySelector("table");
    return table.scrollWidth > table.clientWidth + 1 ? table : place; // on a phone the table itself scrolls
  });

  function look() {
    document.querySelectorAll(".table-scrolls").forEach((hint) => hint.remove());
    document.querySelectorAll(".bd-content .is-scrolled").forEach((place) => place.classList.remove("is-scrolled"));
    for (const place of scrollers()) {
      if (!place.clientWidth || place.scrollWidth <= place.clientWidth + 1) continue;
      place.classList.add("is-scrolled");
      place.classList.toggle("is-long", place.querySelectorAll("tr").length > LONG);
      place.tabIndex = 0;
      if (place.localName !== "table" && !place.hasAttribute("role")) { // a table keeps its own role
        place.setAttribute("role", "group");
        place.setAttribute("aria-label", "Table that scrolls sideways");
      }
      const both = place.scrollHeight > place.clientHeight + 1 ? " and down ↓" : "";
      const hint = Object.assign(document.createElement("p"), { className: "table-scrolls", textContent: `This table scrolls sideways →${both}` });
      place.closest(PLACES).before(hint);
    }
  }

  let waiting = 0;
  const later = () => { clearTimeout(waiting); waiting = setTimeout(look, 200); };
  addEventListener("load", look);
  addEventListener("resize", later);
  addEventListener("toggle", later, true); // tables in what was folded
})();
