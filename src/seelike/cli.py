"""The `seelike` command: rerun chapters with parameters, strictly, and look at models, results and the machine."""

import argparse
import sys
from pathlib import Path

from seelike.results.drift import TOLERANCE, measure_drift, report
from seelike.results.results import Result
from seelike.system.command import carry_out
from seelike.system.errors import InputError

EPILOG = """exit codes: 0 done; 1 results differ, or the machine lacks something; 2 input that cannot be used, said in
one sentence; 3 a chapter failed in a way that nobody foresaw; 130 stopped by Ctrl-C"""
REPORT = "this was not foreseen; please report the lines above"


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code, see `EPILOG`."""
    chosen = _parser().parse_args(arguments)
    try:
        return carry_out("seelike", lambda: chosen.carry_out(chosen), stopped="nothing is left half-written")
    except Exception as error:
        if type(error).__name__ != "PapermillExecutionError":
            raise
        print(f"{error}\nseelike: {REPORT}", file=sys.stderr)
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seelike",
        description="Rerun chapters of the book on any timm model and images, and look at what came out.",
        epilog=EPILOG,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _add_run,
        _add_measure,
        _add_robustness,
        _add_exercises,
        _add_params,
        _add_models,
        _add_compare,
        _add_figure,
        _add_doctor,
        _add_address,
        _add_book,
        _add_pdf,
        _add_archive,
    ):
        add(commands)
    return parser


def _add_run(commands) -> None:
    text = """Execute chapters with parameters. Of several, one that was run before with the same parameters, code and
    weights is passed over: after a stop the same command goes on at the first chapter not done."""
    run = commands.add_parser("run", help="execute one chapter, several, or all", description=text)
    run.add_argument("chapters", nargs="+", metavar="CHAPTER", help="a name such as uniformity; several; or all")
    run.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="seelike params CHAPTER lists them"
    )
    run.add_argument("--profile", default="", help="take parameters from a profile first: its name, or a .yaml file")
    run.add_argument("-o", "--output", default="", help="the executed notebook (CHAPTER.out.ipynb), or their folder")
    run.add_argument("--again", action="store_true", help="of several chapters, run also what was run before")
    run.add_argument("--dry-run", action="store_true", help="rehearse on a few images with random weights, no more")
    run.set_defaults(carry_out=_run)


def _run(chosen: argparse.Namespace) -> int:
    from seelike.execution import rerun  # papermill, torch and timm take seconds to import: only where they are needed

    rerun.run(chosen.chapters, chosen.parameter, chosen.profile, chosen.output, chosen.again, chosen.dry_run)
    return 0


def _add_measure(commands) -> None:
    text = """Measure a chapter and write its result file, without a page. Several processes share the work:
    torchrun --nproc-per-node N -m seelike measure CHAPTER. The page draws from the file: seelike run CHAPTER -p
    from_result=FILE, with the same parameters."""
    measure = commands.add_parser("measure", help="a chapter's result file alone, also by torchrun", description=text)
    measure.add_argument("chapter", metavar="CHAPTER")
    measure.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="seelike params CHAPTER lists them"
    )
    measure.add_argument(
        "--profile", default="", help="take parameters from a profile first: its name, or a .yaml file"
    )
    measure.add_argument("-o", "--results-dir", default="", help="the same as -p results_dir=FOLDER")
    measure.set_defaults(carry_out=_measure)


def _measure(chosen: argparse.Namespace) -> int:
    from seelike.execution import measure as measuring

    place = [f"results_dir={chosen.results_dir}"] if chosen.results_dir else []
    written = measuring.measure_chapter(chosen.chapter, chosen.parameter + place, chosen.profile)
    if written:
        print(f"{chosen.chapter}: {written}", flush=True)
    return 0


def _add_robustness(commands) -> None:
    text = """Judge every claim of a run under every combination of reasonable choices (measures, layers, images, …) and
    write RESULTS/PROFILE/robustness.json. With names of chapters only theirs, beside what is there of others."""
    robustness = commands.add_parser("robustness", help="every verdict under every reasonable choice", description=text)
    robustness.add_argument("chapters", nargs="*", metavar="CHAPTER", help="(default: those of the run)")
    robustness.add_argument("--profile", default="pocket", help="the run: a profile's name, or a .yaml file (pocket)")
    robustness.add_argument(
        "-p", "--parameter", action="append", default=[], metavar="NAME=VALUE", help="seelike params CHAPTER lists them"
    )
    robustness.add_argument("-o", "--results-dir", default="results", help="where results lie (results)")
    robustness.set_defaults(carry_out=_vary)


def _vary(chosen: argparse.Namespace) -> int:
    from seelike.execution.robustness import measure_robustness

    print(measure_robustness(chosen.profile, chosen.parameter, chosen.results_dir, chosen.chapters))
    return 0


def _add_exercises(commands) -> None:
    text = """Measure the answers to the exercises of book/exercises.yaml, each a chapter with one parameter changed,
    and write RESULTS/exercises.json. Those that have an answer are passed over."""
    exercises = commands.add_parser("exercises", help="the answers to questions for a class", description=text)
    exercises.add_argument("chapters", nargs="*", metavar="CHAPTER", help="(default: all that have exercises)")
    exercises.add_argument("--again", action="store_true", help="measure also those that have an answer")
    exercises.add_argument("-o", "--results-dir", default="results", help="where results lie (results)")
    exercises.set_defaults(carry_out=_answer_exercises)


def _answer_exercises(chosen: argparse.Namespace) -> int:
    from seelike.execution.exercises import measure_exercises

    print(measure_exercises(chosen.results_dir, chosen.chapters, chosen.again))
    return 0


def _add_params(commands) -> None:
    params = commands.add_parser("params", help="list a chapter's parameters", description="List parameters.")
    params.add_argument("chapter", metavar="CHAPTER")
    params.set_defaults(carry_out=_list_parameters)


def _list_parameters(chosen: argparse.Namespace) -> int:
    from seelike.execution import notebook as execute

    print(execute.list_parameters(chosen.chapter))
    return 0


def _add_models(commands) -> None:
    text = """List the bundled models and public ones near to the paper's, and what each chapter can do with them: v as
    vit, c as cnn, m as mixer."""
    models = commands.add_parser("models", help="list models and what chapters can do with them", description=text)
    models.add_argument("filter", nargs="?", default="", metavar="FILTER", help="any of timm's: vit_small* or deit")
    models.set_defaults(carry_out=_list_models)


def _list_models(chosen: argparse.Namespace) -> int:
    from seelike.compatibility import model_list

    print(model_list.list_models(chosen.filter))
    return 0


def _add_compare(commands) -> None:
    text = """Two result files of one chapter side by side: claims, then the largest difference in every measure. Or
    two folders of results, such as results/pocket and _build/results/pocket: chapter by chapter, what differs."""
    compare = commands.add_parser("compare", help="two result files, or folders, side by side", description=text)
    compare.add_argument("results", nargs=2, type=Path, metavar="RESULT")
    compare.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help=f"differences above it count, relative ones where numbers are above 1 (default: {TOLERANCE})",
    )
    compare.add_argument(
        "--plot", type=Path, metavar="PICTURE", help="draw the claims of both into a .png, .svg or .pdf"
    )
    compare.set_defaults(carry_out=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    from seelike.results import comparison

    if not 0 <= chosen.tolerance < float("inf"):
        raise InputError(f"--tolerance must be a number of 0 or more, not {chosen.tolerance}")
    if any(path.is_dir() for path in chosen.results):
        return _compare_folders(chosen)
    one, other = map(Result.load, chosen.results)
    found = comparison.compare(one, other)
    labels = comparison.name_apart(*chosen.results)
    if chosen.plot:
        from seelike.figures.comparison import plot

        plot(dict(zip(labels, (one, other), strict=True)), chosen.plot)
    print(comparison.report(one, other, labels, found))
    return int(not found.agree(chosen.tolerance))


def _compare_folders(chosen: argparse.Namespace) -> int:
    if chosen.plot:
        raise InputError("--plot draws two result files, not two folders")
    drifts = measure_drift(*chosen.results, chosen.tolerance)
    print(report(drifts, chosen.tolerance))
    return int(not all(each.agrees for each in drifts))


def _add_figure(commands) -> None:
    figure = commands.add_parser("figure", help="draw the heatmaps of a uniformity result into a picture")
    figure.add_argument("result", type=Path, metavar="RESULT")
    figure.add_argument("picture", type=Path, metavar="PICTURE", help="a .png, .svg or .pdf")
    figure.set_defaults(carry_out=_draw)


def _draw(chosen: argparse.Namespace) -> int:
    result = Result.load(chosen.result)
    cka = result.measures.get("cka", {})
    if not all(pair in cka and len(cka[pair].axes) == 2 for pair in ("vit", "cnn", "vit_cnn")):
        raise InputError(f"{chosen.result} holds no CKA of a ViT and a CNN to draw")
    from seelike.figures import heatmaps, style

    style.use_style()
    style.save(heatmaps.uniformity(cka)[0].figure, chosen.picture)
    return 0


def _add_doctor(commands) -> None:
    text = "Say what this machine has: versions, device, memory, caches, network; and which profiles will work here."
    doctor = commands.add_parser("doctor", help="what this machine has, and what will work on it", description=text)
    doctor.set_defaults(carry_out=_examine)


def _examine(chosen: argparse.Namespace) -> int:
    from seelike import doctor

    found = doctor.examine()
    print(doctor.report(found))
    return int(not found.sound)


def _add_address(commands) -> None:
    address = commands.add_parser(
        "address", help="point the book's buttons and install cells at a repository on GitHub"
    )
    address.add_argument(
        "url", nargs="?", default="", help="https://github.com/NAME/seelike, say; left out: as written"
    )
    address.add_argument("--branch", default="", help="whose notebooks are opened (default: as written, or main)")
    address.add_argument("--site", default="", help="where the pages are (default: as written, or GitHub's own)")
    address.set_defaults(carry_out=_write_address)


def _write_address(chosen: argparse.Namespace) -> int:
    from seelike.site import address

    print(address.write_address(chosen.url, chosen.branch, site=chosen.site))
    return 0


def _add_book(commands) -> None:
    book = commands.add_parser("book", help="execute every chapter at its defaults into a folder, ready to build")
    book.add_argument("folder", type=Path, metavar="FOLDER")
    book.set_defaults(carry_out=_stage_book)


def _stage_book(chosen: argparse.Namespace) -> int:
    from seelike.site.stage import stage_book

    stage_book(chosen.folder)
    return 0


def _add_pdf(commands) -> None:
    pdf = commands.add_parser("pdf", help="print the built book into a PDF, which its site then links to")
    pdf.add_argument("site", type=Path, nargs="?", default=Path("_build/html"), metavar="SITE", help="(_build/html)")
    pdf.set_defaults(carry_out=_print_book)


def _print_book(chosen: argparse.Namespace) -> int:
    from seelike.site.pdf import write_pdf

    print(write_pdf(chosen.site))
    return 0


def _add_archive(commands) -> None:
    text = "Sources, results, the built site and all hashes in one file, for a DOI: the same bytes whenever it is made."
    archive = commands.add_parser("archive", help="the book in one file to keep", description=text)
    archive.add_argument("file", type=Path, nargs="?", metavar="FILE", help="(_build/seelike-VERSION-COMMIT.tar.gz)")
    archive.set_defaults(carry_out=_archive)


def _archive(chosen: argparse.Namespace) -> int:
    from seelike.site.archive import write_archive

    print(write_archive(chosen.file))
    return 0


if __name__ == "__main__":
    sys.exit(main())
