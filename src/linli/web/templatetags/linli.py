"""The template words of every surface."""

from django import template

register = template.Library()
