"""Files in a folder or an archive that nobody means to be pictures of the set, though they end like some.

Hidden ones (`.ipynb_checkpoints`, `.thumbnails`, `._1.jpg`), and folders that systems and programs fill with copies.
"""

from collections import Counter

FOLDERS = ("__macosx", "@eadir", "#recycle", "$recycle.bin", "lost+found", "thumbs", "thumbnails")
NAMED = 5  # places, in a sentence


def sort_out(names: list[str]) -> tuple[list[int], list[dict]]:
    """Which of the files, by their names within the set, are to be used, and what is hidden.

    Of the latter {"place": the hidden folder or file, "pictures": how many files it stands for} each.
    """
    places = [_find_hidden(name) for name in names]
    counts = Counter(filter(None, places))
    kept = [number for number, place in enumerate(places) if not place]
    return kept, [{"place": place, "pictures": counts[place]} for place in sorted(counts)]


def say_hidden(hidden: list[dict], whose: str = "") -> str:
    """The part of a sentence that names what was passed over; "" where there is nothing."""
    if not hidden:
        return ""
    count = sum(each["pictures"] for each in hidden)
    pictures = f"{count} hidden picture{'s' * (count > 1)}{whose} {'were' if count > 1 else 'was'} passed over"
    more = f", and {len(hidden) - NAMED} places more" if len(hidden) > NAMED else ""
    return f"{pictures}: {', '.join(each['place'] for each in hidden[:NAMED])}{more}"


def _find_hidden(name: str) -> str:
    """A path within the set down to its first hidden part; "" where none is."""
    parts = [part for part in name.split("/") if part not in ("", ".", "..")]
    for depth, part in enumerate(parts, 1):
        if part.startswith(".") or (part.lower() in FOLDERS and depth < len(parts)):
            return "/".join(parts[:depth])
    return ""
