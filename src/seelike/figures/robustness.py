"""Specification curves: a claim's effect in all its universes, in order, and below each the options that make it."""

from collections.abc import Iterable, Iterator
from itertools import islice

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec

from seelike.figures.forms import in_both_forms, is_narrow, width_of
from seelike.figures.palette import CLAIMED, COLORS, INK, VERDICTS
from seelike.results.claims import CLAIMS, Claim
from seelike.results.robustness import Found, Outcome, Robust, choose_judged
from seelike.results.verdict_words import FRAGILE, MARKS

MARKERS = {"holds": "o", "weak": "s", "absent": "D", "reversed": "v", "inconclusive": "X", "not applicable": "."}
Options = list[tuple[str, str]]  # a choice and one of its options
Row = tuple[Claim, Options, dict[str, Robust]]  # by run
CURVE, OPTION, GAP = 1.15, 0.16, 0.95  # inches: of a curve, of a row of options, between claims


@in_both_forms
def curves(found: dict[str, Found], chapter: str) -> np.ndarray:
    """Of each claim of a chapter the runs to which it applies, two beside each other; (panels, 2): curve and options.

    The curve is that of the claim's first part with its interval; signs are the verdicts of the whole claim, the dotted
    line marks the published universe, the line the reference; the shaded side is where an effect deserves the sentence.
    """
    rows = list(_share_out(found, chapter, 1 if is_narrow() else 2))
    if not rows:
        return np.empty((0, 2), dtype=object)
    heights = [CURVE + GAP + OPTION * len(options) for _, options, _ in rows]
    columns = max(len(runs) for *_, runs in rows)
    figure = plt.figure(figsize=(width_of(2.2 + 3.6 * columns), sum(heights) + 0.4), layout="none")
    outer = figure.add_gridspec(len(rows), columns, height_ratios=heights, hspace=0.1, wspace=0.2)
    axes = []
    for row, (claim, options, runs) in enumerate(rows):
        shares = (CURVE, OPTION * len(options), GAP * 0.6)
        for column, (run, robust) in enumerate(runs.items()):
            inner = GridSpecFromSubplotSpec(3, 1, outer[row, column], height_ratios=shares, hspace=0.02)
            own = [figure.add_subplot(inner[0]), figure.add_subplot(inner[1])]
            _draw_claim(*own, claim, robust, options, run)
            _tidy(*own, options, labelled=column == 0)
            own[0].set_ylabel("" if column else f"effect {claim.main.id}", fontsize=8.5)
            axes.append(own)
    return np.array(axes, dtype=object)


def _share_out(
    found: dict[str, Found], chapter: str, columns: int
) -> Iterator[tuple[Claim, Options, dict[str, Robust]]]:
    """Rows of panels: a claim, all its options, and so many of the runs to which it applies."""
    for claim in (claim for claim in CLAIMS.values() if claim.chapter == chapter):
        judged = {run: robust[claim.id] for run, robust in found.items() if claim.id in choose_judged(robust)}
        options = _list_options(judged.values(), claim)
        runs = iter(judged.items())
        while some := dict(islice(runs, columns)):
            yield claim, options, some


def _list_options(judged: Iterable[Robust], claim: Claim) -> Options:
    """Every choice with every option that some run has."""
    known = [robust.list_options() for robust in judged]
    return list(dict.fromkeys((name, option) for of in known for name in claim.choices for option in of.get(name, ())))


def _draw_claim(curve: Axes, below: Axes, claim: Claim, robust: Robust, options: Options, run: str) -> None:
    curve.set_title(f"{claim.id} {run}:\n{_tell(robust)}", loc="left", fontsize=8.5)
    ordered = sorted(robust.outcomes, key=_find_effect)
    _draw_curve(curve, claim, ordered)
    place = next(x for x, each in enumerate(ordered) if each.choices == robust.published)
    for ax in (curve, below):
        ax.axvline(place, color=INK, linewidth=1, linestyle=":")
        ax.set_xlim(-1, len(ordered))
    _draw_options(below, [[each.choices[name] == option for each in ordered] for name, option in options])


