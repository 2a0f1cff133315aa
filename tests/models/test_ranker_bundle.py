"""A bundle trained on a small store: loads, refuses, repeats itself, and ranks what is bought."""

import io
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.adapters.onnx.ranker import Bundle, load_bundle
from edge.core.candidates import Context, candidates, prepare
from edge.core.errors import TrustError, UnavailableError
from edge.core.features import features
from edge.core.history import Floats, History, Ints
from models.bundle import LOADED, extend, npz_bytes
from models.encoder import EncoderPlan
from models.pipeline import rewrite_card
from models.ranker import RankerPlan
from models.train import Plan
from tests.trained import train_on

N_ITEMS = 60
IDS = [f"item-{number:03d}" for number in range(N_ITEMS)]
PLAN = Plan(
    max_back=2,
    encoder=EncoderPlan(size=8, hidden=16, epochs=2, batch=128),
    ranker=RankerPlan(widths=(16, 8), item_size=4, tower_size=4, rate=1e-2, epochs=15),
)


def regulars(n: int = 80) -> dict[str, History]:
    """Return customers who buy their own staples every time, and something by chance."""
    rng = np.random.default_rng(5)
    people = {}
    for number in range(n):
        staples = rng.choice(N_ITEMS, 3, replace=False).tolist()
        history = History.empty()
        for visit in range(int(rng.integers(4, 9))):
            history = history.extended([*staples, int(rng.integers(N_ITEMS))], float(visit * 7))
        people[f"M{number:03d}"] = history
    return people


@pytest.fixture(scope="module")
def bundle_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_on(regulars(), IDS, tmp_path_factory.mktemp("ranker") / "bundle", PLAN)


def scored(bundle: Bundle, history: History) -> tuple[Ints, Floats]:
    """Return items and probabilities, best first."""
    prepared, context = prepare(history, bundle.tables, 60.0), Context()
    found = candidates(prepared, bundle.tables, context)
    rows = features(prepared, found, bundle.tables, context)
    probability = bundle.ranker.score(rows, found.items, prepared.person)
    order = np.argsort(-probability, kind="stable")
    return found.items[order], probability[order]


def test_same_seed_gives_the_same_bytes(bundle_dir: Path, tmp_path: Path) -> None:
    """Two trainings with one seed write the same files."""
    train_on(regulars(), IDS, tmp_path, PLAN)
    names = sorted(path.name for path in bundle_dir.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (bundle_dir / name).read_bytes(), name


def test_a_bundle_of_histories_has_a_card(bundle_dir: Path, tmp_path: Path) -> None:
    """Trained without till data, it says what it learned from and that it was not judged."""
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy)
    rewrite_card(copy)
    text = (copy / "card.md").read_text()
    assert "| Of them encoder and ranker learned from | 80 |" in text
    assert "Not judged" in text


def test_staples_come_first(bundle_dir: Path) -> None:
    """What somebody bought in every basket leads the list, with a probability in (0, 1)."""
    bundle = load_bundle(bundle_dir, IDS)
    history = History.empty()
    for visit in range(6):
        history = history.extended([7, 21, 33], float(visit * 7))
    items, probability = scored(bundle, history)
    assert set(items[:3].tolist()) == {7, 21, 33}
    assert (probability > 0).all()
    assert (probability < 1).all()
    assert probability[2] > 5 * probability[-1]


def test_other_item_order_changes_nothing(bundle_dir: Path) -> None:
    """A catalogue in another order, with new items, gives the same scores to the same ids."""
    bundle = load_bundle(bundle_dir, IDS)
    order = [*reversed(IDS), "new-1", "new-2"]
    turned = load_bundle(bundle_dir, order)
    place = {item: number for number, item in enumerate(order)}
    history, mirrored = History.empty(), History.empty()
    for visit in range(4):
        history = history.extended([3, 9, 40 + visit], float(visit * 7))
        mirrored = mirrored.extended(
            [place[IDS[item]] for item in (3, 9, 40 + visit)], float(visit * 7)
        )
    first, second = scored(bundle, history), scored(turned, mirrored)
    expected = {IDS[item]: score for item, score in zip(*first, strict=True)}
    found = {order[item]: score for item, score in zip(*second, strict=True)}
    for item, score in expected.items():
        assert found[item] == pytest.approx(score, rel=2e-2), item


