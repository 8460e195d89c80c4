"""Tables and phrases say what the result says."""

from handmade import result

from seelike.tables import verdicts as tables
from seelike.tables.markdown import NO_BREAK


def test_tables_say_what_the_result_says():
    table = tables.verdicts({"pocket": result(), "mine": result(effect=None, interval=(None, None))})
    table = table.replace(NO_BREAK, " ")
    assert "**0.50 [0.40, 0.60]** **✓ holds**<br>untrained: −0.20 [−0.30, 0.10] ○ open" in table
    assert "not defined" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_phrases_are_complete():
    found = tables.phrases({"pocket": result()})
    assert found["pocket_U1"].replace(NO_BREAK, " ") == "0.50 [0.40, 0.60]"
    assert found["pocket_U1_verdict"] == "holds"
    assert found["U3_threshold"] == "0.35"
    assert found["pocket_images"] == "2,048"
