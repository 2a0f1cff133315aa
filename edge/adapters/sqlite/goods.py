"""Receipts on disk: a row each while they are young, packed into one history later.

Receipts of persons are encrypted with their key; receipts of nobody hold nothing personal and are
kept in the clear, so that a late void still finds them.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import msgspec
import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from edge.adapters.sqlite import histories
from edge.adapters.sqlite.histories import Lines
from edge.adapters.sqlite.keys import Cipher
from edge.adapters.sqlite.persons import Persons
from edge.adapters.sqlite.schema import signed, unsigned
from edge.core.catalog import Catalog
from edge.core.consent import KeyedHash
from edge.core.names import ABSENT
from edge.core.person import DAY_S, UNKNOWN_ITEM, Purchases
from edge.core.sales import Receipt, Return, Sale, Void

# A till that invents skus must not fill the memory.
MAX_SKUS = 1 << 18
_TOO_MANY = "?"
_NO_NUMBER = -1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Receipt).decode


class SkuBook:
    """Numbers for skus; only ever grows, so that readers on other threads need no lock.

    A number given in a transaction that was rolled back stays given: it is written again with the
    next receipt that uses it.
    """

    def __init__(self, db: Database, catalog: Catalog) -> None:
        self._db, self._catalog = db, catalog
        self.names = _SkuNames(catalog)
        self._number_of_sold = array("i", [_NO_NUMBER]) * len(catalog.skus)
        self._number_of_other: dict[str, int] = {}
        self._items: NDArray[np.int32] = np.empty(0, np.int32)
        for number, sku in db.execute("SELECT sku_no, sku FROM skus ORDER BY sku_no"):
            self.names.skip_to(number)
            self._learn(sku)
        self._surely_written = len(self.names)
        new = (n == _NO_NUMBER for n in self._number_of_sold)
        with db.atomic():
            self.write([catalog.skus[at] for at, is_new in enumerate(new) if is_new])
        self._surely_written = len(self.names)

    def write(self, skus: Iterable[str]) -> None:
        """Give numbers to skus, inside the caller's transaction."""
        for sku in skus:
            if self._number(sku) == _NO_NUMBER:
                self._learn(sku if len(self.names) < MAX_SKUS else _TOO_MANY)
            number = self.number(sku)
            if number >= self._surely_written:
                self._db.execute(
                    "INSERT OR IGNORE INTO skus (sku_no, sku) VALUES (?, ?)",
                    [number, self.names[number]],
                )

    def known(self, sku: str) -> int | None:
        """Return the number of a sku that is surely on disk, None where it must be written."""
        number = self._number(sku)
        return number if _NO_NUMBER < number < self._surely_written else None

    def number(self, sku: str) -> int:
        """Return the number of a sku that was written."""
        number = self._number(sku)
        return self._number_of_other[_TOO_MANY] if number == _NO_NUMBER else number

    def numbers(self, skus: Iterable[str]) -> dict[str, int]:
        """Return the number of each sku that was written."""
        return {sku: self.number(sku) for sku in skus}

    def items(self, sku_no: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return int32[n] catalogue indexes, −1 where a sku is no longer sold."""
        if len(self._items) < len(self.names):
            self._items = self.names.items()
        return self._items[sku_no]

    def sku(self, sku: str, gtin: str | None) -> str:
        """Return the sku of the catalogue that a till line means, else what the till wrote."""
        return self._catalog.sku_of(sku, gtin) or sku or f"gtin:{gtin}"

    def _number(self, sku: str) -> int:
        at = self._catalog.skus.position(sku)
        if at != ABSENT:
            return self._number_of_sold[at]
        return self._number_of_other.get(sku, _NO_NUMBER)

    def _learn(self, sku: str) -> None:
        at = self._catalog.skus.position(sku)
        number = len(self.names)
        if at == ABSENT:
            if sku not in self._number_of_other:
                self.names.add_other(sku)
                self._number_of_other[sku] = number
        elif self._number_of_sold[at] == _NO_NUMBER:
            self.names.add_sold(at)
            self._number_of_sold[at] = number


class _SkuNames(Sequence[str]):
    """The name of each number: those of the catalogue lie there, only the others here."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._places = array("i")  # position in the catalogue, or −1 − position among the others
        self._others: list[str] = []

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> list[str]: ...
    def __getitem__(self, number: int | slice) -> str | list[str]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        place = self._places[number]
        return self._catalog.skus[place] if place >= 0 else self._others[-1 - place]

    def add_sold(self, at: int) -> None:
        """Give the next number to a sku of the catalogue, by its position there."""
        self._places.append(at)

    def add_other(self, sku: str) -> None:
        """Give the next number to a sku that is not, or no longer, sold here."""
        self._others.append(sku)  # before its place: a reader of another thread finds both
        self._places.append(-len(self._others))

    def skip_to(self, number: int) -> None:
        """Leave out numbers that nothing has."""
        while len(self) < number:
            self.add_other("")

    def items(self) -> NDArray[np.int32]:
        """Return int32[n], the catalogue index behind each number, −1 where it is not sold."""
        places = np.frombuffer(self._places.tobytes(), np.int32)  # a view would lock the array
        items = np.append(self._catalog.item_of_skus, np.int32(UNKNOWN_ITEM))
        return items[np.maximum(places, UNKNOWN_ITEM)]


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    key: int
    person_no: int | None
    body: bytes | None


class Goods:
    """The tables of receipts and histories, through one connection."""

    def __init__(
        self, db: Database, persons: Persons, skus: SkuBook, keyed_hash: KeyedHash
    ) -> None:
        self._db, self._persons, self._skus, self._hash = db, persons, skus, keyed_hash

    # -- writing, inside the caller's transaction

    def take_sale(self, sale: Sale, person_no: int | None) -> None:
        """Write a sale; a void or return that came before it counts.

        Told again, it stays with whom it was told of first; one of nobody gets its person then.
        """
        key = self._hash.receipt(sale.receipt_id)
        lines = tuple(
            replace(line, sku=self._skus.sku(line.sku, line.gtin), gtin=None) for line in sale.lines
        )
        self._skus.write(line.sku for line in lines)
        sale = replace(sale, receipt_id="", member_id=None, lines=lines)
        row, receipt = self._read(key)
        if row is not None and row.body is None:
            return  # packed already: this is a repetition
        first = row.person_no if row is not None and receipt.sale is not None else None
        self._put(
            key, person_no if first is None else first, receipt.with_sale(sale), sale.sold_at_s
        )

    def take_void(self, void: Void) -> None:
        """Write a void, whether its sale is known, packed, or still to come."""
        key = self._hash.receipt(void.receipt_id)
        row, receipt = self._read(key)
        if row is not None and row.body is None:
            self._repack(row, lambda lines: lines.without(key, void.line_nos))
            return
        self._put(key, row.person_no if row else None, receipt.with_void(void), void.at_s)

    def take_return(self, goods: Return, person_no: int | None) -> None:
        """Write a return to its receipt, or to the person where no receipt is known."""
        named = goods.receipt_id is not None
        key = (
            self._hash.receipt(goods.receipt_id or "")
            if named
            else self._hash.goods_return(goods.return_id)
        )
        lines = tuple(
            replace(line, sku=self._skus.sku(line.sku, line.gtin), gtin=None)
            for line in goods.lines
        )
        # The return id stays as a keyed hash: only its being the same matters.
        goods = replace(
            goods,
            return_id=f"{self._hash.goods_return(goods.return_id):016x}",
            receipt_id="" if named else None,
            member_id=None,
            lines=lines,
        )
        row, receipt = self._read(key)
        self._skus.write(line.sku for line in lines)
        if row is not None and row.body is None:
            self._repack(row, lambda had: self._less(had, goods, key if named else None))
            return
        owner = row.person_no if row is not None else person_no
        self._put(key, owner, receipt.with_return(goods), goods.at_s)

    def add_lines(self, person_no: int, lines: Lines, indexed_from_s: float) -> int:
        """Join packed lines to a person's history; receipts known already are left out.

        One that a till told of nobody becomes the person's as the till told it.

        Args:
            person_no: Whose they are.
            lines: Sorted.
            indexed_from_s: Younger receipts are put into the index, for voids and returns; older
                ones are only in the history, which keeps the index small.

        Returns:
            How many lines were new.
        """
        cipher = self._cipher(person_no)
        if cipher is None:
            return 0
        known = self._packed(person_no, cipher)
        lines = lines.where(~np.isin(lines.receipt, known.receipt))
        is_young = lines.at_s >= indexed_from_s
        day = {
            int(key): int(at_s // DAY_S)
            for key, at_s in zip(lines.receipt[is_young], lines.at_s[is_young], strict=True)
        }
        owned = {key: self._is_owned(key) for key in day}
        for key in [key for key, is_owned in owned.items() if is_owned is False]:
            self._claim(key, person_no)
        new = [key for key, is_owned in owned.items() if is_owned is None]
        self._db.conn.executemany(
            "INSERT INTO receipts (receipt_key, person_no, day) VALUES (?, ?, ?)",
            [(signed(key), person_no, day[key]) for key in new],
        )
        fresh = lines.where(~is_young | np.isin(lines.receipt, np.array(new, np.uint64)))
        if len(fresh):
            self._pack(person_no, cipher, histories.joined([known, fresh]).sorted())
        return len(fresh)

    def _is_owned(self, key: int) -> bool | None:
        """Tell whether a receipt is somebody's; None where it is not known."""
        query = "SELECT person_no IS NOT NULL FROM receipts WHERE receipt_key = ?"
        found = self._db.execute(query, [signed(key)]).fetchone()
        return None if found is None else bool(found[0])

    def _claim(self, key: int, person_no: int) -> None:
        """Make the sale of nobody a person's; a void or return alone waits for its sale."""
        _, receipt = self._read(key)
        if receipt.sale is not None:
            self._put(key, person_no, receipt, receipt.sale.sold_at_s)

    def pack_old(self, before_day: int, limit: int = 1_000) -> int:
        """Move receipts of persons from before a day into the histories; return how many."""
        rows = self._db.execute(
            "SELECT receipt_key, person_no FROM receipts WHERE person_no IS NOT NULL"
            " AND body IS NOT NULL AND day < ? ORDER BY person_no LIMIT ?",
            [before_day, limit],
        ).fetchall()
        for stored, person_no in rows:
            key = unsigned(stored)
            _, receipt = self._read(key)
            cipher = self._cipher(person_no)
            if cipher is not None:
                lines = self._with_receipts(self._packed(person_no, cipher), [(key, receipt)])
                self._pack(person_no, cipher, lines)
            self._db.execute("UPDATE receipts SET body = NULL WHERE receipt_key = ?", [stored])
        return len(rows)

    def trim(self, person_no: int, before_s: float) -> int:
        """Take lines from before a moment out of a packed history; return how many."""
        cipher = self._cipher(person_no)
        if cipher is None:
            return 0
        lines = self._packed(person_no, cipher)
        is_old = lines.at_s < before_s
        if is_old.any() or (lines.back_at_s < before_s).any():
            self._pack(person_no, cipher, lines.where(~is_old).forgetting(before_s))
        return int(is_old.sum())

    # -- reading

    def lines_of(self, person_no: int, cipher: Cipher) -> Lines:
        """Return everything a person bought and kept, packed and young together."""
        young = [
            (unsigned(key), self._opened(body, unsigned(key), cipher))
            for key, body in self._db.execute(
                "SELECT receipt_key, body FROM receipts"
                " WHERE person_no = ? AND body IS NOT NULL ORDER BY day",
                [person_no],
            ).fetchall()
        ]
        return self._with_receipts(self._packed(person_no, cipher), young)

    def purchases(self, lines: Lines) -> Purchases:
        """Return lines as the core wants them."""
        return Purchases(
            self._skus.items(lines.sku_no),
            lines.sku_no,
            lines.at_s,
            lines.quantity,
            lines.receipt,
            lines.line_no,
            lines.is_gift,
            lines.cents,
            self._skus.names,
        )

    def returned_items(self, lines: Lines) -> NDArray[np.int32]:
        """Return int32[m]: the items of what came back."""
        return self._skus.items(lines.back_sku_no)

    def skus_of_nobody(self, start_s: float, end_s: float) -> Iterator[tuple[int, list[str]]]:
        """Yield key and kept skus of receipts without a person, sold in [start_s, end_s)."""
        for stored, body in self._db.execute(
            "SELECT receipt_key, body FROM receipts"
            " WHERE person_no IS NULL AND day >= ? AND day <= ?",
            [int(start_s // DAY_S), int(end_s // DAY_S)],
        ).fetchall():
            receipt = _decode(body)
            if receipt.sale is not None and start_s <= receipt.sale.sold_at_s < end_s:
                yield unsigned(stored), [line.sku for line in receipt.kept()]

    # -- inside

    def _with_receipts(self, lines: Lines, receipts: Sequence[tuple[int, Receipt]]) -> Lines:
        """Join receipts to packed lines, then take out what came back without a receipt."""
        if not receipts:
            return lines
        parts = [lines]
        for key, receipt in receipts:
            if receipt.sale is not None:
                skus = [x.sku for x in receipt.kept()] + [x.sku for x in receipt.returned()]
                parts.append(histories.lines_of(receipt, key, self._skus.numbers(skus)))
        lines = histories.joined(parts)
        for _, receipt in receipts:
            if receipt.sale is None:
                for goods in receipt.returns:
                    if goods.receipt_id is None:
                        lines = self._less(lines, goods, None)
        return lines

    def _less(self, lines: Lines, goods: Return, key: int | None) -> Lines:
        numbers = self._skus.numbers([line.sku for line in goods.lines])
        for taken in Receipt(returns=(goods,)).returned():
            lines = lines.less(numbers[taken.sku], taken, key)
        return lines

    def _read(self, key: int) -> tuple[_Row | None, Receipt]:
        found = self._db.execute(
            "SELECT person_no, body FROM receipts WHERE receipt_key = ?", [signed(key)]
        ).fetchone()
        if found is None:
            return None, Receipt()
        row = _Row(key, *found)
        if row.body is None:
            return row, Receipt()
        if row.person_no is None:
            return row, _decode(row.body)
        cipher = self._cipher(row.person_no)
        return row, Receipt() if cipher is None else self._opened(row.body, key, cipher)

    def _put(self, key: int, person_no: int | None, receipt: Receipt, at_s: float) -> None:
        cipher = None if person_no is None else self._cipher(person_no)
        body = _encode(receipt)
        if cipher is not None:
            body = cipher.seal(body, _context(key))
        # What has no sale yet has a day too, so that it is not kept for ever.
        at_s = receipt.sale.sold_at_s if receipt.sale else at_s
        self._db.execute(
            "INSERT OR REPLACE INTO receipts (receipt_key, person_no, day, body)"
            " VALUES (?, ?, ?, ?)",
            [signed(key), None if cipher is None else person_no, int(at_s // DAY_S), body],
        )

    def _opened(self, body: bytes, key: int, cipher: Cipher) -> Receipt:
        return _decode(cipher.open(body, _context(key)))

    def _cipher(self, person_no: int) -> Cipher | None:
        opened = self._persons.open_number(person_no)
        return None if opened is None else opened.cipher

    def _packed(self, person_no: int, cipher: Cipher) -> Lines:
        row = self._db.execute(
            "SELECT body FROM histories WHERE person_no = ?", [person_no]
        ).fetchone()
        if row is None:
            return histories.no_lines()
        return histories.decode(cipher.open(row[0], _history_context(person_no)))

    def _pack(self, person_no: int, cipher: Cipher, lines: Lines) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO histories (person_no, body) VALUES (?, ?)",
            [person_no, cipher.seal(histories.encode(lines), _history_context(person_no))],
        )

    def _repack(self, row: _Row, change: Callable[[Lines], Lines]) -> None:
        cipher = None if row.person_no is None else self._cipher(row.person_no)
        if cipher is not None and row.person_no is not None:
            lines = change(self._packed(row.person_no, cipher))
            self._pack(row.person_no, cipher, lines)


def _context(key: int) -> bytes:
    return b"receipt" + key.to_bytes(8, "big")


def _history_context(person_no: int) -> bytes:
    return b"history" + person_no.to_bytes(8, "big")
