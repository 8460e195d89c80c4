"""Tables of the bundled models and of the drawings that they learned from."""

from itertools import combinations

from seelike.images import shapes
from seelike.models import bundled
from seelike.models.recipes import BRIEFLY, RECIPES, SHAPES, Family
from seelike.tables.markdown import table


def ceilings() -> str:
    """How often each cue is the class's own, and what an ideal reader of one, two or three cues reaches."""
    lines = [["Cues read", "Their values are the class's own in", "An ideal reader is right in"], ["---"] * 3]
    for n in (1, 2, 3):
        for cues in combinations(shapes.CUES, n):
            own = ", ".join(f"{shapes.RELIABILITY[cue]:.0%}" for cue in cues)
            lines.append([", ".join(cues), own, f"{shapes.best_accuracy(cues):.1%}"])
    return table(lines)


def answer(manifest: dict[str, dict], kinds: dict[str, str], n_images: int) -> str:
    """How often models answer right on test images that none of them learned from, trained and untrained.

    Args:
        manifest: model → card.
        kinds: what a model is called → its name.
        n_images: how many test images cards have accuracies of.
    """
    right = "; ".join(f"{label} {manifest[name]['test_accuracy']:.1%}" for label, name in kinds.items())
    most = max(manifest[name]["initial_accuracy"] for name in kinds.values())
    images = f"{n_images:,} test images that none learned from"
    untrained = f"With random weights none of these is right on more than {most:.1%}."
    return f"**The answer.** Right on {images}: {right}. {untrained}"


def cards(manifest: dict[str, dict]) -> str:
    """One row per bundled model of a family's manifest: what its card says, accuracy trained and untrained among it."""
    head = ["Model", "Size", "Seen", "Distinct", "Accuracy", "Untrained", "SHA-256"]
    lines = [head, ["---"] * len(head)]
    for name in (name for name in bundled.NAMES if name in manifest):
        card = manifest[name]
        numbers = card["parameters"], card["images_seen"], min(card["images_seen"], card["recipe"]["images"])
        shares = f"**{card['test_accuracy']:.1%}**", f"{card['initial_accuracy']:.1%}"
        lines.append([_in_two_lines(name), *(f"{n:,}" for n in numbers), *shares, f"`{card['sha256'][:8]}`"])
    return table(lines)


def budgets(family: Family = SHAPES) -> str:
    """One row for all models of a family that were trained, by their cards, for as long and at the same rate."""
    groups: dict[tuple, list[str]] = {}
    cards = bundled.read_manifest(family)
    for name, recipe in family.recipes().items():
        if name not in cards:
            continue
        key = (recipe.steps, recipe.batch_size, recipe.rate, bool(recipe.start))
        groups.setdefault(key, []).append(name)
    lines = [["Models", "Steps", "Images a step", "Highest learning rate", "Starts from"], ["---"] * 5]
    for (steps, batch_size, rate, tuned), names in groups.items():
        architectures = dict.fromkeys(map(_name_design, names))
        start = _in_two_lines(RECIPES[names[0]].start) if tuned else "its seed"
        lines.append([", ".join(architectures), f"{steps:,}", str(batch_size), f"{rate:g}", start])
    return table(lines)


def baselines(shares: dict[str, float]) -> str:
    """One row for each way to do without a trained network."""
    return table([["Who answers", "Right"], ["---"] * 2, *([who, f"{share:.1%}"] for who, share in shares.items())])


def _name_design(name: str) -> str:
    """The architecture; of a brief training what its tag says, too, for it has others as well."""
    return f"`{name.partition('.')[0]}`{f' (`{BRIEFLY}`)' if BRIEFLY in name else ''}"


def _in_two_lines(name: str) -> str:
    """A long model name, its tag below its architecture."""
    architecture, _, tag = name.partition(".")
    return f"`{architecture}`<br>`.{tag}`"
