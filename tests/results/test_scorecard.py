"""The scorecard is made of result files alone."""

import json

from seelike.results.scorecard import gather
from seelike.system.paths import RESULTS


def test_gathers_what_the_folder_holds_before_what_the_repository_holds(tmp_path):
    published = RESULTS / "pocket" / "uniformity.json"
    changed = json.loads(published.read_text())
    changed["claims"]["U1"]["effect"] = 0.123
    (tmp_path / "pocket").mkdir()
    (tmp_path / "pocket" / "uniformity.json").write_text(json.dumps(changed))
    assert gather(tmp_path)["pocket"]["U1"]["effect"] == 0.123
    assert gather(tmp_path / "none")["pocket"]["U1"]["effect"] != 0.123
