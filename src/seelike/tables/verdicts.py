"""Tables and phrases from results alone, in Markdown."""

from collections.abc import Mapping
from pathlib import Path

from seelike.results.claims import CLAIMS, NOT_APPLICABLE, OF_PAPER, PAPER, PARTS, Claim, Part
from seelike.results.covers import covers_trainings
from seelike.results.model_names import model_names
from seelike.results.multiplicity import find_marginal
from seelike.results.results import Result
from seelike.results.scorecard import find_marginal_of
from seelike.results.verdict_words import MARKS, VERBS, conjugate_entry
from seelike.tables.markdown import NO_BREAK, mark_entry, number, signed, span, table

MEASURED = "What is measured, and how much deserves the sentence"


def verdicts(results: dict[str, Result], results_dir: str | Path | None = None) -> str:
    """One row a claim: its verdict in every run, what is measured, and a column of numbers for each run.

    Args:
        results: run → the chapter's result.
        results_dir: where the other chapters' results lie, by which verdicts are found to be marginal; without it by
            those of the chapter alone.
    """
    found = {run: result.claims for run, result in results.items()}
    marginal = {
        run: find_marginal_of(result, results_dir) if results_dir else find_marginal(result.claims)
        for run, result in results.items()
    }
    head = ["Claim of the paper", MEASURED, *(f"`{run}`" for run in found)]
    lines = [head, ["---"] * len(head)]
    for claim in (CLAIMS[id] for id in next(iter(found.values()))):
        title = f"**{claim.id}** {claim.text} ({tell_source(claim)})"
        entries = {run: claims.get(claim.id) for run, claims in found.items()}
        judged = tell_by_run(entries, [run for run in found if claim.id in marginal[run]])
        lines.append([f"{title}<br>{judged}", tell_parts(claim), *map(tell_numbers, entries.values())])
    return table(lines)


def tell_source(claim: Claim) -> str:
    """`Fig. 1, B.1`: where a claim stands, with its paper if that is another than the book's."""
    cited = "" if claim.source == PAPER else f"{{cite:t}}`{claim.source}`"
    return ", ".join(filter(None, (cited, claim.figures and f"Fig. {claim.figures}")))


def tell_by_run(entries: dict[str, dict | None], marginal: list[str]) -> str:
    """A line for each run that measured a claim: its verdict, and what the interval covers."""
    return "<br>".join(
        f"`{run}` **{mark_entry(entry, run in marginal)}** over {_name_cover(entry)}"
        for run, entry in entries.items()
        if entry
    )


def tell_parts(claim: Claim) -> str:
    """A line for each part of a claim: its effect in words, the smallest one that deserves the sentence, and why."""
    return "<br>".join(f"{_letter(part.id)}{part.effect}: {reach(part)}, {part.reason}" for part in claim.parts)


def reach(part: Part) -> str:
    """`≥ 0.80 uniform distance (reference 0.60)`: the smallest effect, and the reference where it is not zero."""
    none = f" (reference {signed(part.reference)})" if part.reference else ""
    return f"{_least(part)} {part.units}{none}"


def tell_numbers(entry: dict | None) -> str:
    """Of each part of an entry the effect, the control and what training changes, with intervals and marks.

    Where construction fixes the control there is no telling what training changes.
    """
    if entry is None:
        return "not measured"
    return "<br>".join(_tell_part(id, part) for id, part in entry["parts"].items())


def _tell_part(id: str, part: dict) -> str:
    found, control = number(part, limits=_limits(id)), number(part, "control", _limits(id))
    judged, untrained = MARKS[part["verdict"]], MARKS[part["control_verdict"]]
    lines = f"{_letter(id)}**{found}**{NO_BREAK}{judged}", f"untrained {control}{NO_BREAK}{untrained}"
    return f"{'<br>'.join(lines)}{_tell_change(part)}"


