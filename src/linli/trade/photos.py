"""Pictures that members send: re-encoded, so that nothing stays in them that a phone wrote there (place, device, hidden data)."""

from __future__ import annotations

import io
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from linli.kernel.refusals import Refusal

MOST_BYTES = 12 * 1024 * 1024
MOST_PIXELS = 50_000_000
LONGEST = 1600
FORMATS = ("JPEG", "PNG", "WEBP")


@dataclass(frozen=True)
class Picture:
    """A picture ready to be kept: JPEG, at most LONGEST pixels on its longer side, no metadata."""

    data: bytes
    width: int
    height: int


def prepare(data: bytes) -> Picture:
    """Re-encode what somebody sent. Raises Refusal: trade.photo_too_large(most_mb), trade.bad_photo."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    if len(data) > MOST_BYTES:
        raise Refusal("trade.photo_too_large", most_mb=MOST_BYTES // 1024 // 1024)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as sent:
                if sent.width * sent.height > MOST_PIXELS:
                    raise Refusal("trade.photo_too_large", most_mb=MOST_BYTES // 1024 // 1024)
                sent.draft("RGB", (LONGEST, LONGEST))
                upright = ImageOps.exif_transpose(sent).convert("RGB")
    except Refusal:
        raise
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal("trade.bad_photo") from None
    upright.thumbnail((LONGEST, LONGEST))
    clean = Image.new("RGB", upright.size)  # pixels alone: a copy made by the library would carry the metadata along
    clean.paste(upright)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=82, optimize=True)
    return Picture(out.getvalue(), clean.width, clean.height)


def path(region: str, photo_id: uuid.UUID) -> Path:
    """Where a picture lies. The name says nothing of whose it is."""
    return Path(settings.HOME) / "uploads" / region / photo_id.hex[-2:] / f"{photo_id.hex}.jpg"


def keep(region: str, photo_id: uuid.UUID, picture: Picture) -> None:
    """Write the picture to its place."""
    there = path(region, photo_id)
    there.parent.mkdir(parents=True, exist_ok=True)
    there.write_bytes(picture.data)


def drop(region: str, photo_id: uuid.UUID) -> None:
    """Take a picture away whose request was not written."""
    path(region, photo_id).unlink(missing_ok=True)
