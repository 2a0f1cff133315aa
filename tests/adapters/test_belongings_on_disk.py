"""A visit and the ledger hear the same tills: what is left for the one is left for the other."""

import tempfile
from collections import Counter
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.adapters.sqlite.ledger import Ledger
from edge.core.belongings import left, touched
from edge.core.person import Purchases
from edge.core.records import ReturnRecorded, SaleRecorded, VoidRecorded
from edge.core.sales import Receipt, Return, ReturnLine, Sale, SaleLine, Void
from tests.adapters.test_sqlite_ledger import KEY, NOW_S, catalog, known, profile_of

DAY_S = 86_400.0
SKUS = ("coat-m", "coat-l", "tie-1")
RECEIPTS = ("R0", "R1", "R2")

lines = st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True)
sales = st.fixed_dictionaries(
    {name: st.tuples(lines, st.integers(1, 3), st.integers(1, 300)) for name in RECEIPTS}
)
voids = st.tuples(st.sampled_from(RECEIPTS), st.none() | st.sampled_from([(1,), (2,)]))
returns = st.tuples(st.sampled_from([*RECEIPTS, None]), st.sampled_from(SKUS), st.integers(1, 2))


def told(kind: str, number: int, said: tuple[object, ...]) -> Sale | Void | Return:
    """Make the message of a till."""
    match kind, said:
        case "void", (str(receipt), line_nos):
            assert line_nos is None or isinstance(line_nos, tuple)
            return Void(receipt, line_nos, NOW_S)
        case _, (receipt, str(sku), int(quantity)):
            assert receipt is None or isinstance(receipt, str)
            at_s = NOW_S - 0.001 * number
            return Return(
                f"X{number}", receipt, None, (ReturnLine(sku, None, float(quantity)),), at_s
            )
    raise AssertionError(kind)


def write(ledger: Ledger, person: str, said: Sale | Void | Return) -> None:
    """Have it written down as the intake does."""
    match said:
        case Sale():
            ledger.append(SaleRecorded(said, person))
        case Void():
            ledger.append(VoidRecorded(said))
        case Return():
            ledger.append(ReturnRecorded(said, person))


def hear(ledger: Ledger, receipts: dict[int, Receipt], said: Sale | Void | Return) -> None:
    """Have a visit hear it as the intake does."""
    hashed = ledger.keyed_hash
    if isinstance(said, Return) and said.receipt_id is None:
        key = hashed.goods_return(said.return_id)
    else:
        key = hashed.receipt(said.receipt_id or "")
    before = receipts.get(key, Receipt())
    match said:
        case Sale():
            receipts[key] = before.with_sale(said)
        case Void():
            receipts[key] = before.with_void(said)
        case Return():
            receipts[key] = before.with_return(said)


def counted(purchases: Purchases) -> Counter[tuple[int, str, int]]:
    """Count what was kept, by receipt, sku and second."""
    found: Counter[tuple[int, str, int]] = Counter()
    for line in purchases:
        found[int(line.receipt_id, 16), line.sku, int(line.at_s)] += round(line.quantity)
    return found


@settings(max_examples=40, deadline=None)
@given(
    sold=sales,
    is_early=st.fixed_dictionaries({name: st.booleans() for name in RECEIPTS}),
    later=st.lists(
        st.tuples(st.just("void"), voids) | st.tuples(st.just("return"), returns), max_size=4
    ),
    order=st.randoms(use_true_random=False),
    is_packed=st.booleans(),
)
def test_a_visit_knows_what_the_next_one_will_read(
    sold: dict[str, tuple[list[str], int, int]],
    is_early: dict[str, bool],
    later: list[tuple[str, tuple[object, ...]]],
    order: object,
    is_packed: bool,
) -> None:
    """Some sales before the visit, the rest of what tills say while it lasts, in any order."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger.open(Path(folder), KEY, catalog(), draw=Random(1).randbytes)
        try:
            person = known(ledger)
            events: list[Sale | Void | Return] = []
            for name, (skus, quantity, days_ago) in sold.items():
                rung = tuple(SaleLine(at, s, None, quantity) for at, s in enumerate(skus, 1))
                sale = Sale(name, "T1", NOW_S - days_ago * DAY_S, rung)
                if is_early[name]:
                    write(ledger, person, sale)
                else:
                    events.append(sale)
            events += [told(kind, n, said) for n, (kind, said) in enumerate(later)]
            order.shuffle(events)  # type: ignore[attr-defined]
            if is_packed:
                ledger.flush()
                today = int(NOW_S // DAY_S) + 1
                ledger.writer.call(lambda: ledger.writing.goods.pack_old(today))
            before = profile_of(ledger, person)
            receipts: dict[int, Receipt] = {}
            for event in events:
                write(ledger, person, event)
                hear(ledger, receipts, event)
            at_stake = touched(before.purchases, receipts, ledger.catalog)
            mine = counted(before.purchases.where(~at_stake))
            for line in left(before.purchases.where(at_stake), receipts, ledger.catalog):
                mine[line.receipt, line.sku, int(line.at_s)] += round(line.quantity)
            assert mine == counted(profile_of(ledger, person).purchases)
        finally:
            ledger.close()
