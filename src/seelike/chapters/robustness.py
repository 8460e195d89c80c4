"""Every verdict under every combination of reasonable choices: the claims of a chapter in all their universes."""

from collections.abc import Iterable, Iterator
from functools import partial

from seelike.chapters.chapter import Chapter, Universe
from seelike.chapters.prepare import open_others
from seelike.chapters.run import Run
from seelike.chapters.verdicts import Judged, Names, judge
from seelike.measures.intervals import Estimate, Terms
from seelike.results.choices import Choices, find_published
from seelike.results.claims import CLAIMS, Claim, worst
from seelike.results.robustness import Found, Outcome, Robust
from seelike.system.errors import InputError
from seelike.system.progress import tell


def vary(chapter: Chapter, run: Run) -> tuple[Found, dict]:
    """Each claim in all its universes, from one pass of the published images and one of as many others; and of what.

    Where there are no others, or they will not do, the published ones alone vary.
    """
    loaded = list(run.load_models())
    found: dict[str, list[Outcome]] = {}
    traced = {"models": {role: each["state_sha256"] for role, each in run.described.items()}, "images": {}}
    for images, each in _find_images(chapter, run):
        tell(f"{run.chapter}: {images} images")
        for claim, outcome in _judge_all(chapter.vary(loaded, each), each, images):
            found.setdefault(claim, []).append(outcome)
        traced["images"][images] = each.hash_images()
    return {claim: _gather(CLAIMS[claim], outcomes, run) for claim, outcomes in found.items()}, traced


def _find_images(chapter: Chapter, run: Run) -> Iterator[tuple[str, Run]]:
    yield "first", run
    try:
        others = open_others(run)
    except InputError as error:
        tell(f"{run.chapter}: no second images, {error}")
        return
    yield "second", others


def _judge_all(universes: Iterable[Universe], run: Run, images: str) -> Iterator[tuple[str, Outcome]]:
    """Each claim of these very choices all parts of which a universe has, and what becomes of it."""
    names = run.names
    for choices, terms in universes:
        own = choices | {"images": images}
        for claim in CLAIMS.values():
            wanted = claim.choices.keys() | {"images"}
            if claim.choices and own.keys() == wanted and all(part.id in terms[0] for part in claim.parts):
                yield claim.id, _judge(claim, own, terms, names, run.has_resnet)


def _judge(claim: Claim, choices: Choices, terms: list[dict[str, Terms]], names: Names, has_resnet: bool) -> Outcome:
    judge_some = partial(judge, claim, has_resnet=has_resnet)
    judged = judge_some(terms, names)
    alone = [judge_some([own], [models]) for own, models in _find_whole(claim, terms, names)]
    parts = {part: (*_list_bounds(effect), verdict) for part, (effect, verdict) in judged.items()}
    return Outcome({name: choices[name] for name in claim.choices}, _worst(judged), tuple(map(_worst, alone)), parts)


def _find_whole(claim: Claim, terms: list[dict[str, Terms]], names: Names) -> list[tuple[dict[str, Terms], dict]]:
    """The trainings that have every term which the first has, with their models; none where there is but one.

    Of terms of no model there are none either. Trainings that no run loads are the rows of every term.
    """
    every = [each for part in claim.parts for each in terms[0][part.id].items()]
    if all(replicates.ndim == 2 for _, replicates in every):
        return _part_rows(claim, terms[0])
    if not any(roles for roles, _ in every):
        return []
    wanted = {part.id: terms[0][part.id].keys() for part in claim.parts}
    have = [all(own.get(part, {}).keys() == roles for part, roles in wanted.items()) for own in terms]
    return [each for each, whole in zip(zip(terms, names, strict=True), have, strict=True) if whole and len(terms) > 1]


def _part_rows(claim: Claim, terms: dict[str, Terms]) -> list[tuple[dict[str, Terms], dict]]:
    """Each training's row of every term (trainings, draws + 1), as far as all have one."""
    least = min(len(replicates) for part in claim.parts for replicates in terms[part.id].values())
    rows = range(least if least > 1 else 0)
    return [
        ({part.id: {roles: each[row] for roles, each in terms[part.id].items()} for part in claim.parts}, {})
        for row in rows
    ]


def _worst(judged: dict[str, Judged]) -> str:
    return worst(verdict for _, verdict in judged.values())


def _list_bounds(effect: Estimate) -> tuple[float, float, float]:
    return effect.effect, effect.low, effect.high


def _gather(claim: Claim, outcomes: list[Outcome], run: Run) -> Robust:
    return Robust(find_published(claim.choices, run.parameters), tuple(outcomes))
