"""Figures of what data does show what the result holds."""

import numpy as np

from seelike.figures import data_scale as data_scale_plots
from seelike.results.labelled_array import LabelledArray


def by_share(*percent, blocks=4, shift=0.0) -> LabelledArray:
    """Values that tell their share: its percent, over 1,000, in every block."""
    values = np.array([[share / 1000 + shift] * blocks for share in percent])
    return LabelledArray({"percent": list(percent), "block": list(range(blocks))}, values)


def lines(ax) -> dict[str, list[float]]:
    return {line.get_label(): line.get_ydata().tolist() for line in ax.lines}


def test_similarity_has_a_line_a_share_and_dashed_ones_for_seeds():
    cka = {"vit": by_share(3, 10), "cnn": by_share(3, blocks=3), "vit_small": by_share(3, shift=0.5)}
    seeds = LabelledArray({"model": ["a", "b"], "block": [0, 1]}, np.array([[0.7, 0.6], [0.8, 0.5]]))
    measures = {"data_scale_cka": cka | {"vit_seeds": seeds}, "data_scale_cka_random": {"vit": by_share(1000, 1000)}}
    left, right = data_scale_plots.similarity(measures)
    found = lines(left)
    assert found["3 % of the data"] == [0.003] * 4 and found["10 % of the data"] == [0.01] * 4
    assert found["same seed, untrained"] == [1] * 4 and found["all data, other seeds"] == [0.7, 0.6]
    assert [line.get_ydata().tolist() for line in left.lines if line.get_linestyle() == "--"][1] == [0.8, 0.5]
    assert lines(right) == {"ViT": [0.003] * 4, "small ViT": [0.503] * 4, "CNN": [0.003] * 3}
    assert right.lines[-1].get_xdata().tolist() == [0, 0.5, 1]


def probed() -> dict:
    accuracy = {"vit": by_share(3, 30, 100), "cnn": by_share(3, 100, blocks=5)}
    control = {"vit": by_share(3, 30, 100, shift=0.5), "cnn": by_share(3, 100, blocks=5, shift=0.5)}
    return {"probe_accuracy": accuracy, "probe_accuracy_random": control}


def test_probes_show_every_share_and_the_extremes_of_all_models():
    task = {"transfer_accuracy": {"vit": by_share(3, 100)}, "transfer_accuracy_random": {"vit": by_share(3, 100)}}
    left, middle, right = data_scale_plots.probes(probed() | task)
    assert lines(left)["30 %"] == [0.03] * 4 and lines(left)["untrained"] == [0.6] * 4
    assert lines(middle)["CNN"] == [0.1] * 5 and lines(middle)["ViT"] == [0.1] * 4
    dotted = [line.get_ydata()[0] for line in middle.lines if line.get_linestyle() == ":"]
    assert dotted == [0.003, 0.003]
    assert list(lines(right)) == ["3 %", "100 %", "untrained"]


def test_the_cls_token_of_the_full_data_vit_has_a_line_among_the_models():
    for shares, expected in (((3, 100), [0.1] * 4), ((3,), None)):
        middle = data_scale_plots.probes(probed() | {"cls_probe_accuracy": {"vit": by_share(*shares)}})[1]
        assert lines(middle).get("ViT, CLS token") == expected
    assert "ViT, CLS token" not in lines(data_scale_plots.probes(probed())[1])


def test_without_another_task_there_are_two_panels():
    assert len(data_scale_plots.probes(probed())) == 2


def test_tuning_draws_the_tasks_that_there_are():
    far = LabelledArray({"task": ["far"], "block": [0, 1]}, np.array([[0.9, 0.6]]))
    ax = data_scale_plots.fine_tuning({"tuning_cka": {"vit": far}, "data_scale_cka": {}})
    assert lines(ax) == {"far task": [0.9, 0.6]}


def test_local_heads_stand_between_their_bounds():
    axes = {"percent": [3, 100], "bound": ["distance", "low", "high"]}
    array = {"vit": LabelledArray(axes, np.array([[0.9, 0.8, 0.95], [0.7, 0.6, 0.8]]))}
    ax = data_scale_plots.local_heads({"local_head_distance": array, "local_head_distance_random": array})
    bars = ax.containers[0]
    assert bars[0].get_ydata().tolist() == [0.9, 0.7]
    np.testing.assert_allclose([segment[:, 1] for segment in bars[2][0].get_segments()], [[0.8, 0.95], [0.6, 0.8]])
    assert [text.get_text() for text in ax.get_xticklabels()] == ["3 %", "100 %"]
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 1  # a small difference looks small
