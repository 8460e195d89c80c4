"""The page of speed: bars told right, from a file of `make bench` alone; anything else refused."""

import copy
import json

import pytest

from seelike.figures import speed as speed_plots
from seelike.system.errors import InputError
from seelike.system.paths import BOOK
from seelike.tables import speed


@pytest.fixture(scope="module")
def found():
    return speed.read()


def test_the_published_file_has_every_bar_and_prose_its_numbers(found):
    assert set(found["bars"]) <= set(speed.MEANINGS)
    assert speed.bars(found).count(" at ") == len(found["bars"])
    said = speed.phrases(found)
    assert said["cka_over_forward"] == f"{found['cka_over_forward']:.3g}"
    assert found["machine"]["processor"] in said["bench_machine"]


def test_bars_that_are_met_and_missed(found):
    changed = copy.deepcopy(found) | {"cka_over_forward": 1.1, "peer_over_ours_all": 39.0, "difference_ours": 2e-7}
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in speed.bars(changed).splitlines()}
    assert rows[speed.MEANINGS["cka_over_forward"]].endswith("| 1.1 | at most 1.15 | ✓ met |")
    assert rows[speed.MEANINGS["peer_over_ours_all"]].endswith("| 39 | at least 40 | ✗ missed |")
    assert "| 2.0e-07 | at most 1.0e-05 | ✓ met |" in rows[speed.MEANINGS["difference_ours"]]
    least = sum(way == "at least" for way, _ in found["bars"].values())
    said = speed.phrases({**found, **dict.fromkeys(found["bars"], 0.0)})["bench_missed"]
    assert said.startswith(f"{least} of the {len(found['bars'])} bars")


def test_the_peer_stands_beside_the_passes_that_neither_can_do_without(found):
    rows = speed.peers(found).splitlines()[2:]
    for row, name in zip(rows, speed.PEERS, strict=True):
        each = found["peer"][name]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[0] == f"{sum(each['layers'].values())} {speed.PEERS[name]}"
        assert cells[1] == f"{each['images']} by {each['batch']}"
        assert [float(cell.split()[0]) for cell in cells[2:5]] == pytest.approx(
            [each["seconds_forward"], each["seconds_ours"], each["seconds_peer"]], rel=0.01
        )
        assert float(cells[6]) == pytest.approx(each["seconds_peer"] / each["seconds_ours"], rel=0.01)


def test_a_peer_that_an_earlier_run_did_not_ask_is_told_as_not_measured(found):
    changed = copy.deepcopy(found)
    for each in changed["peer"].values():
        each |= {"seconds_modern_peer": 3.21, "modern_peer_over_ours": 1.72, "peak_mib_modern_peer": 2345}
    assert speed.peers(changed).count("3.21 s") == speed.peers(changed).count("| 1.72 |") == len(speed.PEERS)
    assert speed.peaks(changed).count("| 2345 |") == len(speed.PEERS)
    for each in changed["peer"].values():
        del each["seconds_modern_peer"], each["peak_mib_modern_peer"]
    assert speed.peers(changed).count(speed.ABSENT) == speed.peaks(changed).count(f"{speed.ABSENT} |\n") + 1 == 3
    del changed["cka_over_forward"], changed["bars"]["cka_over_forward"]
    assert speed.phrases(changed)["cka_over_forward"] == speed.ABSENT


def test_growth_of_chapters_is_told_by_its_exponents(found):
    def axis(name, sizes, seconds):
        runs = [{name: size, "seconds": 1.0} for size in sizes]
        return {"runs": runs, "exponents": {"seconds": seconds, "mib": 0.5}}

    sizes = {"images": ((1, 2, 4), 0.987), "depth": ((4, 8), 1), "side": ((9,), 2)}
    grown = {name: axis(name, *each) for name, each in sizes.items()}
    changed = found | {"growth": {"mixer": grown}}
    assert speed.growths(changed).splitlines()[-1] == "| mixer | 0.99 | 1.00 | 2.00 | 0.50 | 0.50 | 0.50 |"
    assert "1, 2 and 4 images" in speed.growths(changed)
    without = {name: value for name, value in found.items() if name != "growth"}
    assert "Not measured yet" in speed.growths(without)


def test_the_other_reading_of_a_bar_is_told_by_its_number(found):
    bar = found["bars"]["peer_over_ours_all"][1]
    for ratio, said in ((bar - 0.1, "not met"), (bar, "met")):
        assert speed.phrases(found | {"peer_over_ours_set_all": ratio})["set_all_met"] == said


def test_no_paragraph_says_that_bars_are_met_without_the_reading_by_which_one_is_not():
    cells = json.loads((BOOK / "speed.ipynb").read_text(encoding="utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    paragraphs = [line for text in texts for line in text.splitlines()]
    met, otherwise = ([line for line in paragraphs if f"`{name}`" in line] for name in ("bench_missed", "set_all_met"))
    assert met == otherwise and len(met) == 1


def test_every_part_is_told_with_its_commit_and_loads(found):
    part = {"time": "2026-01-02T03:04:05+00:00", "commit": "0123456789+", "load_before": 0.04, "load_after": 2.3}
    older = part | {"commit": None, "load_after": None}
    table = speed.parts({"parts": {"peers": part, "book": older}}).splitlines()[2:]
    assert table == [
        "| peers | 2026-01-02 | `0123456 with changes that were not committed` | 0.0 | 2.3 |",
        "| book | 2026-01-02 | `unknown` | 0.0 | not known |",
    ]
    assert len(speed.parts(found).splitlines()) == 2 + len(found["parts"])


def test_shares_of_the_profile_add_up(found):
    profile = found["profile"]
    total = sum(row["share"] for row in profile["rows"]) + profile["other_operators"] + profile["outside_operators"]
    assert 0.98 < total < 1.1
    assert speed.profiled(found).count("\n") == len(profile["rows"]) + 3


def test_growth_is_drawn_from_the_file(found):
    axes = speed_plots.growth(found)
    assert axes.shape == (2, 3)
    for column, name in zip(axes.T, speed_plots.GROWTHS, strict=True):
        assert list(column[0].lines[0].get_ydata()) == [run["seconds"] for run in found[name]]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"machine": {}}'])
def test_what_is_no_file_of_the_benchmark_is_refused(content, tmp_path):
    (tmp_path / "bench.json").write_text(content)
    with pytest.raises(InputError, match="bench.json (of `make bench` cannot be read|is none of `make bench`)"):
        speed.read(tmp_path / "bench.json")


def test_the_file_keeps_the_bars_themselves():
    assert json.loads(speed.FILE.read_text())["bars"]["memory_growth"] == ["at most", 0.05]


def test_chapter_times_that_were_left_out_are_said_to_be(found):
    assert "| uniformity | 12 |" in speed.chapters({**found, "chapter_seconds": {"uniformity": 12.3}})
    assert speed.chapters({k: v for k, v in found.items() if k != "chapter_seconds"}) == "This run left them out."
