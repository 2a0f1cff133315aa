"""What the training extra brings along: megabytes unpacked, package by package, and no CUDA.

python -m benchmarks.install_size [--extra models] [--json]
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks.bench import arguments, report

ROOT = Path(__file__).parent.parent
MOST_MB = 750
CUDA = re.compile(r"(nvidia|torch|triton|cuda)")


def main() -> int:
    """Measure the installed packages of an extra and all they need."""
    parser = arguments(__doc__)
    parser.add_argument("--extra", default="models", help="extra of this project")
    options = parser.parse_args()
    packages = {p.name: size_mb(p) for p in of_extra(options.extra)}
    largest = sorted(packages.items(), key=lambda pair: -pair[1])[:12]
    figures: dict[str, object] = {
        "extra": options.extra,
        "total_mb": round(sum(packages.values())),
        "most_mb": MOST_MB,
        "packages": len(packages),
        "cuda_packages": [name for name in packages if CUDA.match(name.lower())],
        "largest_mb": {name: round(size) for name, size in largest},
    }
    report(figures, is_quiet=options.json)
    return 0


def of_extra(extra: str) -> Iterator[Distribution]:
    """Yield the packages that this project's own needs and one extra bring along."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    seen: set[str] = set()
    for line in (*project["dependencies"], *project["optional-dependencies"][extra]):
        requirement = Requirement(line)
        yield from needed(requirement.name, frozenset(requirement.extras), seen)


def needed(name: str, extras: frozenset[str], seen: set[str]) -> Iterator[Distribution]:
    """Yield a package and all it needs, for some of its extras, each once."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        return
    seen.add(key)
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return  # needed on other systems only
    yield found
    for line in found.requires or ():
        requirement = Requirement(line)
        wanted = [{"extra": extra} for extra in (extras or {""})]
        if requirement.marker is None or any(requirement.marker.evaluate(w) for w in wanted):
            yield from needed(requirement.name, frozenset(requirement.extras), seen)


def size_mb(package: Distribution) -> float:
    """Return what a package's files take on disk, compiled caches included."""
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
