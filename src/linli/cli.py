"""The command line: `linli --help`."""

import os

import click


@click.group()
def main() -> None:
    """Linli: an operating system for community group-buying."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "linli.settings")
    import django

    django.setup()


if __name__ == "__main__":
    main()
