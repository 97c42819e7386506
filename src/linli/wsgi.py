"""The web process's entry."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linli.settings")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
