"""Tables of what models answer to single test images, from their cards."""

from seelike.results.answers import read_digits, share_errors
from seelike.system.errors import InputError
from seelike.tables.markdown import table


def first_answers(cards: dict[str, dict], names: tuple[str, ...], n_shown: int) -> str:
    """One row for each of the first test images: its number, its class, what each model takes it for (✓: its class).

    Args:
        cards: label of a model → its card.
        names: of the classes.

    Raises InputError, which names `n_shown`, for more images than there are answers to.
    """
    classes = read_digits(next(iter(cards.values()))["classes"])
    if n_shown not in range(1, len(classes) + 1):
        raise InputError(f"n_shown must be 1 to {len(classes)}, not {n_shown!r}")
    given = [read_digits(card["answers"]) for card in cards.values()]
    lines = [["Image", "Class", *cards], ["---"] * (2 + len(cards))]
    for number, right in enumerate(classes[:n_shown]):
        answers = ["✓" if answer[number] == right else names[answer[number]] for answer in given]
        lines.append([str(number), names[right], *answers])
    return table(lines)


def shared_errors(cards: dict[str, dict]) -> str:
    """One row a model: of the images that it gets wrong, how many each other one gets wrong too, how many alike."""
    lines = [["Wrong in", *(f"wrong in {label}, too" for label in cards)], ["---"] * (1 + len(cards))]
    for label, card in cards.items():
        shares = [share_errors(card, other) if other is not card else None for other in cards.values()]
        lines.append([label, *(f"{both[0]:.0%} ({both[1]:.0%} alike)" if both else "–" for both in shares)])
    return table(lines)
