"""What CKA of all layers of a large model costs on a GPU, in parts that cannot hurt one another: `benchmarks/gpu.sh`.

A second process does the parts one after the other (`gpu_parts.py`). One that fails, or takes longer than its share of
the time, is reported as such, and the others go on, in a process anew where that is needed. The report is written again
after every part, so that what was found is kept whatever happens.
"""

import argparse
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from seelike.system.files import write_text

SECONDS, MOST_SECONDS = 75, 480
START = "start"  # imports, the card, the models
WORKER = Path(__file__).with_name("gpu_parts.py")
SHARES = {START: 40, "overhead": 20, "truth": 15, "peer": 15, "decoding": 20, "nccl": 15, "float32": 15, "sizes": 20}
GOALS = {"cka_over_forward": ("at most", 1.3), "difference_sums": ("at most", 1e-3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"in all, {MOST_SECONDS} at most")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default="vit_large_patch16_224", help="timm name; its weights are random")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=128, help="images in a minibatch")
    parser.add_argument("--parts", nargs="*", choices=list(SHARES)[1:], default=list(SHARES)[1:])
    parser.add_argument("--output", default=str(Path(os.environ.get("OUT", "results")) / "gpu.json"))
    given = parser.parse_args()
    if not 0 < given.seconds <= MOST_SECONDS:
        parser.error(f"--seconds must be above 0 and at most {MOST_SECONDS}, not {given.seconds:g}")
    if given.images < 2 * given.batch:
        parser.error(f"--images must be at least two minibatches of --batch={given.batch}, not {given.images}")
    report = {"goals": GOALS, "case": vars(given), "parts": {}}
    for name, found in run_parts(vars(given), given.parts, given.seconds):
        report["parts"][name] = found
        write_text(given.output, json.dumps(report, indent=1) + "\n")
    print(tabulate(report["parts"]))


def run_parts(options: dict, parts: list[str], seconds: float) -> Iterator[tuple[str, dict]]:
    """(part, what it found, or why it found nothing) in order, all within `seconds`."""
    deadline, left = time.monotonic() + seconds, list(parts)
    while left:
        for name, found in _run_worker(options, left, deadline):
            yield name, found
            if name in left:
                left.remove(name)
            elif "failed" in found:  # not even the start went well: another would not either
                yield from ((part, {"failed": "not begun"}) for part in left)
                return


def _run_worker(options: dict, parts: list[str], deadline: float) -> Iterator[tuple[str, dict]]:
    """The same of one process, as long as it lives; the last part may be one that ended it."""
    command = [sys.executable, str(WORKER), json.dumps(options | {"parts": parts})]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_listen, args=(worker, lines), daemon=True).start()
    try:
        for name in (START, *parts):
            limit = min(SHARES[name] * max(1, options["seconds"] / SECONDS), deadline - time.monotonic())
            found = _await(worker, lines, limit)
            ended = found.pop("ended", False)
            yield name, found
            if ended:
                return
    finally:
        worker.kill()
        worker.wait()


def _listen(worker: subprocess.Popen, lines: "queue.Queue[str | None]") -> None:
    for line in worker.stdout:
        lines.put(line)
    lines.put(None)


def _await(worker: subprocess.Popen, lines: "queue.Queue[str | None]", limit: float) -> dict:
    """What the worker says of its next part; `ended` where it will say nothing more."""
    if limit <= 0:
        return {"failed": "no time was left", "ended": True}
    try:
        line = lines.get(timeout=limit)
    except queue.Empty:
        return {"failed": f"took longer than {limit:.0f} s", "ended": True}
    if line is None:
        return {"failed": f"its process ended with code {worker.wait()}", "ended": True}
    return json.loads(line)


def tabulate(parts: dict[str, dict]) -> str:
    """One line a number, with its goal if it has one, and one a part that found nothing."""
    lines = []
    for part, found in parts.items():
        if "failed" in found or "skipped" in found:
            lines.append(f"{part:9} {'FAILED: ' + found['failed'] if 'failed' in found else found['skipped']}")
        for name, value in found.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                lines.append(f"{part:9} {name:34}{value:12.4g}  {_judge(part, name, value)}".rstrip())
    return "\n".join(lines)


def _judge(part: str, name: str, value: float) -> str:
    if name not in GOALS or part not in ("overhead", "truth"):
        return ""
    way, goal = GOALS[name]
    return f"{way} {goal:g}: {'met' if value <= goal else 'MISSED'}"


if __name__ == "__main__":
    main()
