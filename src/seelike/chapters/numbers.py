"""Parameters that are several whole numbers, written as text: `3 5 9`."""

from seelike.system.errors import InputError


def read_numbers(parameter: str, text: str, least: int, most: int) -> list[int]:
    """The numbers in rising order, each once. Raises InputError, which names the parameter and what is allowed."""
    words = text.split()
    if not words or not all(word.isascii() and word.isdigit() and least <= int(word) <= most for word in words):
        allowed = f"whole numbers from {least} to {most} with spaces between them"
        raise InputError(f"{parameter} must be {allowed}, such as {least} {most}, not {text!r}")
    return sorted({int(word) for word in words})
