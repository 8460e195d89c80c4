"""The one exception a user is meant to see."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

LONGEST = 800  # letters of a sentence
THE_MODEL = "the model"


class InputError(ValueError):
    """Input that cannot be used: one sentence that names the parameter and what is allowed.

    In a notebook the sentence is shown alone, without a traceback. It is one line, and cut where a value given is
    endless.
    """

    def __init__(self, sentence: str):
        line = sentence.replace("\n", " ")
        super().__init__(line if len(line) <= LONGEST else f"{line[: LONGEST - 100]} … {line[-100:]}")

    def _render_traceback_(self) -> list[str]:
        return [f"InputError: {self}"]


class Degenerate(InputError):
    """Activations on which a measure is not defined: it may be the weights, not the architecture."""


@contextmanager
def naming(parameter: str, model: object) -> Iterator[None]:
    """Context in which what is refused of the model is refused of the parameter that chose it.

    Measures know no parameters: they say that the model must be such and such, or what one of its layers does. What
    names the parameter already stays as it is.
    """
    try:
        yield
    except InputError as error:
        sentence = str(error)
        if sentence.startswith(f"{parameter} "):
            raise
        if sentence.startswith(THE_MODEL):
            raise type(error)(parameter + sentence.removeprefix(THE_MODEL)) from None
        raise type(error)(f"{parameter} ({type(model).__name__}): {sentence}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a refusal that guesses what was meant, "; did you mean shapes?"; "" where nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def in_one_line(error: Exception) -> str:
    """What another library raised, as the end of a refusal: its kind and its text, the first 300 letters."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300].rstrip(": ")
