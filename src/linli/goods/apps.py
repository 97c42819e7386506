"""Goods: the catalogue and the SKU pyramid, sellable quota, lots."""

from django.apps import AppConfig


class GoodsConfig(AppConfig):
    name = "linli.goods"
    label = "goods"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from linli.goods import events  # noqa: F401  names the facts
