"""Files, checked by hash."""

import hashlib
from pathlib import Path


def sha256(file: str | Path) -> str:
    """The file's SHA-256, in hex."""
    with Path(file).open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
