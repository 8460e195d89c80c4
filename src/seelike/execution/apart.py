"""Execute a notebook, and print the most memory that its kernel took, in MiB: `python -P apart.py FROM TO PARAMETERS`.

A script that imports nothing of this package, which would take seconds and memory of its own.
"""

import json
import sys

import papermill


def main(notebook: str, target: str, parameters: str) -> None:
    papermill.execute_notebook(notebook, target, json.loads(parameters), progress_bar=False, kernel_name="python3")
    print(json.dumps(measure_peak()))


def measure_peak() -> int | None:
    """The largest resident memory of any process that this one began and that has ended, in MiB."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // unit


if __name__ == "__main__":
    main(*sys.argv[1:])
