"""A file between being looked at and being acted upon: kept for a day in the home folder, named by its content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.core import signing
from django.core.files.uploadedfile import UploadedFile

from linli.kernel import clocks, sheets
from linli.kernel.refusals import Refusal

KEPT_SECONDS = 86_400


def _folder() -> Path:
    folder = Path(settings.HOME) / "uploads" / "sheets"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep(upload: UploadedFile[bytes], region: str) -> str:
    """Keep an uploaded file; returns the token that opens it again, in this region alone.

    Raises Refusal: kernel.sheet_too_big.
    """
    if (upload.size or 0) > sheets.MOST_BYTES:
        raise Refusal("kernel.sheet_too_big", most_mb=sheets.MOST_BYTES // 1_000_000, most_rows=sheets.MOST_ROWS)
    content = upload.read()
    name = hashlib.sha256(content).hexdigest()
    _sweep()
    (_folder() / name).write_bytes(content)
    return signing.dumps([name, (upload.name or "")[-80:], region], salt="linli.sheet")


def opened(token: str, region: str) -> tuple[bytes, str]:
    """(content, filename) of a kept file. Raises Refusal: web.upload_gone."""
    try:
        name, filename, of_region = signing.loads(token, salt="linli.sheet", max_age=KEPT_SECONDS)
        if of_region != region:
            raise Refusal("web.upload_gone")
        return (_folder() / name).read_bytes(), filename
    except (signing.BadSignature, FileNotFoundError) as error:
        raise Refusal("web.upload_gone") from error


def _sweep() -> None:
    old = clocks.machine_now().timestamp() - KEPT_SECONDS
    for path in _folder().iterdir():
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
