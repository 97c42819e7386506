"""The drawn pictures: every good of the demo has one, small, plain SVG, the same every time."""

from __future__ import annotations

import gzip
import re
import xml.etree.ElementTree as ET
from importlib import resources
from pathlib import Path

import pytest
import yaml

from linli.web import pictures
from linli.web.pictures import canvas

MOST_BYTES = 2_500


def test_every_demo_good_has_its_own_drawing() -> None:
    goods = yaml.safe_load(resources.files("linli.insight.history").joinpath("goods.yaml").read_text())
    wanted = [good["picture"] for good in goods]
    assert [slug for slug in wanted if slug not in pictures.GOODS] == []
    assert len(set(wanted)) == len(wanted), "two goods share a picture"


@pytest.mark.parametrize("slug", sorted(pictures.GOODS))
def test_a_drawing_is_small_plain_svg(slug: str) -> None:
    picture = pictures.GOODS[slug]()
    for document, width in ((canvas.square(picture), 600), (canvas.wide(picture), 1120)):
        root = ET.fromstring(document)
        assert root.attrib["viewBox"] == f"0 0 {width} 600"
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"text", "filter", "image", "script", "style", "foreignObject"}
        assert "style=" not in document
        assert len(gzip.compress(document.encode())) < MOST_BYTES
        painted = set(re.findall(r"url\(#([\w-]+)\)", document))
        assert painted <= set(re.findall(r'id="([\w-]+)"', document)), "a shade is used that is not defined"


def test_a_drawing_is_the_same_every_time() -> None:
    for slug in ("cheese", "beef-mince", "donut", "rice"):
        assert canvas.square(pictures.GOODS[slug]()) == canvas.square(pictures.GOODS[slug]())


def test_write_leaves_what_is_already_there(tmp_path: Path) -> None:
    count = pictures.write(tmp_path)
    assert count == 2 * len(pictures.GOODS) + len(pictures.AVATARS)
    apple = tmp_path / "apple.svg"
    before = apple.stat().st_mtime_ns
    assert gzip.decompress((tmp_path / "apple.svg.gz").read_bytes()) == apple.read_bytes()
    pictures.write(tmp_path)
    assert apple.stat().st_mtime_ns == before


def test_an_unknown_good_gets_the_basket() -> None:
    assert pictures.known("milk") == "milk"
    assert pictures.known("caviar") == "basket"


def test_a_member_always_has_the_same_avatar() -> None:
    assert pictures.avatar_of(17) == pictures.avatar_of(17)
    assert {pictures.avatar_of(n) for n in range(200)} == set(pictures.AVATARS)
