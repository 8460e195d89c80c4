"""The command line of training: `python -m seelike.training [MODEL …]`, `--list` for how good the shipped are."""

import argparse
import os
from pathlib import Path

from seelike.images.photographs import find_folder
from seelike.models.recipe_kinds import Recipe
from seelike.models.recipes import RECIPES
from seelike.system.command import carry_out
from seelike.system.device import choose_device
from seelike.training import cards
from seelike.training.tasks import needs_photographs
from seelike.training.train import train


def main() -> int:
    """The command line; returns 0, or 2 after one sentence for input that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m seelike.training", description="Train the bundled models.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="a name that --list shows (default: all)")
    parser.add_argument("--list", action="store_true", help="show the shipped models, their accuracy recomputed")
    parser.add_argument("--data-dir", default="", help="the folder of CIFAR-10 (default: $SEELIKE_CIFAR10)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where checkpoints go (default: runs)")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop each run after so long; it resumes")
    parser.add_argument("--device", default="auto", help="auto (default: a GPU if there is one), cpu, cuda, …")
    parser.add_argument("--no-cards", action="store_true", help="leave the weights and cards to a later call")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="runs at a time (default: one a core)")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.models) - set(RECIPES))
    if unknown:
        parser.error(f"MODEL must be one of {', '.join(RECIPES)}, not {unknown[0]}")
    for option in ("minutes", "processes"):
        if not getattr(chosen, option) > 0:
            parser.error(f"--{option} must be more than 0, not {getattr(chosen, option)}")
    stopped = "the same command goes on from the last checkpoints"
    return carry_out("seelike.training", lambda: _list_or_train(chosen), stopped)


def _list_or_train(chosen: argparse.Namespace) -> None:
    if chosen.list:
        print(cards.list_models(chosen.data_dir))
        return
    device = choose_device(chosen.device)
    names = chosen.models or [name for name, recipe in RECIPES.items() if may_train(recipe, chosen.data_dir)]
    train(names, chosen.runs, device, chosen.minutes, chosen.processes, chosen.data_dir, not chosen.no_cards)


def may_train(recipe: Recipe, data_dir: str) -> bool:
    """Whether what a recipe needs is at hand: of photographs, their folder."""
    tasks = (recipe.task, RECIPES[recipe.start].task if recipe.start else recipe.task)
    return bool(find_folder(data_dir)) or not any(map(needs_photographs, tasks))
