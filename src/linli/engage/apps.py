from django.apps import AppConfig


class EngageConfig(AppConfig):
    name = "linli.engage"
    label = "engage"
    default_auto_field = "django.db.models.BigAutoField"
