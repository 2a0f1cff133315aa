"""Pack a bundle into one file, ready to sign: the same bundle gives the same bytes.

Decides that only what the manifest lists is packed, and that nothing is packed that does not
match it. Leaves out signing (`provisioning`) and loading (`edge.adapters.onnx`).
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path

from edge.core.errors import TrustError


def contents(bundle: Path) -> dict[str, bytes]:
    """Return the manifest and everything it lists, by name.

    Raises:
        TrustError: A file is missing or does not match the manifest.
    """
    manifest_bytes, expected = _manifest(bundle)
    content = {"manifest.json": manifest_bytes}
    for name, digest in sorted(expected.items()):
        content[name] = _matching(bundle / name, digest)
    return content


def one(bundle: Path, name: str) -> bytes:
    """Return one file that the manifest lists, whatever became of the others.

    Raises:
        TrustError: It is missing, not listed, or does not match the manifest.
    """
    _, expected = _manifest(bundle)
    if name not in expected:
        raise TrustError(f"{bundle}: manifest.json: {name} is not listed; train the bundle again")
    return _matching(bundle / name, expected[name])


def pack(bundle: Path, out: Path) -> str:
    """Write a tar of the manifest and everything it lists; returns the file's sha256.

    Raises:
        TrustError: A file is missing or does not match the manifest.
    """
    content = contents(bundle)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in sorted(content.items()):
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(data), 0o644
            archive.addfile(about, io.BytesIO(data))
    out.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _manifest(bundle: Path) -> tuple[bytes, dict[str, str]]:
    """Return the manifest as it stands there, and the sha256 of each file that it lists."""
    try:
        content = (bundle / "manifest.json").read_bytes()
        listed = json.loads(content)["files"]
        expected = {str(name): str(entry["sha256"]) for name, entry in listed.items()}
    except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise TrustError(f"{bundle}: manifest.json: {error}; train the bundle again") from error
    return content, expected


def _matching(path: Path, expected: str) -> bytes:
    if not path.is_file():
        raise TrustError(f"{path}: not found, but the manifest lists it; train the bundle again")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise TrustError(
            f"{path}: sha256 {found[:12]}…, the manifest says {expected[:12]}…; "
            "the file was changed after training"
        )
    return data
