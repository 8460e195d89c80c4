"""Peak memory and seconds of one measuring of all pairs, in a process of its own: `growth.py … --layers all`."""

import argparse
import json
import time

import work
from cases import Case, add_arguments

from seelike.results.results import peak_mib


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_arguments(parser)
    parser.add_argument("--layers", choices=("blocks", "all"), default="blocks")
    given = parser.parse_args()
    case = Case.of(given)
    names = case.layers(given.layers)
    work.forward(case, case.keep(given.batch, given.batch))  # what the models alone need
    before, start = peak_mib(), time.perf_counter()
    work.compare(case, case.minibatches(), names)
    taken = {"seconds": time.perf_counter() - start, "peak_mib": peak_mib(), "before_mib": before}
    print(json.dumps({"layers": sum(map(len, names.values())), "images": given.images, "batch": given.batch} | taken))


if __name__ == "__main__":
    main()
