"""Two results of one chapter in one picture."""

from pathlib import Path

from seelike.figures.effects import effects
from seelike.figures.style import save, use_style
from seelike.results.results import Result
from seelike.system.errors import InputError


def plot(results: dict[str, Result], picture: Path) -> None:
    """Draw every claim's effect, interval and control of both results. Raises InputError if they have no claims."""
    if not all(result.claims for result in results.values()):
        raise InputError(f"--plot draws claims, and {next(iter(results.values())).chapter} has none")
    use_style()
    save(effects(results)[0].figure, picture)
