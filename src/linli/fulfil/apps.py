from django.apps import AppConfig


class FulfilConfig(AppConfig):
    name = "linli.fulfil"
    label = "fulfil"
    default_auto_field = "django.db.models.BigAutoField"
