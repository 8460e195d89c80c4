"""The table of contents: what `_toc.yml` lists, and every other notebook there is."""

from collections.abc import Iterable

import yaml


def complete(text: str, notebooks: Iterable[str]) -> str:
    """The text of `_toc.yml` with all notebooks of the book, by the names of their files without ending.

    Those that it does not list stand last in its first part, the paper's.
    """
    contents = yaml.safe_load(text) or {}
    parts = contents.get("parts", [])
    listed = {contents.get("root"), *(page["file"] for part in parts for page in part["chapters"])}
    missing = [{"file": f"book/{name}"} for name in notebooks if f"book/{name}" not in listed]
    if not parts or not missing:
        return text
    parts[0]["chapters"] += missing
    return yaml.safe_dump(contents, sort_keys=False, allow_unicode=True)
