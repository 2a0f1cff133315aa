"""The model card: what a bundle is, what it was trained on, what it is worth, what it is not for.

Decides what a data scientist sees first: the judgement with its interval, the rivals, what rounding
to 8 bits costs, the reliability diagram with ECE, the floors per surface, each further model
against its naive baseline, and the variables that were switched off. Written as Markdown and as one
HTML file with its plots inside, from `metrics.json` alone, so that the card can never say more than
was measured.
"""

import base64
import html
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from models.bundle import json_bytes
from models.evaluation import FLOOR_SHARES

Metrics = Mapping[str, Any]
_INK, _BLUE, _GREY = "#1d2433", "#1f5fbf", "#9aa4b5"


def files(metrics: Metrics, loaded_bytes: int) -> dict[str, bytes]:
    """Return `card.md`, `card.html` and the plots, by name.

    Args:
        metrics: As in the bundle's metrics.json.
        loaded_bytes: Size of what a box loads.
    """
    metrics = json.loads(json_bytes(metrics))  # in that file's order, so that it is the same again
    plots = _plots(metrics)
    return {
        "card.md": markdown(metrics, loaded_bytes, list(plots)).encode(),
        "card.html": page(metrics, loaded_bytes, plots).encode(),
        **plots,
    }


def sections(metrics: Metrics, loaded_bytes: int) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return (title, sentences, table) in the order of the card; the first row is the header."""
    found = [
        _about(metrics, loaded_bytes),
        _judgement(metrics),
        _rounding(metrics.get("int8") or {}),
        _calibration(metrics.get("judgement") or {}),
        _visit_models(metrics.get("visit_models") or {}, metrics.get("left_out") or {}),
        _in_use((metrics.get("judgement") or {}).get("in_use") or {}),
        *_further(_measured_parts(metrics)),
        _variables(metrics.get("variables") or []),
        _limits(),
    ]
    return [*found, *_words(found)]


Section = tuple[str, list[str], list[list[str]]]


def _about(metrics: Metrics, loaded_bytes: int) -> Section:
    rows = [
        ["", ""],
        ["Customers", f"{metrics['customers']:,}"],
        ["Of them encoder and ranker learned from", f"{metrics['customers_learned']:,}"],
        ["Baskets", f"{metrics['baskets']:,}"],
        ["Lines", f"{metrics['lines']:,}"],
        ["Next baskets that a pass of the encoder learned", f"{metrics['baskets_a_pass']:,}"],
        *_when(metrics),
        ["Seed", str(metrics["seed"])],
        ["What a box loads", f"{loaded_bytes / 1e6:.2f} MB"],
    ]
    text = (
        "Ranks the items of one store for one customer: an int8 network over features that the "
        "box computes from the customer's own purchases, what others bought next, and popularity. "
        "Today's basket, the zone and wishes weigh by factors of the house."
    )
    drawn = (
        "Item tables and popularity count every line; encoder and ranker learned from whole "
        "histories of customers who came twice, drawn evenly by the seed where they are too many."
    )
    is_drawn = metrics["customers_learned"] < metrics["customers"]
    is_itself = metrics.get("is_judged_itself")
    held_out = "the baskets it is judged on" if is_itself else "what the data mark as held out"
    counted = (
        "Trained on purchases of customers with an id, each item once a basket, without gifts and "
        f"{held_out}; so its lines are fewer than the rows on the page on data quality:"
    )
    return "What it is", [text, *([drawn] if is_drawn else []), counted], rows


def _when(metrics: Metrics) -> list[list[str]]:
    """Return the rows of days, none where the days are not those of a calendar."""
    days, since = metrics.get("days"), (metrics.get("judgement") or {}).get("judged_from")
    if not days:
        return []
    rows = [["Receipts, the judged ones too", f"{days['first']} to {days['last']}"]]
    rows += [["Baskets that it is judged on", f"from {since}"]] if since else []
    return [*rows, ["First day that evaluate --since accepts", days["unseen_from"]]]


def _judgement(metrics: Metrics) -> Section:
    title = "What it is worth"
    judgement = metrics.get("judgement")
    if not judgement:
        why = metrics.get("not_judged") or "the data hold nothing that could be held out"
        return title, [f"Not judged: {why}."], []
    low, high = judgement["gain_ci95"]
    verdict = "better than" if low > 0 else ("worse than" if high < 0 else "not told apart from")
    which = (
        "This very ranker, which has not seen the newest baskets,"
        if metrics.get("is_judged_itself")
        else "A ranker made alike, without the newest baskets,"
    )
    sentences = [
        f"{which} was asked for the next basket of "
        f"{judgement['customers_judged']:,} customers. It is {verdict} the best naive method "
        f"({judgement['best_rival']}): recall@10 {judgement['gain']:+.4f}, 95 % interval "
        f"{low:+.4f} to {high:+.4f}, paired by customer."
    ]
    header = ["Method", "recall@10", "ndcg@10", "phr@10"]
    rows = [_measured("This ranker", judgement)]
    rows += [_measured(name, row) for name, row in judgement["rivals"].items()]
    return title, sentences, [header, *rows]


def _measured(name: str, row: Metrics) -> list[str]:
    return [name, *(f"{row[f'{m}_at_10']:.4f}" for m in ("recall", "ndcg", "phr"))]


def _rounding(int8: Metrics) -> Section:
    title = "What rounding to 8 bits costs"
    if not int8:
        return title, ["Not measured."], []
    loss, margin = int8["recall_loss"], 1.96 * int8["recall_loss_error"]
    lost = f"{loss:.5f} ({loss - margin:+.5f} to {loss + margin:+.5f})"
    sentences = [
        f"The shipped graph against the float32 network, over the newest baskets of "
        f"{int8['customers']:,} customers, which the ranker has learned from."
    ]
    if loss > int8["most_recall_loss"]:
        sentences.append(
            f"More than the allowed {int8['most_recall_loss']} of recall@10 is lost here; the gate "
            "let it pass because so few customers cannot tell it from noise."
        )
    exact = ", ".join(str(layer + 1) for layer in int8["layers_in_float32"]) or "none"
    rows = [
        ["", ""],
        ["Ten best that stay among the ten best", f"{int8['top10_overlap']:.2%}"],
        ["recall@10 lost, 95 % interval", lost if margin else "none, of any of them"],
        ["Layers that 8 bits harm, kept in float32", exact],
    ]
    return title, sentences, rows


def _calibration(judgement: Metrics) -> Section:
    title = "Whether its probabilities can be believed"
    if not judgement:
        return title, ["Not judged."], []
    sentences = [
        f"Expected calibration error {judgement['ece']:.5f} over all candidates of the judged "
        f"customers, {_share_bought(judgement['reliability']) * 100:.2g} % of which were bought.",
        "From the floor on each card, not only their mean, is bought as often as the surface asks; "
        "where the store's rules name no floor, the box shows nothing below it. So a floor is what "
        "was predicted, the share beside it what was bought: where they differ, the probabilities "
        "are off.",
    ]
    rows = [["Surface", "Bought at the floor, at least", "Floor, as predicted"]]
    rows += [
        [
            surface,
            f"{FLOOR_SHARES[surface] * 100:.0f} %",
            "none reaches it, nothing is shown" if floor is None else f"{floor:.4f}",
        ]
        for surface, floor in judgement["floors"].items()
    ]
    return title, sentences, rows


def _share_bought(diagram: Metrics) -> float:
    """Return the share of all candidates that was bought."""
    bins = zip(diagram["observed"], diagram["rows"], strict=True)
    return float(sum(share * rows for share, rows in bins) / sum(diagram["rows"]))


def _visit_models(models: Mapping[str, Metrics], left_out: Mapping[str, str]) -> Section:
    title = "The models beside the ranker"
    missing = [f"{name}: left out; {reason}." for name, reason in left_out.items()]
    if not models:
        none = "None: the data hold neither zones, visits nor a log of offers."
        return title, missing or [none], []
    return title, [*_notes(models), *missing], _against_naive("Model", models)


def _in_use(rows: Mapping[str, Metrics]) -> Section:
    title = "What a box makes of it"
    if not rows:
        return title, ["Not judged."], []
    sentence = (
        "Replayed on the judged customers: their next basket says what each card would have come "
        "to, also the cards that were not shown."
    )
    return title, [sentence, *_notes(rows)], _against_naive("Part", rows)


def _against_naive(first: str, models: Mapping[str, Metrics]) -> list[list[str]]:
    """Return the table of measured rows, each against its naive baseline."""
    rows = [[first, "Measure", "Ours", "Naive", "Baseline", "Gain, 95 % interval", "Verdict"]]
    for name, row in models.items():
        low, high = row["gain_ci95"]
        rows.append(
            [
                _named(name),
                row["measure"],
                f"{row['ours']:.4f}",
                f"{row['theirs']:.4f}",
                row["baseline"],
                f"{row['gain']:+.4f} ({low:+.4f} to {high:+.4f})",
                _verdict(row),
            ]
        )
    return rows


def _verdict(row: Metrics) -> str:
    if not row.get("is_enough", True):
        return "none: no log sufficed"
    if row["is_better"]:
        return "better"
    return "worse" if row["gain_ci95"][1] < 0 else "not shown to be better"


def _notes(models: Mapping[str, Metrics]) -> list[str]:
    return [f"{_named(name)}: {row['data']}." for name, row in models.items()]


def _named(name: str) -> str:
    return name.replace("_", " ").capitalize()


_TOLD = frozenset(
    {"data", "sha256", "measure", "baseline", "ours", "theirs", "gain", "gain_ci95", "is_better"}
    | {"is_enough"}
)
"""Of a measured row, what stands elsewhere on the card."""
_TITLES = {"rows": "judged rows", "groups": "independent groups"}


def _further(parts: Mapping[str, Metrics]) -> list[Section]:
    rows = []
    for part, row in parts.items():
        told = [(key, value) for key, value in row.items() if key not in _TOLD]
        for at, (key, value) in enumerate(told):
            figure = _TITLES.get(key, key.replace("_", " "))
            rows.append(["" if at else _named(part), figure, _figure(value)])
    return [("Further figures", [], [["Part", "Figure", "Value"], *rows])] if rows else []


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _variables(variables: Sequence[Metrics]) -> Section:
    off = [v["name"] for v in variables if v["is_alarming"]]
    sentence = (
        f"Switched off for want of quality: {', '.join(off)}."
        if off
        else "No variable had to be switched off."
    )
    rows = [["Variable", "Filled", "Plausible", "Used"]]
    rows += [
        [v["name"], f"{v['fill']:.1%}", f"{v['valid']:.1%}", "yes" if v["is_enabled"] else "no"]
        for v in variables
    ]
    return "The variables it rests on", [sentence], rows


def _limits() -> Section:
    sentences = [
        "Ranking says what is likely to be bought, not what a suggestion adds: that is measured "
        "in the store against a holdout.",
        "Zone, time of day and today's basket are in no public purchase history; where a model "
        "uses them, its row above names what it was judged on.",
        "Nothing here infers health, emotion or identity; sensitive classes are suppressed before "
        "any score is asked for.",
    ]
    return "What it does not say", sentences, []


_WORDS = {
    "G-TopFreq, P-TopFreq, GP-TopFreq": "naive methods, ten items each: what everybody bought most "
    "often; what the customer did; the customer's own, filled up with everybody's",
    "recall@10": "share of the next basket's items that are among the ten ranked first",
    "ndcg@10": "the same hits, worth more the higher they rank; 1 is the best possible order",
    "phr@10": "share of customers with at least one hit among the ten",
    "negative log loss": "mean log of the chance given to what came; nearer to 0 is better",
    "log odds": "logarithm of a chance against its opposite; 0 is even",
    "judged rows": "what a measure is the mean over",
    "independent groups": "customers, visits or receipts, whose rows are drawn together for the "
    "interval",
    "ece": "expected calibration error: mean distance between predicted and observed share",
    "share taken": "of the judged offers: the rate that ece is an error of",
    "auc": "chance that one that was taken ranks above one that was not; 0.5 is a coin's",
    "bytes": "size of the model's files in the bundle",
    "int8 shift": "mean change of its probabilities by rounding to 8 bits",
    "answered": "share of moments in which a motive is named; in the others it is unknown",
    "ablations add up": "share of cards of which the losses without each single source sum to the "
    "whole, but for a tenth",
    "share of history": "as of every source: its mean part in what moves a score (Shapley)",
    "first sentence names the largest": "share of the cards with reasons of two kinds "
    "whose first one moved them most",
    "truth": "take-up of the policy asked for, which is known here",
    "intervals that hold it": "share of the drawn logs whose interval holds the truth",
    "logs that sufficed": "share of the drawn logs that suffice for a conclusion",
    "effective visits": "how many visits of the policy asked for a drawn log is worth",
    "refused for best sellers": "share of the drawn logs that refuse to judge the best sellers, "
    "which were seldom shown",
}
"""What a reader may not know, in the order of the card."""


def _words(sections: Sequence[Section]) -> list[Section]:
    """Return what the words of the card mean, of those that stand on it."""
    text = " ".join(
        " ".join([*sentences, *(cell for row in table for cell in row)])
        for _, sentences, table in sections
    )
    rows = [
        [term, meaning]
        for term, meaning in _WORDS.items()
        if any(re.search(rf"\b{re.escape(word)}\b", text) for word in term.split(", "))
    ]
    return [("What the words mean", [], [["Word", "Meaning"], *rows])] if rows else []


def markdown(metrics: Metrics, loaded_bytes: int, plots: Sequence[str]) -> str:
    """Return the card as Markdown, the plots as links beside it."""
    parts = ["# Model card", ""]
    for title, sentences, table in sections(metrics, loaded_bytes):
        parts += [f"## {title}", "", *(f"{sentence}\n" for sentence in sentences)]
        if table:
            parts += [_line(table[0]), _line(["---"] * len(table[0])), *map(_line, table[1:]), ""]
        parts += [f"![{_CAPTIONS[name]}]({name})\n" for name in _plots_of(title, plots)]
    return "\n".join(parts)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page(metrics: Metrics, loaded_bytes: int, plots: Mapping[str, bytes]) -> str:
    """Return the card as one HTML file that needs nothing beside it."""
    body = []
    for title, sentences, table in sections(metrics, loaded_bytes):
        body.append(f"<section><h2>{html.escape(title)}</h2>")
        body += [f"<p>{html.escape(sentence)}</p>" for sentence in sentences]
        body += [_table(table)] if table else []
        for name in _plots_of(title, list(plots)):
            text = base64.b64encode(plots[name]).decode()
            caption = html.escape(_CAPTIONS[name])
            body.append(
                f"<figure><img alt='{caption}' src='data:image/svg+xml;base64,{text}'>"
                f"<figcaption>{caption}</figcaption></figure>"
            )
        body.append("</section>")
    return _PAGE.replace("{body}", "\n".join(body))


def _table(table: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table[0])
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in table[1:]
    )
    header = f"<thead><tr>{head}</tr></thead>" if any(table[0]) else ""
    return f"<div class='scroll'><table>{header}<tbody>{rows}</tbody></table></div>"


_CAPTIONS = {
    "reliability.svg": "Reliability: predicted against observed share bought, by bin; the diagonal "
    "is perfect, the bars show how many candidates each bin holds",
    "ranking.svg": "Recall@10 of this ranker and of the naive methods",
    "gains.svg": "Gain of each further part that has a verdict over its naive baseline, in units "
    "of its 95 % interval's half width; right of the line is better beyond doubt",
}


FILES = ("card.md", "card.html", *_CAPTIONS)
"""What `files` may write."""
_SECTION_OF = {
    "ranking.svg": "What it is worth",
    "reliability.svg": "Whether its probabilities can be believed",
    "gains.svg": "What a box makes of it",
}


def _plots_of(title: str, plots: Sequence[str]) -> list[str]:
    """Return the plots that belong under a section's table."""
    return [name for name in plots if _SECTION_OF[name] == title]