def test_nobody_known_still_gets_an_answer(bundle_dir: Path) -> None:
    """An empty history is learned from too: four of sixty items are bought, whoever comes.

    Without such examples the network would guess where it has never been.
    """
    items, probability = scored(load_bundle(bundle_dir, IDS), History.empty())
    assert items.size == N_ITEMS
    assert np.isfinite(probability).all()
    assert probability.mean() == pytest.approx(4 / N_ITEMS, abs=0.025)


REFUSALS: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a changed byte": ("model.onnx", lambda content: content[:-1] + b"x", "sha256"),
    "another feature schema": (
        "manifest.json",
        lambda content: json.dumps(json.loads(content) | {"features": "0" * 64}).encode(),
        "feature schema",
    ),
    "another format": (
        "manifest.json",
        lambda content: json.dumps(json.loads(content) | {"schema": "x.v9"}).encode(),
        "bundle format",
    ),
    "a manifest that is no JSON": ("manifest.json", lambda _: b"{", "cannot be read"),
    "a manifest of the wrong kind": ("manifest.json", lambda _: b"[]", "cannot be read"),
    "a manifest without end": ("manifest.json", lambda _: b"[" * 100_000, "cannot be read"),
    "an entry that is no object": (
        "manifest.json",
        lambda content: json.dumps(json.loads(content) | {"files": {"model.onnx": "x"}}).encode(),
        "expected an object by file name",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_does_not_verify_is_refused(bundle_dir: Path, tmp_path: Path, name: str) -> None:
    """One thing broken in a valid bundle: refused, and the reason says what."""
    file, broken, reason = REFUSALS[name]
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy)
    (copy / file).write_bytes(broken((copy / file).read_bytes()))
    with pytest.raises(TrustError, match=reason):
        load_bundle(copy, IDS)


def _without_tail(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _newer(content: bytes) -> bytes:
    """Return a graph of an ONNX version that no runtime knows."""
    graph = onnx.load_from_string(content)
    graph.ir_version = 99
    return bytes(graph.SerializeToString())


def _arrays(**changes: Callable[[np.ndarray], np.ndarray]) -> Callable[[bytes], bytes]:
    """Return a change of some arrays of an .npz file."""

    def changed(content: bytes) -> bytes:
        with np.load(io.BytesIO(content)) as arrays:
            kept = {name: arrays[name] for name in arrays.files}
        return npz_bytes(kept | {name: change(kept[name]) for name, change in changes.items()})

    return changed


def _json(change: Callable[[Any], Any]) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(change(json.loads(content))).encode()


SEALED: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a graph that is none": ("model.onnx", lambda _: b"graph", "model.onnx cannot be read"),
    "half a graph": ("model.onnx", _without_tail, "model.onnx"),
    "a graph of a later ONNX": ("model.onnx", _newer, "model.onnx cannot be read"),
    "half a zip": ("tables.npz", _without_tail, "tables.npz cannot be read"),
    "a zip that is none": ("tables.npz", lambda _: b"PK\x03\x04zip", "tables.npz cannot be read"),
    "no zip at all": ("tables.npz", lambda _: b"", "tables.npz cannot be read"),
    "a narrow table": ("tables.npz", _arrays(item=lambda a: a[:, :-1]), "item: shape"),
    "a short table": ("tables.npz", _arrays(hazard=lambda a: a[:-1]), "hazard: shape"),
    "a table of no numbers": ("tables.npz", _arrays(gap=lambda a: a * np.nan), "gap: a value"),
    "a neighbour that is no item": (
        "tables.npz",
        _arrays(near=lambda a: np.full_like(a, N_ITEMS)),
        "near: an item outside of the 60",
    ),
    "fewer items than tables": ("items.json", _json(lambda ids: ids[:40]), "60 items, .* 40"),
    "more items than tables": ("items.json", _json(lambda ids: [*ids, "one more"]), "items, .* 61"),
    "an item twice": ("items.json", _json(lambda ids: [*ids[:-1], ids[0]]), "each once"),
    "items by number": ("items.json", _json(lambda ids: list(range(len(ids)))), "item ids"),
    "features of another schema": (
        "features.json",
        _json(lambda about: about | {"hash": "0" * 64}),
        "feature schema 000000000000 is unknown",
    ),
    "a falling calibration": (
        "calibration.json",
        _json(lambda _: {"logit": [1.0, 0.0], "probability": [0.5, 0.4]}),
        "that rise",
    ),
    "a calibration of no points": (
        "calibration.json",
        _json(lambda _: {"logit": [], "probability": []}),
        "at least one",
    ),
    "probabilities beyond 1": (
        "calibration.json",
        _json(lambda _: {"logit": [0.0, 1.0], "probability": [0.5, 1.5]}),
        "from 0 to 1",
    ),
    "a floor that is no probability": (
        "metrics.json",
        _json(lambda found: found | {"judgement": {"floors": {"tablet": 1.5}}}),
        "floors: expected probabilities",
    ),
    "floors that are none": (
        "metrics.json",
        _json(lambda found: found | {"judgement": {"floors": [0.1]}}),
        "metrics.json cannot be read",
    ),
    "metrics that are none": ("metrics.json", lambda _: b"7", "metrics.json cannot be read"),
}


