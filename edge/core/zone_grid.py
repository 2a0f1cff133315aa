"""The floor as a grid: how strong each cell is heard, how people walk on it, whose zone it is.

Computed once from the places of receivers and the polygons of zones, then only read. Leaves out
beacons and readings (`zones`).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.core.floorplan import FloorPlan, Receiver
from edge.core.polygons import Polygon, edges

Floats = NDArray[np.float32]

# Path loss exponent of a line of sight inside a building: 1.6 to 1.8 (T. S. Rappaport, Wireless
# Communications, 2nd ed., table 4.2). Ceiling receivers look over the shelves.
PATH_LOSS_EXPONENT = 1.7
STEP_S = 1.0
# A shopper's pace, between stopping at shelves and the 1.16 m/s of shopping pedestrians
# (U. Weidmann, Transporttechnik der Fussgaenger, 1993, table of trip purposes).
PACE_M_S = 0.8
HEADINGS = 8
# Heading noise of a walker per step: aisles are straight.
TURN_RAD = 0.3
# Mean walk and mean stop: ten steps each.
STOP_PROBABILITY = 0.1
START_PROBABILITY = 0.1
# Sway around the heading, and the arm's length by which a carried beacon moves of itself.
SWAY_M = 0.3
# Heights are given for receivers; a phone or tag is carried at about this one.
CARRIED_AT_M = 1.2
NEAREST_M = 1.0
# Moments, not shapes, of the walk are kept by the grid, so a coarse one does (ADR 0005).
CELL_M = 1.25
MAX_CELLS = 800
MARGIN_M = 1.5
# Share of doubt that is always left to every place, so that a filter led astray finds back.
DOUBT = 1e-5


class ZoneModel:
    """The geometry that all trackers of a store share; nothing in it changes.

    Args:
        receivers: At least one, at different places.
        floor_m: The floor to cover: left, top, right, bottom; the receivers' hull by default.
        polygons: Floor of each zone; without them a place belongs to the zone the centroid of
            whose receivers is nearest.
        exponent: How fast power falls with distance; more where shelves reach above heads.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        floor_m: tuple[float, float, float, float] | None = None,
        polygons: Mapping[str, Polygon] | None = None,
        exponent: float = PATH_LOSS_EXPONENT,
    ) -> None:
        self.receivers = tuple(receivers)
        self.index = {receiver.gateway: i for i, receiver in enumerate(self.receivers)}
        places = np.array([(one.x_m, one.y_m, one.z_m) for one in self.receivers])
        self.cell_m, xs, ys = _axes(floor_m or _hull(places))
        self.shape = (len(xs), len(ys))
        x, y = (axis.ravel() for axis in np.meshgrid(xs, ys, indexing="ij"))
        gain = _gain(places, x, y, exponent)
        self.gain: Floats = gain.astype(np.float32)  # (receivers, cells), 1 at 1 m
        self.inverse_gain: Floats = (1 / gain).astype(np.float32)
        self.log_gain: Floats = np.log(gain).astype(np.float32)
        self.zones, self.membership = _membership(
            self.receivers, places, polygons, x, y, self.cell_m
        )
        at_receiver = self.membership[self.gain.argmax(1)].argmax(1)
        self.zone_of_receiver = tuple(
            one.zone if one.zone in self.zones else self.zones[cell]
            for one, cell in zip(self.receivers, at_receiver.tolist(), strict=True)
        )
        self._along_x, self._along_y = _strides(self.shape, self.cell_m)
        self._turns = _turns()
        spread = PACE_M_S * STEP_S / self.cell_m / math.sqrt(2)
        self._mix_x, self._mix_y = (_mixing(count, spread) for count in self.shape)

    @classmethod
    def of_plan(cls, plan: FloorPlan) -> "ZoneModel":
        """Build the model of a store from its floor plan."""
        polygons = {zone.id: zone.polygon for zone in plan.zones}
        return cls(plan.receivers, (0.0, 0.0, plan.width_m, plan.height_m), polygons)

    @property
    def cells(self) -> int:
        """The number of cells."""
        return self.shape[0] * self.shape[1]

    def anywhere(self) -> Floats:
        """Return the belief of no knowledge; (states, cells), sums to 1."""
        states = 1 + HEADINGS
        return np.full((states, self.cells), 1 / (states * self.cells), dtype=np.float32)

    def mixed(self, values: Floats, place: Floats) -> Floats:
        """Return what a value that walkers carry is on average one step later; (cells,) each.

        Args:
            values: The value by cell.
            place: The probability of the cells before the step.
        """
        both = np.empty((2, *self.shape), dtype=np.float32)
        carried, carriers = both.reshape(2, -1)
        np.add(place, np.float32(DOUBT / self.cells), out=carriers)
        np.multiply(values, carriers, out=carried)
        carried, carriers = self._mix_x @ both @ self._mix_y
        mean: Floats = np.divide(carried, carriers, dtype=np.float32)
        return mean.ravel()

    def walked(self, belief: Floats) -> Floats:
        """Return the belief one step later; (states, cells) in and out, sums to 1."""
        grids = belief.reshape(-1, *self.shape)
        moved = (self._along_x @ grids @ self._along_y).reshape(belief.shape)
        turned: Floats = np.matmul(self._turns, moved, dtype=np.float32)
        turned *= (1 - DOUBT) / turned.sum()
        turned += DOUBT / turned.size
        return turned


