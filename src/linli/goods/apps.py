from django.apps import AppConfig


class GoodsConfig(AppConfig):
    name = "linli.goods"
    label = "goods"
    default_auto_field = "django.db.models.BigAutoField"
