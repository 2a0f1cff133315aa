"""Plane geometry of zones: area, containment, crossings and overlap of simple polygons, in metres.

Exact enough to tell a shared wall from an overlap; leaves out holes and curves.
"""

from itertools import pairwise

Point = tuple[float, float]
Polygon = tuple[Point, ...]


def edges(polygon: Polygon) -> list[tuple[Point, Point]]:
    """Return the sides in order, the closing one last."""
    return list(pairwise((*polygon, polygon[0])))


def signed_area_m2(polygon: Polygon) -> float:
    """Return the area by the shoelace formula: positive where the corners run from x to y."""
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in edges(polygon)) / 2


def centre(polygon: Polygon) -> Point:
    """Return the centre of area of a polygon that has one."""
    area = signed_area_m2(polygon)
    crosses = [(a, b, a[0] * b[1] - b[0] * a[1]) for a, b in edges(polygon)]
    return (
        sum((a[0] + b[0]) * cross for a, b, cross in crosses) / (6 * area),
        sum((a[1] + b[1]) * cross for a, b, cross in crosses) / (6 * area),
    )


def contains(polygon: Polygon, x_m: float, y_m: float) -> bool:
    """Tell whether a point lies inside, by the number of sides a ray to the right crosses."""
    inside = False
    for (ax, ay), (bx, by) in edges(polygon):
        if (ay > y_m) != (by > y_m) and x_m < ax + (y_m - ay) * (bx - ax) / (by - ay):
            inside = not inside
    return inside


def distance_m(polygon: Polygon, x_m: float, y_m: float) -> float:
    """Return how far a point lies outside; 0 inside and on the border."""
    if contains(polygon, x_m, y_m):
        return 0.0
    return min(_to_segment_m(side, x_m, y_m) for side in edges(polygon))


def _to_segment_m(side: tuple[Point, Point], x_m: float, y_m: float) -> float:
    (ax, ay), (bx, by) = side
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    along = 0.0 if length2 == 0 else ((x_m - ax) * dx + (y_m - ay) * dy) / length2
    along = min(1.0, max(0.0, along))
    return float(((ax + along * dx - x_m) ** 2 + (ay + along * dy - y_m) ** 2) ** 0.5)


def crossing(polygon: Polygon) -> tuple[int, int] | None:
    """Return the numbers of the first two sides that meet where they must not, else None.

    Neighbouring sides meet in their common corner; they must not fold back on each other.
    """
    sides = edges(polygon)
    count = len(sides)
    for i in range(count):
        for j in range(i + 1, count):
            is_next = j == i + 1
            if is_next or (i == 0 and j == count - 1):
                first, second = (sides[i], sides[j]) if is_next else (sides[j], sides[i])
                if _folds_back(first, second):
                    return i, j
            elif _meet(sides[i], sides[j]):
                return i, j
    return None


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _folds_back(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    (a, b), (_, c) = first, second
    ahead = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _turn(a, b, c) == 0 and ahead <= 0


def _meet(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    (a, b), (c, d) = one, other
    if _turn(a, b, c) * _turn(a, b, d) > 0 or _turn(c, d, a) * _turn(c, d, b) > 0:
        return False
    return all(
        max(min(a[k], b[k]), min(c[k], d[k])) <= min(max(a[k], b[k]), max(c[k], d[k]))
        for k in (0, 1)
    )


def overlap_m2(one: Polygon, other: Polygon) -> float:
    """Return the area that two simple polygons share; 0 where they only touch.

    Between two neighbouring heights at which a corner lies or sides cross, the shared width is
    linear in the height, so its value half way times the height is the area, exactly.
    """
    if not _boxes_overlap(one, other):
        return 0.0
    heights = sorted({y for _, y in (*one, *other)} | _crossing_heights(one, other))
    total = 0.0
    for low, high in pairwise(heights):
        middle = (low + high) / 2
        shared = sum(
            max(0.0, min(b, d) - max(a, c))
            for a, b in _spans(one, middle)
            for c, d in _spans(other, middle)
        )
        total += shared * (high - low)
    return total


def _boxes_overlap(one: Polygon, other: Polygon) -> bool:
    return all(
        max(min(p[k] for p in one), min(p[k] for p in other))
        < min(max(p[k] for p in one), max(p[k] for p in other))
        for k in (0, 1)
    )


def _crossing_heights(one: Polygon, other: Polygon) -> set[float]:
    heights = set()
    for a, b in edges(one):
        for c, d in edges(other):
            slope = (b[0] - a[0]) * (d[1] - c[1]) - (b[1] - a[1]) * (d[0] - c[0])
            if slope != 0:
                along = ((c[0] - a[0]) * (d[1] - c[1]) - (c[1] - a[1]) * (d[0] - c[0])) / slope
                if 0 <= along <= 1:
                    heights.add(a[1] + along * (b[1] - a[1]))
    return heights


def _spans(polygon: Polygon, y_m: float) -> list[tuple[float, float]]:
    xs = sorted(
        ax + (y_m - ay) * (bx - ax) / (by - ay)
        for (ax, ay), (bx, by) in edges(polygon)
        if (ay > y_m) != (by > y_m)
    )
    return list(zip(xs[::2], xs[1::2], strict=True))
