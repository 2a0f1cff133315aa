"""The box's figures in the Prometheus text format.

Counters live where they are counted, as plain numbers; this module only reads and names them. A
label is a reason, a gateway or a part of the box, never a person, a beacon or a topic.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Values = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Series:
    """A family of figures.

    Attributes:
        name: Without the `stammgast_` prefix. `help`: one sentence, with the unit.
        label: What tells the values apart; empty where there is one value, under the key "".
        read: Gives the present values.
    """

    name: str
    help: str
    label: str
    read: Callable[[], Values]
    is_counter: bool = False


class Metrics:
    """Reads all series at the moment somebody asks."""

    def __init__(self) -> None:
        self._series: list[Series] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def add(self, series: Series) -> None:
        """Publish one more series."""
        self._series.append(series)

    def collect(self) -> Iterator[Metric]:
        """Yield the families (the interface of a Prometheus collector)."""
        for series in self._series:
            make = CounterMetricFamily if series.is_counter else GaugeMetricFamily
            labels = [series.label] if series.label else []
            family = make(f"stammgast_{series.name}", series.help, labels=labels)
            for key, value in sorted(series.read().items()):
                family.add_metric([key] if series.label else [], value)
            yield family

    def text(self) -> bytes:
        """Render everything."""
        return generate_latest(self._registry)
