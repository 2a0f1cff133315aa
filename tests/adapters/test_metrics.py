"""Figures are read when asked and named in the Prometheus format."""

from edge.adapters.metrics import Metrics, Series


def test_counters_and_gauges_are_rendered() -> None:
    """A labelled counter and a plain gauge, with values of the moment of asking."""
    metrics = Metrics()
    drops = {"too_large": 2.0}
    metrics.add(Series("dropped", "Messages dropped.", "reason", lambda: drops, is_counter=True))
    metrics.add(Series("guests", "Guests now.", "", lambda: {"": 3.0}))
    drops["too_large"] = 5.0
    text = metrics.text().decode()
    assert 'stammgast_dropped_total{reason="too_large"} 5.0' in text
    assert "stammgast_guests 3.0" in text