def _hull(places: NDArray[np.float64]) -> tuple[float, float, float, float]:
    low, high = places.min(0) - MARGIN_M, places.max(0) + MARGIN_M
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _axes(
    floor_m: tuple[float, float, float, float],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the cell size and the centres along x and y, so that the cells fill the floor."""
    left, top, right, bottom = floor_m
    cell_m = max(CELL_M, math.sqrt((right - left) * (bottom - top) / MAX_CELLS))
    columns = max(1, round((right - left) / cell_m))
    rows = max(1, round((bottom - top) / cell_m))
    xs = left + (np.arange(columns) + 0.5) * (right - left) / columns
    ys = top + (np.arange(rows) + 0.5) * (bottom - top) / rows
    return cell_m, xs, ys


def _gain(
    places: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    exponent: float,
) -> NDArray[np.float64]:
    """Return the mean power at each receiver from each cell, 1 at 1 m; (receivers, cells)."""
    squares = (x - places[:, :1]) ** 2 + (y - places[:, 1:2]) ** 2
    squares += (places[:, 2:3] - CARRIED_AT_M) ** 2
    gain: NDArray[np.float64] = np.maximum(squares, NEAREST_M**2) ** (-exponent / 2)
    return gain


def _strides(shape: tuple[int, int], cell_m: float) -> tuple[Floats, Floats]:
    """Return one step of each state along x (from the left) and along y (from the right).

    The first state stands, the others walk; (states, columns, columns) and (states, rows, rows).
    """
    angles = np.arange(HEADINGS) * (2 * math.pi / HEADINGS)
    way = PACE_M_S * STEP_S / cell_m
    along_x = [_stride(shape[0], way_x, cell_m) for way_x in (0.0, *(way * np.cos(angles)))]
    along_y = [_stride(shape[1], way_y, cell_m).T for way_y in (0.0, *(way * np.sin(angles)))]
    return np.array(along_x, dtype=np.float32), np.array(along_y, dtype=np.float32)


def _stride(count: int, way: float, cell_m: float) -> NDArray[np.float64]:
    """Return the matrix that moves mass by `way` cells and sways it, onto three cells.

    Three weights keep mass, mean and variance; the variance is raised where the grid is too
    coarse to show it. Walls hold what would leave the floor.
    """
    whole = round(way)
    part = way - whole
    variance = max((SWAY_M / cell_m) ** 2, abs(part) - part**2)
    variance = min(variance, 1 - part**2)
    moment = variance + part**2
    matrix = np.zeros((count, count))
    columns = np.arange(count)
    for offset, weight in (
        (whole - 1, (moment - part) / 2),
        (whole, 1 - moment),
        (whole + 1, (moment + part) / 2),
    ):
        np.add.at(matrix, (np.clip(columns + offset, 0, count - 1), columns), weight)
    return matrix


def _mixing(count: int, spread: float) -> Floats:
    """Return the symmetric matrix that spreads mass by so many cells along one axis."""
    share = min(0.25, spread**2 / 2)
    matrix = np.eye(count, dtype=np.float32) * (1 - 2 * share)
    matrix += share * (np.eye(count, k=1, dtype=np.float32) + np.eye(count, k=-1, dtype=np.float32))
    matrix[0, 0] += share
    matrix[-1, -1] += share
    return matrix


def _turns() -> Floats:
    """Return the probability of each state after a step (rows) given the one before (columns)."""
    angles = np.arange(HEADINGS) * (2 * math.pi / HEADINGS)
    apart = np.angle(np.exp(1j * np.subtract.outer(angles, angles)))
    keep = np.exp(-0.5 * (apart / TURN_RAD) ** 2)
    matrix = np.empty((1 + HEADINGS, 1 + HEADINGS), dtype=np.float32)
    matrix[0, 0], matrix[1:, 0] = 1 - START_PROBABILITY, START_PROBABILITY / HEADINGS
    matrix[0, 1:], matrix[1:, 1:] = STOP_PROBABILITY, (1 - STOP_PROBABILITY) * keep / keep.sum(0)
    return matrix


def _membership(
    receivers: tuple[Receiver, ...],
    places: NDArray[np.float64],
    polygons: Mapping[str, Polygon] | None,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cell_m: float,
) -> tuple[tuple[str, ...], Floats]:
    """Return the zones and the share of each cell in each; (cells, zones), rows sum to 1."""
    zones = tuple(polygons) if polygons else tuple(dict.fromkeys(one.zone for one in receivers))
    parts = (np.arange(4) + 0.5) / 4 - 0.5
    share = np.zeros((len(x), len(zones)), dtype=np.float32)
    for dx in parts * cell_m:
        for dy in parts * cell_m:
            if polygons:
                off_m = np.array([_off_m(polygons[zone], x + dx, y + dy) for zone in zones])
            else:
                members = [[one.zone == zone for one in receivers] for zone in zones]
                centres = np.array([places[rows, :2].mean(0) for rows in members])
                off_m = np.hypot(x + dx - centres[:, :1], y + dy - centres[:, 1:])
            share[np.arange(len(x)), off_m.argmin(0)] += 1 / len(parts) ** 2
    return zones, share


def _off_m(polygon: Polygon, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far points lie outside a polygon, negative inside."""
    is_inside = np.zeros(len(x), dtype=bool)
    off = np.full(len(x), np.inf)
    for (ax, ay), (bx, by) in edges(polygon):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy), 0, 1)
        off = np.minimum(off, np.hypot(ax + along * dx - x, ay + along * dy - y))
        if ay != by:
            is_inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / dy)
    return np.where(is_inside, -off, off)
