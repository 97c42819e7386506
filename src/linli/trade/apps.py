from django.apps import AppConfig


class TradeConfig(AppConfig):
    name = "linli.trade"
    label = "trade"
    default_auto_field = "django.db.models.BigAutoField"
