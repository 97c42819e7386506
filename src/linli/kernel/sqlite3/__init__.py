"""Django's SQLite backend with a fairer queue for the one writer (settings.DATABASES names it as ENGINE)."""