def rules(claims: Mapping[str, Claim] = OF_PAPER) -> str:
    """One row a part of some claims: what is measured, in which units, how much deserves the sentence, and why."""
    head = ["Part", "What is measured", "Units", "No effect", "Smallest effect", "Because", "Against"]
    lines = [head, ["---"] * len(head)]
    for claim in claims.values():
        for part in claim.parts:
            words = [part.effect, part.units, signed(part.reference), _least(part), part.reason, claim.against]
            lines.append([f"**{part.id}**", *words])
    return table(lines)


def phrases(results: dict[str, Result]) -> dict[str, str]:
    """All that prose may cite, by name: `<part>_smallest`, `<part>_reference`, and `<run>_<name>` of `phrases_of`."""
    found = {f"{part.id}_smallest": _exact(part.smallest) for part in PARTS.values()}
    found |= {f"{part.id}_reference": signed(part.reference) for part in PARTS.values()}
    for run, result in results.items():
        found |= {f"{run}_{name}": text for name, text in phrases_of(result).items()}
    return found


def phrases_of(result: Result) -> dict[str, str]:
    """What prose may cite of one result, by name: of claims and their parts, its models and images.

    Of a part `<part>`, `…_control`, `…_training` (numbers with intervals), `…_verdict`, `…_control_verdict`. Of a claim
    the same, the numbers being those of its first part, and `…_covers`, `…_trainings`. Of a measure that is a single
    number `<measure>_<model>`.
    """
    found = {
        f"{measure}_{model}": signed(array.values.item())
        for measure, arrays in result.measures.items()
        for model, array in arrays.items()
        if array.values.size == 1
    }
    marginal = find_marginal_of(result)
    for claim, entry in result.claims.items():
        parts = entry["parts"]
        for id, part in {claim: parts[CLAIMS[claim].main.id], **parts}.items():
            limits = _limits(CLAIMS[claim].main.id if id == claim else id)
            found |= {id: number(part, limits=limits), f"{id}_control": number(part, "control", limits)}
            found |= {f"{id}_training": number(part, "training")} | _conjugate(id, part)
        found |= _conjugate(claim, entry) | {f"{claim}_verdict": conjugate_entry(entry, claim in marginal)}
        found |= {
            f"{claim}_covers": _tell_cover(claim, entry),
            f"{claim}_trainings": span(entry["trainings"].values() or [0]),
        }
    images = f"{result.provenance['dataset']['images']:,}"
    batch_size = str(result.parameters.get("batch_size", "unknown"))
    probed = result.provenance.get("probe_dataset")
    probes = f"{probed['images']:,} images of {probed['name']}" if probed else "no images"
    return found | model_names(result) | {"images": images, "probe_images": probes, "batch_size": batch_size}


def _conjugate(id: str, judged: dict) -> dict[str, str]:
    return {f"{id}_{kind}": VERBS[judged[kind]] for kind in ("verdict", "control_verdict")}


def _tell_cover(claim: str, entry: dict) -> str:
    """`minibatches of images, and trainings`: what an interval covers, in prose."""
    if not entry["trainings"]:
        return CLAIMS[claim].covers
    return f"{CLAIMS[claim].covers}{', and trainings' if covers_trainings(entry) else ' alone'}"


def _name_cover(entry: dict) -> str:
    return entry["covers"] if covers_trainings(entry) else f"{entry['covers']} alone"


def _tell_change(part: dict) -> str:
    fixed = part["control_verdict"] == NOT_APPLICABLE != part["verdict"]
    return "" if fixed else f"<br>trained − untrained {number(part, 'training')}"


def _limits(part: str) -> tuple[float, ...]:
    """What a number of a part is compared with."""
    return 0, PARTS[part].reference, PARTS[part].smallest


def _least(part: Part) -> str:
    return f"{'≥' if part.above else '≤'}{NO_BREAK}{_exact(part.smallest)}"


def _exact(limit: float) -> str:
    """With a third digit where two would be another number."""
    return signed(limit, 2 if round(limit, 2) == round(limit, 3) else 3)


def _letter(part: str) -> str:
    """`**a** `, or nothing for a claim's only part."""
    return f"**{part[-1]}** " if part[-1].isalpha() else ""
