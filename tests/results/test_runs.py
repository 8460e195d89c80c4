"""Published runs: a folder of results and a description make a column everywhere, and no code or notebook changes."""

import matplotlib.pyplot as plt
import nbformat
import pytest
import yaml
from handmade import result
from matplotlib.figure import Figure

from seelike.figures import effects
from seelike.figures import heatmaps as plots
from seelike.figures import scorecard as scorecard_plots
from seelike.results import runs
from seelike.results.results import Result
from seelike.results.scorecard import gather, gather_results
from seelike.site import numbers
from seelike.site.run_sections import NONE, expand
from seelike.system.errors import InputError
from seelike.system.paths import BOOK, RESULTS
from seelike.tables import provenance, readings, scorecard, verdicts

ABOUT = {"order": 5, "title": "{vit} at home", "images": "{images} pictures", "tells": "Little.", "lacks": "Much.",
         "readings": {"uniformity": "U1 is {U1} and {U1_verdict}, {term}`CKA` apart."}}  # fmt: skip


@pytest.fixture
def home(tmp_path, monkeypatch) -> Result:
    """A further run beside the book's own, each published in a folder of its own: models of a user's own files."""
    (tmp_path / "runs").mkdir()
    for known in (BOOK / "runs").glob("*.yaml"):
        (tmp_path / "runs" / known.name).write_text(known.read_text())
    (tmp_path / "runs" / "home.yaml").write_text(yaml.safe_dump(ABOUT))
    monkeypatch.setattr(runs, "BOOK", tmp_path)
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "none")
    own = {"name": "ViT of the house", "architecture": "vit_small_patch16_224", "origin": "file"}
    for profile, about in (("pocket", {}), ("home", own | {"file": "w.pth", "file_sha256": "f" * 64})):
        made = result(profile=profile)
        made.provenance["models"]["vit"] |= about
        made.save(tmp_path / "results")
    return Result.load(tmp_path / "results" / "home" / "uniformity.json")


def test_runs_stand_in_their_stated_order(home, tmp_path):
    orders = [run.order for run in runs.read_runs().values()]
    assert orders == sorted(orders)
    assert list(runs.read_published("uniformity", tmp_path / "results"))[:2] == ["pocket", "home"]


def test_a_folder_without_a_description_is_no_published_run(home, tmp_path):
    (tmp_path / "runs" / "home.yaml").unlink()
    assert "home" not in runs.read_published("uniformity", tmp_path / "results")


def test_the_scorecard_shows_it(home, tmp_path):
    results = gather_results(tmp_path / "results")
    found = gather(tmp_path / "results")
    assert list(found)[:2] == ["pocket", "home"]
    assert "`home`" in scorecard.rows(found).splitlines()[0]
    row = next(line for line in scorecard.columns(results).splitlines() if line.startswith("| `home`"))
    assert "ViT of the house" in row and "w.pth" in row and "2,048 pictures" in row and "Little. Much." in row
    assert scorecard.phrases(found)["others"].startswith("In the run home: Of 1 claim whose interval covers")
    labels = [label.get_text() for label in scorecard_plots.summary(found).get_yticklabels()]
    assert labels[2] == "home"


def test_a_chapters_tables_and_figures_show_it(home, tmp_path):
    published = runs.gather(runs.read_published("uniformity", tmp_path / "results")["pocket"], tmp_path / "results")
    head = verdicts.verdicts(published, tmp_path / "results").splitlines()[0].strip(" |").split(" | ")
    assert head[2:] == ["`pocket`", "`home`"]
    assert "Provenance of the home numbers" in provenance.provenance(published)
    labels = [label.get_text() for label in effects.effects(published)[0].get_yticklabels()]
    assert labels == ["pocket", "home"]
    plt.close("all")


def test_a_notebook_shows_it_and_the_book_makes_a_section_of_it(home, monkeypatch):
    notebook = nbformat.read(BOOK / "uniformity.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if "runs" in cell.metadata.get("seelike", {}))
    home.measures["cka_random"] = home.measures["cka"]
    pocket = result()
    shown = []
    monkeypatch.setattr(readings, "display", lambda what, metadata: shown.append((what, metadata)))
    space = {"published": {"pocket": pocket, "home": home}, "result": pocket}
    exec(cell.source, space | {"runs": runs, "readings": readings, "plots": plots})
    heading, figure, reading = (what for what, _ in shown)
    assert heading.data.startswith("### ViT of the house at home\n\n2,048 pictures. Much.")
    claim = verdicts.phrases_of(home)
    assert reading.data == f"U1 is {claim['U1']} and {claim['U1_verdict']}, {{term}}`CKA` apart."
    forms = [{"text/markdown": heading.data}, {"image/svg+xml": "<svg/>"}, {"text/markdown": reading.data}]
    cell.outputs = [
        nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        for data, (_, metadata) in zip(forms, shown, strict=True)
    ]
    page = expand(notebook, {"pocket": pocket, "home": home})
    named = {c.metadata.get("mystnb", {}).get("figure", {}).get("name"): c for c in page.cells}
    part = named["fig-uniformity-home"]
    assert isinstance(figure, Figure) and part.outputs == [nbformat.from_dict(svg) for svg in cell.outputs[1:2]]
    assert "--profile home`" in part.metadata.mystnb.figure.caption
    assert part.metadata.mystnb.figure.caption.startswith("**ViT of the house and c.**")
    assert len(numbers.find(part.metadata.seelike.numbers, {"uniformity/home": home}).arrays) == 6
    assert [c.source for c in page.cells if c.source.startswith("### ViT of the house")] and not any(
        "runs" in c.metadata.get("seelike", {}) for c in page.cells
    )


def test_a_page_without_other_runs_says_so():
    notebook = nbformat.read(BOOK / "uniformity.ipynb", as_version=4)
    page = expand(notebook, {})
    assert sum(cell.source == NONE for cell in page.cells) == 1


def test_a_reading_that_names_what_the_result_lacks_is_an_error(home, tmp_path):
    about = ABOUT | {"readings": {"uniformity": "A1 is {A1}."}}
    (tmp_path / "runs" / "home.yaml").write_text(yaml.safe_dump(about))
    with pytest.raises(InputError, match=r"home\.yaml.*\{A1\}"):
        readings.read(home)


@pytest.mark.parametrize("about", ["order: 1", "[1]", "order: [", "{**{}: 1}"])
def test_a_description_that_is_none_is_refused_by_its_name(home, tmp_path, about):
    (tmp_path / "runs" / "home.yaml").write_text(about)
    with pytest.raises(InputError, match=r"home\.yaml describes no run"):
        runs.read_runs()


def test_every_reading_of_a_published_run_can_be_filled():
    for name, results in gather_results(RESULTS).items():
        for each in results if name != runs.OWN else ():
            assert readings.introduce(each) and readings.read(each)


def test_every_run_but_the_books_own_has_a_reading_for_each_chapter_that_it_answers():
    cells = {path.stem: nbformat.read(path, as_version=4).cells for path in BOOK.glob("*.ipynb")}
    chapters = {name for name, own in cells.items() if any("runs" in c.metadata.get("seelike", {}) for c in own)}
    assert len(chapters) >= 8
    published = gather_results(RESULTS)
    for name, run in runs.read_runs().items():
        answered = {result.chapter for result in published.get(name, [])}
        assert name == runs.OWN or chapters & answered <= run.readings.keys() <= chapters, name
        assert name == runs.OWN or run.readings, name
