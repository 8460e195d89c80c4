"""Heatmaps of CKA that a reader can hover over: each panel as a plotly figure, all of one figure in a script.

A script, not JSON, so that a page read from disk may load it too.
"""

import json
import re
from pathlib import Path

import plotly
import plotly.graph_objects as go

from seelike.figures.skip_connections import ABLATIONS
from seelike.figures.style import LABELS
from seelike.site.numbers import Array

MEASURES = ("cka", "cka_random")
LIBRARY = Path(plotly.__file__).with_name("package_data") / "plotly.min.js"
LINE = "rgba(94, 200, 229, 0.9)"


def is_heatmap(array: Array) -> bool:
    """Whether an array holds the CKA of layers with layers."""
    return array.measure in MEASURES


def write(arrays: list[Array], label: str, path: Path) -> None:
    """Write the script that hands the panels of the figure called `label` to the page."""
    panels = [json.loads(draw(array).to_json()) for array in arrays]
    path.parent.mkdir(parents=True, exist_ok=True)
    script = f"(window.seelikeHeatmaps ??= {{}})[{json.dumps(label)}] = {json.dumps(panels)};\n"
    path.write_text(script, encoding="utf-8")


def draw(array: Array) -> go.Figure:
    """One panel: the first axis upwards, the second to the right, as in `heatmaps.similarity`."""
    rows, columns = (list(map(str, labels)) for labels in array.labelled.axes.values())
    panel = go.Figure(
        go.Heatmap(
            z=array.labelled.values.astype("float32"),
            x=columns,
            y=rows,
            zmin=0,
            zmax=1,
            colorscale="Magma",
            showscale=False,
            hovertemplate="<b>CKA %{z:.3f}</b><br>up: %{y}<br>right: %{x}<extra></extra>",
        )
    )
    for end in array.labelled.boundaries or []:
        panel.add_hline(end - 0.5, line={"color": LINE, "width": 1})
        panel.add_vline(end - 0.5, line={"color": LINE, "width": 1})
    for axis, labels in ((panel.layout.xaxis, columns), (panel.layout.yaxis, rows)):
        step = max(1, len(labels) // 5)
        ticks = list(range(0, len(labels), step))
        axis.update(type="category", tickvals=ticks, ticktext=[str(tick) for tick in ticks], fixedrange=True)
    title = {"text": title_of(array), "x": 0.5, "font": {"size": 14}}
    margin = {"l": 34, "r": 6, "t": 34, "b": 28}
    panel.update_layout(title=title, margin=margin, dragmode=False, template="none")
    return panel


def title_of(array: Array) -> str:
    """What a panel is called: the model, or both models of a pair."""
    if array.chapter == "skip_connections":
        title = ABLATIONS[array.model]
    else:
        title = " against ".join(LABELS[part] for part in re.findall("vit_small|vit|cnn|mixer", array.model))
    return f"{title}, random weights" if array.measure.endswith("_random") else title
