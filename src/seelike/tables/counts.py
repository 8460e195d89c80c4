"""How many claims hold, and what training does to how many, as numbers and as sentences, from result files alone.

Claims whose intervals cover trainings and those whose intervals cover images alone are counted apart, always.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sized

from seelike.results.claims import CLAIMS, NOT_APPLICABLE, OF_PAPER, VERDICTS
from seelike.results.covers import split
from seelike.results.multiplicity import find_marginal
from seelike.results.robustness import is_fragile
from seelike.results.scorecard import Found
from seelike.results.training_effect import ADDS, BOTH, TAKES, UNCLEAR, tell_doing
from seelike.results.verdict_words import VERBS, conjugate
from seelike.tables.markdown import join

Claims = Mapping[str, dict]
DECIDED = tuple(verdict for verdict in VERDICTS[::-1] if verdict != NOT_APPLICABLE)  # from the best to the worst
DOINGS = {
    ADDS: "adds to {}",
    TAKES: "takes away from {}",
    BOTH: "does both to parts of {}",
    UNCLEAR: "shows no difference in {}",
}


def count(found: Found, asked: Sized = OF_PAPER) -> dict[str, str]:
    """How many claims were asked for, and of each run how many are measured, do not apply, are marginal, and of how
    many verdicts is known in how many universes they stand (`varied`), and how many of these are `fragile`.

    `<run>_trainings_…` counts among claims whose intervals cover trainings, `<run>_images_…` among the others: `of` how
    many, how many have a verdict (`holds`, …), how many hold but are fragile (`holds_fragile`), how many are `compared`
    with untrained models, and to how many of these training `adds`, `takes_away`, `does_both` or
    `shows_no_difference`.
    """
    numbers = {"claims": len(asked)}
    for run, claims in found.items():
        numbers |= {f"{run}_measured": len(claims), f"{run}_marginal": len(find_marginal(claims))}
        numbers |= {f"{run}_varied": len(find_varied(claims)), f"{run}_fragile": sum(map(is_fragile, claims.values()))}
        numbers[f"{run}_not_applicable"] = len(claims) - sum(map(len, split(claims).values()))
        for kind, there in split(claims).items():
            verdicts, doings = count_verdicts(there), count_doings(there)
            fragile = [entry for entry in there.values() if is_fragile(entry) and entry["verdict"] == "holds"]
            counted = {"of": len(there), "compared": sum(doings.values()), "holds_fragile": len(fragile)}
            counted |= verdicts | doings
            numbers |= {f"{run}_{kind}_{name.replace(' ', '_')}": n for name, n in counted.items()}
    return {name: str(n) for name, n in numbers.items()}


def count_verdicts(claims: Claims) -> dict[str, int]:
    """Verdict → how many of the claims have it, of those that apply."""
    counted = Counter(entry["verdict"] for entry in claims.values())
    return {verdict: counted[verdict] for verdict in DECIDED}


def count_doings(claims: Claims) -> dict[str, int]:
    """What training does (`results.training_effect`) → to how many of the claims."""
    counted = Counter(map(tell_doing, claims.values()))
    return {doing: counted[doing] for doing in DOINGS}


def tell_verdicts(claims: Claims) -> str:
    """How many claims of a run have which verdict, in a sentence."""
    said = _tell_apart(claims, count_verdicts, conjugate)
    left = len(claims) - sum(map(len, split(claims).values()))
    return f"{said}; {conjugate(NOT_APPLICABLE, left)}." if left else f"{said}."


def tell_training(claims: Claims) -> str:
    """To how many claims of a run training adds, and from how many it takes away, in a sentence."""
    return f"{_tell_apart(claims, count_doings, lambda doing, n: DOINGS[doing].format(n), 'training ')}."


def tell_marginal(claims: Claims) -> str:
    """Which claims of a run are marginal, and what their verdicts are, in a sentence."""
    marginal = find_marginal(claims)
    named = [f"{key} ({VERBS[claims[key]['verdict']]})" for key in CLAIMS if key in marginal]
    if not named:
        return "No verdict is marginal."
    return f"{join(named)} {'is' if len(named) == 1 else 'are'} marginal."


def find_varied(claims: Claims) -> list[str]:
    """The claims of which is known in how many universes their verdict stands."""
    return [key for key in CLAIMS if "universes" in claims.get(key, {})]


def tell_fragile(claims: Claims) -> str:
    """How many verdicts of a run are fragile, and which, in a sentence or two."""
    varied = find_varied(claims)
    if not varied:
        return "In how many analyses its verdicts stand has not been measured."
    fragile = [key for key in varied if is_fragile(claims[key])]
    judged = f"{len(varied)} verdict{'' if len(varied) == 1 else 's'} that other analyses judge, too"
    are, them = ("is", "it") if len(fragile) == 1 else ("are", "them")
    said = f"Of {judged}, {len(fragile)} {are} fragile: fewer than nine in ten of these analyses give {them}"
    return f"{said} ({join(fragile)})." if fragile else f"{said}."


def tell_turns(found: Found, one: str, other: str) -> str:
    """Of the claims measured in both runs how many keep their verdict, and which turn from what to what."""
    sides = [found.get(run, {}) for run in (one, other)]
    both = [key for key in CLAIMS if all(key in claims for claims in sides)]
    trained = [key for key in both if all(key in split(claims)["trainings"] for claims in sides)]
    rest = [key for key in both if key not in trained]
    said = f"Of {_number_claims(len(trained))} whose intervals cover trainings in both, {_tell_turns(sides, trained)}"
    return f"{said} Of {len(rest)} more, {_tell_turns(sides, rest)}" if rest else said


def _tell_turns(sides: list[Claims], keys: list[str]) -> str:
    turned: dict[tuple[str, ...], list[str]] = {}
    for key in keys:
        turned.setdefault(tuple(claims[key]["verdict"] for claims in sides), []).append(key)
    kept = sum(len(named) for (before, after), named in turned.items() if before == after)
    told = [f"{join(named)} from “{was}” to “{now}”" for (was, now), named in sorted(turned.items()) if was != now]
    keeping = f"{kept} {'keeps its' if kept == 1 else 'keep their'} verdict"
    return "; ".join([keeping, *([", ".join(told)] if told else [])]) + "."


def _number_claims(n: int) -> str:
    return f"{n} claim{'' if n == 1 else 's'}"


def _tell_apart(
    claims: Claims, counted: Callable[[Claims], dict[str, int]], word: Callable[[str, int], str], subject: str = ""
) -> str:
    """What is counted among the claims of each kind of interval, one kind after the other, in one sentence."""
    said = []
    for kind, covered in (("trainings", "trainings"), ("images", "images alone")):
        counts = {name: n for name, n in counted(split(claims)[kind]).items() if n}
        if n := sum(counts.values()):
            what = f"of {n} more" if said else f"Of {_number_claims(n)}"
            words = join([word(name, each) for name, each in counts.items()])
            said.append(f"{what} whose interval covers {covered}, {subject}{words}")
    return "; ".join(said) or "No claim applies"
