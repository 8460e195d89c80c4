"""The `seelike` command: rerun chapters with parameters, strictly, and look at results."""

import argparse
import sys
from pathlib import Path

from seelike.errors import InputError
from seelike.results import Result, compare


def main(arguments: list[str] | None = None) -> int:
    """The command; returns 0; 1 where results differ; 2, after one sentence on stderr, for unusable input."""
    parser = argparse.ArgumentParser(prog="seelike", description="Rerun a chapter of the book, or execute them all.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="execute one chapter")
    run.add_argument("chapter", help="its name, such as uniformity")
    run.add_argument("-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    run.add_argument("--profile", default="", help="take parameters from book/profiles/PROFILE.yaml first")
    run.add_argument("-o", "--output", default="", help="the executed notebook (default: CHAPTER.out.ipynb)")
    params = commands.add_parser("params", help="list a chapter's parameters")
    params.add_argument("chapter")
    book = commands.add_parser("book", help="execute every chapter at its defaults into a folder, ready to build")
    book.add_argument("folder", type=Path)
    twins = commands.add_parser("compare", help="the largest differences between two result files")
    twins.add_argument("results", nargs=2, type=Path, metavar="RESULT")
    twins.add_argument("--tolerance", type=float, default=1e-3, help="exit with 1 above it (default: 0.001)")
    figure = commands.add_parser("figure", help="draw the heatmaps of a uniformity result into a picture")
    figure.add_argument("result", type=Path)
    figure.add_argument("picture", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        return _carry_out(chosen)
    except InputError as error:
        print(f"seelike: {error}", file=sys.stderr)
        return 2


def _carry_out(chosen: argparse.Namespace) -> int:
    if chosen.command == "compare":
        differences = compare(*map(Result.load, chosen.results))
        print("\n".join(f"{name:24} {difference:.2e}" for name, difference in differences.items()))
        return int(not all(difference <= chosen.tolerance for difference in differences.values()))
    if chosen.command == "figure":
        from seelike import plots  # matplotlib and papermill take a second to import: only where they are needed

        plots.use_style()
        result = Result.load(chosen.result)
        if not {"vit", "cnn", "vit_cnn"} <= result.measures.get("cka", {}).keys():
            raise InputError(f"{chosen.result} holds no CKA of a ViT and a CNN to draw")
        axes = plots.uniformity(result.measures["cka"])
        axes[0].figure.savefig(chosen.picture, dpi=150)
        return 0
    try:
        from seelike import execute
    except ModuleNotFoundError as error:
        raise InputError(f"this needs {error.name}: install seelike with its book extra, seelike[book]") from None
    if chosen.command == "run":
        execute.run(chosen.chapter, chosen.parameter, chosen.profile, chosen.output)
    elif chosen.command == "params":
        print(execute.list_parameters(chosen.chapter))
    else:
        execute.stage_book(chosen.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
