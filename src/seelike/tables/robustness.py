"""What varies with the choices behind a verdict, as tables and phrases, from robustness files alone."""

from collections.abc import Iterator, Mapping

from seelike.results.choices import CHOICES
from seelike.results.claims import AROUND, CLAIMS, OF_PAPER, PARTS, Claim
from seelike.results.robustness import Found, Outcome, Robust, choose_judged
from seelike.results.runs import OWN
from seelike.results.verdict_words import FRAGILE, MARKS, VERBS
from seelike.tables.markdown import NO_BREAK, join, signed, table

NONE = "For no run is it published in how many analyses its verdicts stand: `seelike robustness` measures it."
SAME = "No verdict of the runs turns where the measure of similarity alone is another."
TOLD = 2  # claims in a paragraph each


def overview(found: dict[str, Found], asked: Mapping[str, Claim] = OF_PAPER) -> str:
    """One row a claim: in how many universes its verdict stands, in every run, and with each training alone.

    Claims without choices have no row, and runs that measured none of those asked for no column.
    """
    if not found:
        return NONE
    found = {run: robust for run, robust in found.items() if robust.keys() & asked.keys()}
    lines = [["Claim", "Choices", *(f"`{run}`" for run in found)], ["---"] * (2 + len(found))]
    for key, claim in ((key, claim) for key, claim in asked.items() if claim.choices):
        told = (_tell(robust.get(key)) for robust in found.values())
        lines.append([f"**{key}** {claim.text}", ", ".join(claim.choices), *told])
    return table(lines)


def _tell(robust: Robust | None) -> str:
    if robust is None:
        return "not measured"
    if not robust.applies:
        return f"{MARKS[robust.verdict]} {robust.verdict}"
    mark = f"{MARKS[robust.verdict]}{FRAGILE if robust.fragile else ''}"
    said = (
        f"**{mark} {robust.verdict}**, {'fragile, ' if robust.fragile else ''}{robust.agree} of {robust.combinations}"
    )
    agree, alone = robust.count_alone()
    return f"{said}<br>each training alone: {agree} of {alone}" if alone else said


def by_choice(robust: Found) -> str:
    """One row a claim of one run, a line a choice: with each option, in how many universes its verdict stands."""
    lines = [["Claim", "With each option, the verdict stands in"], ["---"] * 2]
    for key, claim in choose_judged(robust).items():
        choices = (f"*{name}* {_tell_options(claim, name, of)}" for name, of in claim.list_options().items())
        lines.append([f"**{key}** {MARKS[claim.verdict]}{NO_BREAK}{claim.verdict}", "<br>".join(choices)])
    return table(lines)


def _tell_options(robust: Robust, name: str, options: list[str]) -> str:
    counts = {option: _count(robust, robust.only(**{name: option})).replace(" ", NO_BREAK) for option in options}
    return "; ".join(f"`{option}`{NO_BREAK}{count}" for option, count in counts.items())


def _count(robust: Robust, outcomes: list[Outcome]) -> str:
    return f"{sum(each.verdict == robust.verdict for each in outcomes)} of {len(outcomes)}"


def vocabulary() -> str:
    """One row an option: its choice, its name, and what it means."""
    lines = [["Choice", "Option", "Meaning"], ["---"] * 3]
    lines += [[name, f"`{option}`", words] for name, of in CHOICES.items() for option, words in of.items()]
    return table(lines)


def phrases(found: dict[str, Found]) -> dict[str, str]:
    """What prose may cite: `told`, a paragraph each for two claims that turn with the measure; `counts`, a sentence."""
    turning = [each for run in sorted(found, key=lambda run: run != OWN) for each in find_turning(run, found[run])]
    paragraphs = [tell_turning(*each) for each in _choose(turning)]
    told = "\n\n".join(paragraphs) or (SAME if found else NONE)
    return {"told": told, "counts": tell_counts(found)}


def tell_counts(found: dict[str, Found]) -> str:
    """How many verdicts stand: of the paper's claims in the first run, then a line a run, the claims of the paper and
    those around it apart, each with the fragile ones and with how many universes there are in all."""
    if not found:
        return NONE
    lines = []
    for run, robust in found.items():
        own, around = ({key: each for key, each in robust.items() if key in asked} for asked in (OF_PAPER, AROUND))
        counted = [_count_fragile(own, "on the paper's claims")]
        counted += [_count_fragile(around, "on claims around it")] if around else []
        lines.append(f"- `{run}`: {'; '.join(counted)}.")
    return "\n".join([f"**The answer.** {_answer(*next(iter(found.items())))}", "", *lines])


def _answer(run: str, robust: Found) -> str:
    judged = choose_judged({key: each for key, each in robust.items() if key in OF_PAPER})
    fragile = sum(each.fragile for each in judged.values())
    return (
        f"Often, yes. Of {len(judged)} verdicts on the paper's claims in `{run}`, {len(judged) - fragile} stand in at "
        f"least nine of ten reasonable analyses; {fragile} do not, and are fragile."
        if fragile
        else f"Hardly. All {len(judged)} verdicts on the paper's claims in `{run}` stand in at least nine of ten "
        "reasonable analyses."
    )


def _count_fragile(robust: Found, which: str) -> str:
    judged = choose_judged(robust)
    fragile = [claim for claim, each in judged.items() if each.fragile]
    named = f" ({join(fragile)})" if fragile else ""
    total = sum(each.combinations for each in judged.values())
    return f"{len(fragile)} of {len(judged)} verdicts {which} are fragile{named}, judged in {total:,} universes"


def find_turning(run: str, robust: Found) -> Iterator[tuple[str, str, Robust]]:
    """The claims of a run whose verdict is another where the measure alone is another, most of all first."""
    turning = {key: _count_turning(each) for key, each in robust.items() if "measure" in each.published}
    yield from ((run, key, robust[key]) for key in sorted(turning, key=turning.get, reverse=True) if turning[key])


def _count_turning(robust: Robust) -> int:
    return sum(each.verdict != robust.verdict for each in robust.vary_alone("measure").values())


def _choose(turning: list[tuple[str, str, Robust]]) -> list[tuple[str, str, Robust]]:
    """The first few, no claim twice."""
    first = {key: (run, key, robust) for run, key, robust in reversed(turning)}
    return [each for each in turning if first[each[1]] == each][:TOLD]


def tell_turning(run: str, key: str, robust: Robust) -> str:
    """A paragraph: what becomes of a claim by each measure, all other choices being the published ones."""
    by_measure = robust.vary_alone("measure")
    words = CHOICES["measure"]
    said = [f"by {words[measure]} it {_tell_outcome(outcome)}" for measure, outcome in by_measure.items()]
    whole = (
        f"In all, that it {VERBS[robust.verdict]} is the verdict of {robust.agree} of {robust.combinations} universes."
    )
    return f"**{key}**, “{CLAIMS[key].text}”, in `{run}`: {'; '.join(said)}. {whole}"


def _tell_outcome(outcome: Outcome) -> str:
    """`holds (U1: 0.25 [0.12, 0.38] CKA)`: the verdict, and the number of the part that decides it."""
    part, (effect, low, high, _) = next(
        (part, values) for part, values in outcome.parts.items() if values[3] == outcome.verdict
    )
    if effect is None:
        return f"{VERBS[outcome.verdict]} ({part}: not defined)"
    interval = f" [{signed(low)}, {signed(high)}]" if low is not None else ""
    return (
        f"{VERBS[outcome.verdict]} ({part}: {signed(effect)}{interval}, where {signed(PARTS[part].smallest)} is asked)"
    )