def _tell(robust: Robust) -> str:
    fragile = f" {FRAGILE} fragile" if robust.fragile else ""
    return f"{MARKS[robust.verdict]} {robust.verdict}, {robust.agree} of {robust.combinations}{fragile}"


def _find_effect(outcome: Outcome) -> float:
    """The effect of a claim's first part; those that are not defined come last."""
    effect = next(iter(outcome.parts.values()))[0]
    return np.inf if effect is None else effect


def _draw_curve(ax: Axes, claim: Claim, ordered: list[Outcome]) -> None:
    part, places = claim.main, np.arange(len(ordered))
    values = np.array([each.parts[part.id][:3] for each in ordered], dtype=float).T
    ax.update_datalim(np.stack([np.tile(places, 3), values.ravel()], 1))
    ax.autoscale_view()
    bottom, top = ax.get_ylim()
    ends = (part.smallest, max(top, part.smallest)) if part.above else (min(bottom, part.smallest), part.smallest)
    ax.axhspan(*ends, color=CLAIMED, alpha=0.2, linewidth=0)
    ax.axhline(part.reference, color=INK, linewidth=1)
    ax.set_xlim(-1, len(ordered))
    ax.imshow(
        _paint(ax, places, *values, [each.verdict for each in ordered]),
        aspect="auto",
        interpolation="none",
        extent=(*ax.get_xlim(), *ax.get_ylim()),
        zorder=1.5,  # above the shaded side, below the lines
    )


def _paint(
    ax: Axes, places: np.ndarray, effects: np.ndarray, low: np.ndarray, high: np.ndarray, verdicts: list[str]
) -> np.ndarray:
    """The inside of a curve as a picture, (rows, columns, 4): intervals, and a sign for each verdict.

    matplotlib would rasterize them, too, but each time on a sheet of the whole figure's size, for all panels in turn.
    """
    size, sharpness = ax.get_window_extent().size, ax.figure.dpi
    canvas = FigureCanvasAgg(Figure(size / sharpness, dpi=sharpness, facecolor="none", layout="none"))
    sheet = canvas.figure.add_axes((0, 0, 1, 1), xlim=ax.get_xlim(), ylim=ax.get_ylim())
    sheet.axis("off")
    edges = np.stack([places - 0.5, places + 0.5], 1).ravel()
    sheet.fill_between(edges, low.repeat(2), high.repeat(2), color=COLORS["random"], alpha=0.3, linewidth=0)
    for verdict, marker in MARKERS.items():
        own = np.array(verdicts) == verdict
        look = {"color": VERDICTS[verdict], "markeredgecolor": INK, "markeredgewidth": 0.4, "markersize": 4}
        sheet.plot(places[own], effects[own], marker, **look)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def _draw_options(ax: Axes, has: list[list[bool]]) -> None:
    """A row an option, with a bar over each universe that has it: one picture, of which half of each row is bar."""
    bars = np.ma.masked_equal(np.repeat(np.array(has, dtype=float), 4, 0), 0)
    bars[0::4] = bars[3::4] = np.ma.masked
    size = -0.5, len(has[0]) - 0.5, len(has) - 0.5, -0.5
    ax.imshow(bars, ListedColormap([COLORS["vit"]]), aspect="auto", interpolation="none", extent=size)


def _tidy(curve: Axes, below: Axes, options: Options, labelled: bool) -> None:
    curve.set_xticks([])
    below.set_xticks([])
    words = [f"{name}: {option}" for name, option in options] if labelled else [""] * len(options)
    below.set_yticks(range(len(options)), words, fontsize=8)
    below.set_ylim(len(options) - 0.5, -0.5)
    below.tick_params(length=0)
    below.spines[:].set_visible(False)
    curve.tick_params(labelsize=8)
