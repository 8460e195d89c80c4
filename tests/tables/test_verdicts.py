"""Tables and phrases say what the result says."""

from handmade import claim, part, result

from seelike.results import runs
from seelike.results.claims import AROUND, CLAIMS, OF_PAPER, PARTS
from seelike.results.labelled_array import LabelledArray
from seelike.results.verdict_words import MARGINAL, MARKS
from seelike.system.paths import BOOK
from seelike.tables import verdicts as tables
from seelike.tables.markdown import NO_BREAK


def show(*results, **more) -> str:
    return tables.verdicts({f"run{i}": each for i, each in enumerate(results)}, **more).replace(NO_BREAK, " ")


def test_a_row_is_a_claim_with_its_verdicts_first_and_all_its_numbers():
    table = show(result(), result(None))
    lines = table.splitlines()
    assert len(lines) == 4 and len({line.count("|") for line in lines}) == 1
    title, measured, numbers, undefined = lines[2].strip(" |").split(" | ")
    assert title.startswith(f"**U1** {CLAIMS['U1'].text} (Fig. 1, B.1)<br>`run0` **✓ holds** over images and trainings")
    assert measured == f"{PARTS['U1'].effect}: ≥ 0.20 CKA, “far more”"
    assert numbers == (
        "**0.50 [0.40, 0.60]** ✓<br>untrained 0.00 [−0.10, 0.10] ?<br>trained − untrained 0.50 [0.40, 0.60]"
    )
    assert "not defined" in undefined
    assert "**b** **0.30 [0.20, 0.40]** ✓" in lines[3] and "**a** mean CKA" in lines[3]
    assert "≤ 0.40 depth (reference 0.50), the paper's own worst case" in lines[3]
    assert "over images alone" in lines[3] and "and trainings" not in lines[3]


def test_what_training_changes_is_not_told_beside_a_control_that_construction_fixes():
    fixed, neither = (part(0.3, verdict, "not applicable") for verdict in ("weak", "not applicable"))
    assert show(result(D2=claim("D2", fixed))).endswith("**0.30 [0.20, 0.40]** ≈<br>untrained 0.00 [−0.10, 0.10] – |")
    assert "trained − untrained 0.30" in show(result(U1=claim("U1", neither)))


def test_a_claim_that_one_run_lacks_is_told_so_and_has_no_verdict_there():
    line = show(result(), result(U1=claim("U1", part()))).splitlines()[3]
    assert line.endswith("| not measured |") and "`run1`" not in line


def test_a_marginal_verdict_is_marked_by_all_claims_of_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "RESULTS", tmp_path / "none")
    narrow = claim("U1", part(p=0.02))
    many = {id: claim(id, part(verdict="inconclusive", p=0.9)) for id in ("S1", "S3", "S4")}
    result(chapter="skip_connections", **many).save(tmp_path)
    own = {"pocket": result(U1=narrow)}
    assert "✓ holds**" in tables.verdicts(own).replace(NO_BREAK, " ")
    assert "✓\N{WORD JOINER}† holds, marginal**" in tables.verdicts(own, tmp_path).replace(NO_BREAK, " ")


def test_phrases_name_every_part_and_every_claim():
    found = {name: text.replace(NO_BREAK, " ") for name, text in tables.phrases({"pocket": result()}).items()}
    assert found["pocket_U1"] == found["pocket_U1_training"] == "0.50 [0.40, 0.60]"
    assert found["pocket_U3"] == found["pocket_U3a"] and found["pocket_U3b"] == "0.30 [0.20, 0.40]"
    assert found["pocket_U3b_control"] == "0.00 [−0.10, 0.10]" and found["pocket_U3b_verdict"] == "holds"
    assert (found["pocket_U1_verdict"], found["pocket_U1_control_verdict"]) == ("holds", "is inconclusive")
    assert (found["pocket_U1_trainings"], found["pocket_U3_trainings"]) == ("3", "1")
    assert found["pocket_U1_covers"] == "minibatches of images, and trainings"
    assert found["pocket_U3_covers"] == "minibatches of images alone"
    assert (found["U3b_smallest"], found["U3b_reference"], found["A3_smallest"]) == ("0.40", "0.50", "−0.15")
    assert found["pocket_images"] == "2,048"


def test_a_measure_that_is_a_single_number_may_be_cited():
    found = result()
    found.measures["shape_bias"] = {"vit": LabelledArray({"pictures": ["all"]}, [0.254])}
    found.measures["curve"] = {"vit": LabelledArray({"step": [1, 2]}, [0.1, 0.2])}
    cited = tables.phrases({"pocket": found})
    assert cited["pocket_shape_bias_vit"] == "0.25" and "pocket_curve_vit" not in cited


def test_the_rules_have_a_row_for_every_part():
    lines = tables.rules().splitlines() + tables.rules(AROUND).splitlines()[2:]
    parts = [part for claim in (OF_PAPER | AROUND).values() for part in claim.parts]
    assert len(lines) == 2 + len(PARTS) and len({line.count(" | ") for line in lines}) == 1
    assert all(part.reason in lines[2 + row] for row, part in enumerate(parts))


def test_the_page_of_the_rules_explains_every_mark():
    page = (BOOK / "verdicts.ipynb").read_text(encoding="utf-8")
    assert all(f"| **{mark} {verdict}** |" in page for verdict, mark in MARKS.items())
    assert f"{MARGINAL} stands beside its mark" in page
