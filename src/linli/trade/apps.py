from django.apps import AppConfig


class TradeConfig(AppConfig):
    name = "linli.trade"
    label = "trade"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from linli.trade import events  # noqa: F401  (names its kinds of facts)
