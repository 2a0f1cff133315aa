"""On which line of a TOML file a key stands, so that a problem can be found where it was made.

Parsers forget the lines; this reads table headers and keys again, just well enough to point.
"""

import re

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?")
_KEY = re.compile(r"""^\s*("[^"]+"|'[^']+'|[A-Za-z0-9_\-]+)(?:\s*\.\s*[^=]+)?\s*=""")
_PART = re.compile(r"[^.\[\]]+(?:\[\d+\])*")


def line_of(text: str, key: str) -> int:
    """Return the line of a key such as `rules[2].kind`, else of the nearest table around it.

    Args:
        text: The file.
        key: Path of names and indexes.
    """
    wanted = _PART.findall(key)
    best, depth = 1, 0
    for line, here in _keys(text):
        common = _common(wanted, here)
        if common > depth:
            best, depth = line, common
    return best


def _keys(text: str) -> list[tuple[int, list[str]]]:
    """Return every line that names a table or key, with its path."""
    found: list[tuple[int, list[str]]] = []
    table: list[str] = []
    counts: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = [part.strip().strip("\"'") for part in header.group(2).split(".")]
            if header.group(1) == "[[":
                name = ".".join(table)
                counts[name] = counts.get(name, -1) + 1
                table[-1] = f"{table[-1]}[{counts[name]}]"
            found.append((number, list(table)))
            continue
        key = _KEY.match(line)
        if key:
            found.append((number, [*table, key.group(1).strip("\"'")]))
    return found


def _common(wanted: list[str], here: list[str]) -> int:
    """Return how many leading parts agree, 0 where `here` goes beyond or elsewhere."""
    if len(here) > len(wanted):
        return 0
    for one, other in zip(wanted, here, strict=False):
        if one != other and one.partition("[")[0] != other:
            return 0
    return len(here)
