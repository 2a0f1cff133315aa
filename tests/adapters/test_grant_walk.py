"""No way to a person's data without a grant: every door into it is walked, on every run.

The walk reads the source of everything that can reach the ledger's rows or a sensor. A door is a
public function. It must take a `Grant` or a `Proven` (or ask for a grant) and require it before the
first read, or stand on the list of doors that serve the box itself, with the reason.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

EDGE = Path(__file__).parents[2] / "edge"

# What a read of personal data comes down to: decrypting, opening a person, reading a sensor.
READS = frozenset(
    {"body", "open_number", "lines_of", "of", "entries_of", "all_keys", "unwrap"}
    | {"VideoCapture", "read_frame", "grab"}
)
# `open` is a read where it opens a person or a ciphertext, not where it opens a file.
OPENERS_OF_FILES = frozenset({"os", "gzip", "path", "Ledger", "io", "wave"})
PROOFS = ("Grant", "Proven")

# Doors without a grant: the box's own duties towards the person or the law, never a page.
OWN_DUTIES: Mapping[str, str] = {
    "backup.backup": "copies ciphertext, opens nothing",
    "backup.restore": "moves keys, opens no row",
    "daily.run_day": "reads through UnitDays, which asks for grants",
    "erasure.erase": "erasing needs the member id for the tombstone",
    "erasure.erase_member": "the same",
    "erasure.erase_declared": "the same",
    "erasure.erase_stored": "the same",
    "escrow.write_escrow": "keys to the chain's recovery key",
    "escrow.refresh_escrow": "the same",
    "escrow.open_escrow": "keys from the escrow",
    "export.is_genuine": "compares a receipt that somebody shows, tells yes or no",
    "export.prove": "makes the proof",
    "goods.Goods.add_lines": "import: writes",
    "goods.Goods.pack_old": "maintenance: moves rows",
    "goods.Goods.take_return": "writes",
    "goods.Goods.take_sale": "writes",
    "goods.Goods.take_void": "writes",
    "goods.Goods.trim": "retention: deletes",
    "imports.MemberImport.take": "import: compares with what is stored",
    "imports.ReceiptImport.take": "import: writes",
    "ledger.Ledger.caps_of": "counters that limit what is shown, no other datum",
    "ledger.Ledger.restore_state": "the same, at start",
    "ledger.Ledger.decisions": "asks for a grant of each person before a row of theirs is opened",
    "journal.Journal.past": "the same with caps; a profile behind its own grant",
    "ledger.Ledger.lessons": "asks for a grant of each person before a row of theirs is opened",
    "ledger.Ledger.consents": "reads the present consents",
    "ledger.Ledger.import_members": "import",
    "ledger.Ledger.import_receipts": "import",
    "resync.stage_members": "import",
    "resync.settle_members": "brings the index in memory up to date",
    "resync.take_receipts": "import",
    "ledger.Ledger.prover": "makes proofs from the app's secret",
    "ledger.Ledger.index_secret": "the secret of hashes, for the escrow",
    "journal.Journal.impressions": "caps of a person",
    "journal.Journal.restored": "caps of everybody, at start",
    "journal.Journal.lessons": "the ledger's, with items found again",
    "connections.index_secret": "the same",
    "recording.Recorder.take_statements": "writes",
    "recording.Recorder.write": "writes",
    "retention.fields_used": "counts who has a field",
    "retention.forget_old": "retention: deletes",
}
# The rooms behind the doors: classes that only modules of this folder hold.
BEHIND_DOORS = frozenset(
    {"Persons", "Happenings", "ConsentLog", "Goods", "Opened", "BoxKeys", "Cipher", "Proofs"}
)


# Names that lists, dicts and files have too: followed on `self` only.
COMMON = frozenset(
    {"append", "add", "close", "get", "put", "write", "apply", "call", "flush", "drop", "items"}
    | {"number", "numbers", "sorted", "where", "take", "decode", "encode", "forget", "load", "mac"}
)


@dataclass(frozen=True)
class Use:
    """A name as it is used: on `self`, on something else, or by itself."""

    name: str
    where: str
    line: int


@dataclass
class Function:
    name: str
    owner: str
    uses: list[Use] = field(default_factory=list)
    is_guarded: bool = False
    first_require: int = 1 << 30

    @property
    def plain_name(self) -> str:
        return self.name.rsplit(".", 1)[-1]


def functions(module: str, source: str) -> Iterator[Function]:
    body = ast.parse(source).body
    for node in body:
        if isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    owner = f"{module}.{node.name}"
                    yield described(Function(f"{owner}.{method.name}", owner), method)
        elif isinstance(node, ast.FunctionDef):
            yield described(Function(f"{module}.{node.name}", module), node)


def described(function: Function, source: ast.FunctionDef) -> Function:
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and not is_file_open(node):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            function.uses.append(Use(node.attr, "self" if is_own else "other", node.lineno))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            function.uses.append(Use(node.id, "plain", node.lineno))
    required = [use.line for use in function.uses if use.name == "require"]
    takes_proof = any(proof in ast.unparse(source.args) for proof in PROOFS)
    asks = any(use.name == "grant" and use.where == "other" for use in function.uses)
    function.is_guarded = bool(required) and (takes_proof or asks)
    function.first_require = min(required, default=1 << 30)
    return function


def is_file_open(node: ast.Attribute) -> bool:
    receiver = node.value
    return (
        node.attr == "open" and isinstance(receiver, ast.Name) and receiver.id in OPENERS_OF_FILES
    )


def ungranted(sources: Mapping[str, str]) -> set[str]:
    """Return the public doors that reach a read with no grant required on the way.

    Args:
        sources: Module name → source.
    """
    found = [f for module, source in sources.items() for f in functions(module, source)]
    reaches: dict[str, Function] = {}
    is_growing = True
    while is_growing:
        is_growing = False
        for function in found:
            if function.name not in reaches and any(
                reads_openly(function, use, reaches) for use in function.uses
            ):
                reaches[function.name] = function
                is_growing = True
    return {
        name
        for name, function in reaches.items()
        if not function.plain_name.startswith("_") and not BEHIND_DOORS & set(name.split("."))
    }


def reads_openly(function: Function, use: Use, reaches: Mapping[str, Function]) -> bool:
    if function.is_guarded and function.first_require <= use.line:
        return False
    if use.name in READS | {"open"} and use.where == "other":
        return True
    if use.where == "self":
        return f"{function.owner}.{use.name}" in reaches
    if use.where == "plain":
        return any(f.plain_name == use.name and "." not in f.owner for f in reaches.values())
    return use.name not in COMMON and any(
        f.plain_name == use.name and "." in f.owner for f in reaches.values()
    )


def sources() -> dict[str, str]:
    found = {
        path.stem: path.read_text(encoding="utf-8")
        for folder in ("sqlite", "opencv")
        for path in sorted((EDGE / "adapters" / folder).glob("*.py"))
    }
    assert "ledger" in found
    return found


def test_no_door_opens_without_a_grant() -> None:
    assert ungranted(sources()) - OWN_DUTIES.keys() == set()


def test_the_list_of_own_duties_holds_nothing_that_is_gone() -> None:
    """An entry that is no door any more could hide a new one of its name."""
    doors = {f.name for module, source in sources().items() for f in functions(module, source)}
    assert OWN_DUTIES.keys() - doors == set()


PLANTED = {
    "a plain read": "def ages(self, person): return self.reading().persons.open(person).body()",
    "a read before the grant is required": (
        "def early(self, person, grant: Grant[int], now_s):\n"
        "        body = self._open(person)\n"
        "        grant.require(Purpose.PROFILE, now_s, person)\n"
        "        return body"
    ),
    "a grant taken and never required": (
        "def lax(self, person, grant: Grant[int], now_s): return self._open(person)"
    ),
    "by way of another function": (
        "def detour(self, person): return self._profile([self._open(person)])"
    ),
    "a function passed on, not called": "def lazily(self, some): return map(self._open, some)",
    "a cache of a profile": "def cached(self, person): return self._cache.lines_of(person)",
    "the keys of rotating ids": (
        "def keys(self, person):\n"
        "        return [one for one in self._open(person).body().beacons if rotates(one)]"
    ),
    "a camera": "def look(self): return cv2.VideoCapture(0)",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_door_is_found(name: str) -> None:
    """The walk is worth something only as long as it finds what should not be there."""
    with_plant = sources()
    ledger = with_plant["ledger"]
    marker = "    # -- reading, with a grant\n"
    assert marker in ledger
    with_plant["ledger"] = ledger.replace(marker, f"    {PLANTED[name]}\n\n{marker}", 1)
    planted = PLANTED[name].split("(")[0].removeprefix("def ")
    assert f"ledger.Ledger.{planted}" in ungranted(with_plant)


def test_the_path_and_the_pages_hold_no_door_of_their_own() -> None:
    """Outside of the ledger nobody imports its rooms, makes a grant or a proof, or films."""
    rooms = {"persons", "goods", "recording", "consentlog", "histories", "sealing", "consentstates"}
    rooms |= {"proofs"}
    for path in sorted(EDGE.rglob("*.py")):
        if path.parent.name in ("sqlite", "opencv"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module is not None:
                assert node.module.removeprefix("edge.adapters.sqlite.") not in rooms, path.name
                assert "_SEAL" not in {alias.name for alias in node.names}, path.name
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("_SEAL", "VideoCapture"), path.name


def test_no_page_opens_a_camera_on_its_own() -> None:
    """A page's camera call stands only in a module that a session's grant starts."""
    for script in sorted((EDGE / "web").rglob("*.js")):
        assert "getUserMedia" not in script.read_text(encoding="utf-8"), script.name
