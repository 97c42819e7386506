from django.apps import AppConfig


class EngageConfig(AppConfig):
    name = "linli.engage"
    label = "engage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from linli.engage import events  # noqa: F401 - its kinds must be known before events are read
