"""git in a clone that a test makes for itself."""

import shutil
import subprocess
from pathlib import Path

import pytest


def git(root: Path, *words: str) -> str:
    """What git says in `root`; skips the test where there is no git."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    ask = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b", *words]
    return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