@pytest.mark.parametrize("name", SEALED)
def test_a_right_hash_is_not_enough(bundle_dir: Path, tmp_path: Path, name: str) -> None:
    """What was sealed broken is refused like a forged file, and the reason names it."""
    file, broken, reason = SEALED[name]
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy)
    extend(copy, {file: broken((copy / file).read_bytes())})
    with pytest.raises(TrustError, match=reason):
        load_bundle(copy, IDS)


def test_floors_come_with_the_bundle(bundle_dir: Path, tmp_path: Path) -> None:
    """What training judged; a share that no probability reaches lets nothing through."""
    assert load_bundle(bundle_dir, IDS).floors == {}
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy)
    judged = {"judgement": {"floors": {"tablet": 0.04, "push": None}}}
    extend(copy, {"metrics.json": json.dumps(judged).encode()})
    assert load_bundle(copy, IDS).floors == {"tablet": 0.04, "push": 1.0}


def test_the_graph_of_another_bundle_is_refused(bundle_dir: Path, tmp_path: Path) -> None:
    """It reads a person of another size; asked once, it cannot answer."""
    other = replace(PLAN, encoder=replace(PLAN.encoder, size=12))
    train_on(regulars(40), IDS, tmp_path / "other", other)
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy)
    extend(copy, {"model.onnx": (tmp_path / "other" / "model.onnx").read_bytes()})
    with pytest.raises(TrustError, match=r"model\.onnx reads other inputs than this box"):
        load_bundle(copy, IDS)


@given(st.sampled_from(sorted(LOADED)), st.binary(max_size=200), st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_escape_the_two_errors(
    bundle_dir: Path, tmp_path: Path, name: str, content: bytes, is_tail: bool
) -> None:
    """Whatever a file of a sealed bundle holds or ends in, the box refuses it or loads it."""
    copy = tmp_path / "copy"
    shutil.copytree(bundle_dir, copy, dirs_exist_ok=True)
    whole = (copy / name).read_bytes()
    extend(copy, {name: whole[: len(whole) // 3] + content if is_tail else content})
    with suppress(TrustError, UnavailableError):
        load_bundle(copy, IDS)


def test_another_catalogue_is_refused(bundle_dir: Path) -> None:
    """A bundle that knows a third of the items was made for another store."""
    foreign = IDS[:20] + [f"other-{number}" for number in range(40)]
    with pytest.raises(TrustError, match="another catalogue: it knows 33%"):
        load_bundle(bundle_dir, foreign)


def test_missing_bundle_is_unavailable(tmp_path: Path) -> None:
    """No bundle is not a forged one: the caller degrades."""
    with pytest.raises(UnavailableError, match=r"no manifest\.json"):
        load_bundle(tmp_path / "none", IDS)
