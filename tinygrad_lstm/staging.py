"""Files that appear all together at the end, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import TextError


@contextlib.contextmanager
def staged(folder: Path, last: str) -> Iterator[Path]:
    """A temporary folder whose files move into `folder` when the block ends well.

    Made before the work begins, so that a place that cannot be written to is found out at once.
    Whatever goes wrong, `folder` stays as it was and nothing is left behind.  Files of other names
    that are already in it are not touched.

    Args:
        last: the file that moves last: while it is old, the report as a whole is.

    Raises:
        TextError: if the place cannot be written to.
    """
    try:
        base = _nearest_folder(folder)
        temporary = Path(tempfile.mkdtemp(prefix=".tinygrad-lstm-", dir=base))
    except OSError as error:
        raise TextError(f"{folder}: cannot write there: {error.strerror}") from None
    try:
        yield temporary
        _move(temporary, folder, last)
    except OSError as error:
        raise TextError(f"{folder}: cannot write there: {error.strerror}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _nearest_folder(folder: Path) -> Path:
    """The folder itself if it is there, else the innermost one above it that is."""
    for place in (folder, *folder.absolute().parents):
        if place.exists():
            if not place.is_dir():
                raise NotADirectoryError(20, f"{place} is a file")
            return place
    return Path.cwd()


def _move(temporary: Path, folder: Path, last: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(temporary.iterdir(), key=lambda path: (path.name == last, path.name)):
        os.replace(path, folder / path.name)