def _plots(metrics: Metrics) -> dict[str, bytes]:
    plots = {}
    judgement = metrics.get("judgement")
    if judgement:
        plots["reliability.svg"] = _reliability(judgement["reliability"])
        plots["ranking.svg"] = _ranking(judgement)
    parts = _measured_parts(metrics).items()
    if measured := {name: row for name, row in parts if row.get("is_enough", True)}:
        plots["gains.svg"] = _gains(measured)
    return plots


def _measured_parts(metrics: Metrics) -> dict[str, Metrics]:
    """Return the rows of every model and part beside the ranker."""
    judgement = metrics.get("judgement") or {}
    return {**(metrics.get("visit_models") or {}), **(judgement.get("in_use") or {})}


def _reliability(diagram: Metrics) -> bytes:
    figure = Figure(figsize=(6, 6), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    predicted, observed = diagram["predicted"], diagram["observed"]
    low = min(*predicted, *(o for o in observed if o > 0)) * 0.7
    high = max(*predicted, *observed) * 1.4
    top.plot([low, high], [low, high], color=_GREY, linewidth=1, linestyle="--")
    top.plot(predicted, [max(o, low) for o in observed], "o-", color=_BLUE)
    top.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
    top.set_ylabel("observed share bought")
    bottom.vlines(predicted, 1, diagram["rows"], color=_BLUE, linewidth=6)
    bottom.set(yscale="log", xlabel="predicted probability", ylabel="candidates")
    return _svg(figure)


def _ranking(judgement: Metrics) -> bytes:
    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.subplots()
    names = ["This ranker", *judgement["rivals"]]
    values = [judgement["recall_at_10"]]
    values += [row["recall_at_10"] for row in judgement["rivals"].values()]
    axes.barh(names, values, color=[_BLUE, *[_GREY] * (len(names) - 1)])
    axes.invert_yaxis()
    axes.set_xlabel("recall@10")
    for at, value in enumerate(values):
        axes.annotate(f" {value:.4f}", (value, at), va="center", color=_INK)
    axes.set_xlim(0, max(values) * 1.2)
    return _svg(figure)


def _gains(models: Mapping[str, Metrics]) -> bytes:
    figure = Figure(figsize=(6, 0.8 + 0.6 * len(models)), layout="constrained")
    axes = figure.subplots()
    for at, row in enumerate(models.values()):
        low, high = row["gain_ci95"]
        half = max((high - low) / 2, 1e-9)
        axes.plot([low / half, high / half], [at, at], color=_BLUE, linewidth=3)
        axes.plot(row["gain"] / half, at, "o", color=_BLUE)
    axes.axvline(0, color=_INK, linewidth=1)
    axes.set_yticks(range(len(models)), [_named(name) for name in models])
    axes.set_xlabel("gain, in half widths of its 95 % interval")
    axes.margins(y=0.4)
    axes.invert_yaxis()
    return _svg(figure)


def _svg(figure: Figure) -> bytes:
    """Return a figure whose bytes depend on its content alone."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=_INK)
    out = io.BytesIO()
    import matplotlib

    with matplotlib.rc_context({"svg.hashsalt": "stammgast", "svg.fonttype": "path"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Model card</title>
<style>
body { font: 17px/1.55 system-ui, sans-serif; color: #1d2433; background: #fff;
  margin: 2.5rem auto; max-width: 60rem; padding: 0 1.25rem; }
h1 { font-size: 2rem; margin: 0 0 1.5rem; } h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; }
p { max-width: 42rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid #d9dee8;
  vertical-align: top; }
th { font-weight: 600; color: #55607a; }
figure { margin: 2rem 0; } img { max-width: 100%; height: auto; }
figcaption { color: #55607a; font-size: .9rem; max-width: 36rem; }
</style></head><body>
<h1>Model card</h1>
{body}
</body></html>
"""
