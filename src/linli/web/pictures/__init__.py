"""Drawn pictures of goods: every SKU's `picture` slug names a function that draws it.

`linli assets` calls `write`, which puts plain SVG files (and their gzip twins) under static/vendor/pictures,
where the web server hands them out like any other file. A real photo can replace any of them by its name.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

from linli.web.pictures import (
    bakery,
    canvas,
    dairy,
    fruit_round,
    fruit_small,
    fruit_tropical,
    grain,
    household,
    leaves,
    meat,
    roots,
    seafood,
    vegetables,
)
from linli.web.pictures.avatars import AVATARS, avatar_of, drawing
from linli.web.pictures.canvas import Picture

__all__ = ["AVATARS", "FALLBACK", "GOODS", "avatar_of", "known", "write"]

GOODS: dict[str, Callable[[], Picture]] = {
    "apple": fruit_round.apple_gala,
    "apple-gold": fruit_round.apple_gold,
    "apple-green": fruit_round.apple_green,
    "apple-red": fruit_round.apple_red,
    "avocado": fruit_tropical.avocado,
    "bacon": meat.bacon,
    "bagel": bakery.bagel,
    "baguette": bakery.baguette,
    "banana": fruit_tropical.banana,
    "basket": grain.basket,
    "beef-mince": meat.beef_mince,
    "blueberry": fruit_small.blueberry,
    "bokchoy": leaves.bokchoy,
    "bread": bakery.bread,
    "bread-wheat": bakery.bread_wheat,
    "broccoli": leaves.broccoli,
    "buns": bakery.buns,
    "butter": dairy.butter,
    "cabbage": leaves.cabbage,
    "carrot": roots.carrot,
    "celery": leaves.celery,
    "cheese": dairy.cheese,
    "cherry": fruit_small.cherry,
    "chicken": meat.chicken,
    "chocolate-milk": dairy.chocolate_milk,
    "cleaning": household.bucket,
    "corn": vegetables.corn,
    "cottage-cheese": dairy.cottage_cheese,
    "croissant": bakery.croissant,
    "cucumber": vegetables.cucumber,
    "donut": bakery.donut,
    "egg": dairy.egg,
    "fish": seafood.fish,
    "fridge": household.fridge,
    "fruit-box": household.fruit_box,
    "fruit-cup": fruit_tropical.fruit_bowl,
    "garlic": roots.garlic,
    "grapes-green": fruit_small.grape_green,
    "grapes-red": fruit_small.grape_red,
    "ham": meat.ham,
    "jar": household.jar,
    "kiwi": fruit_tropical.kiwi,
    "lemon": fruit_round.lemon,
    "lettuce": leaves.lettuce,
    "lettuce-leaf": leaves.lettuce_leaf,
    "mandarin": fruit_round.mandarin,
    "mango": fruit_tropical.mango,
    "melon": fruit_tropical.cantaloupe,
    "milk": dairy.milk,
    "mushroom": vegetables.mushroom,
    "oil": grain.oil,
    "onion": roots.onion,
    "onion-red": roots.onion_red,
    "orange": fruit_round.orange,
    "orange-juice": grain.orange_juice,
    "peach": fruit_round.peach,
    "pear": fruit_round.pear,
    "pepper": vegetables.pepper,
    "pepper-red": vegetables.pepper_red,
    "pills": household.pills,
    "pineapple": fruit_tropical.pineapple,
    "pork": meat.pork,
    "potato": roots.potato,
    "potato-red": roots.potato_red,
    "raspberry": fruit_small.raspberry,
    "rice": grain.rice,
    "salad": leaves.salad_mix,
    "salmon": seafood.salmon,
    "satchel": household.satchel,
    "sausage": meat.sausage,
    "shrimp": seafood.shrimp,
    "sour-cream": dairy.sour_cream,
    "spinach": leaves.spinach,
    "steak": meat.steak,
    "strawberry": fruit_small.strawberry,
    "sweet-potato": roots.sweet_potato,
    "tomato": vegetables.tomato,
    "tomato-grape": vegetables.tomato_grape,
    "turkey": meat.turkey,
    "watermelon": fruit_tropical.watermelon,
    "yogurt": dairy.yogurt,
}
FALLBACK = "basket"


def known(slug: str) -> str:
    """`slug` where it has a drawing, otherwise the basket that stands in for it."""
    return slug if slug in GOODS else FALLBACK


def write(folder: Path) -> int:
    """Draw everything into `folder`: `<slug>.svg`, `<slug>-wide.svg`, `avatar-<name>.svg`; returns how many.

    A file that already says the same is left alone, so that browsers keep what they have cached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    documents = {f"avatar-{name}": drawing(name) for name in AVATARS}
    for slug, draw in GOODS.items():
        picture = draw()
        documents[slug] = canvas.square(picture)
        documents[f"{slug}-wide"] = canvas.wide(picture)
    for name, document in documents.items():
        path, content = folder / f"{name}.svg", document.encode()
        if path.exists() and path.read_bytes() == content:
            continue
        path.write_bytes(content)
        path.with_suffix(".svg.gz").write_bytes(gzip.compress(content, mtime=0))
    return len(documents)
