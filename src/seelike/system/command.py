"""How a command ends: its exit code, and one sentence for whoever typed it."""

import sys
from collections.abc import Callable

from seelike.system.errors import InputError


def carry_out(name: str, work: Callable[[], int | None], stopped: str) -> int:
    """Do what a command was asked for; returns its exit code, that of `work` or 0.

    2 after one sentence for input that cannot be used, or a library that is not there; 130 where Ctrl-C stops it, which
    says `stopped`. What nobody foresaw is raised.
    """
    try:
        return work() or 0
    except InputError as error:
        sentence, code = str(error), 2
    except ModuleNotFoundError as error:
        sentence, code = f"this needs {error.name}, which is not installed", 2
    except KeyboardInterrupt:
        sentence, code = f"stopped; {stopped}", 130
    print(f"{name}: {sentence}", file=sys.stderr)
    return code
