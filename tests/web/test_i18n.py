"""Every sentence of the interface has its English: templates and Python are scanned, catalogues are read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.template import engines
from django.utils.translation.template import templatize

from linli.web import assets

WEB = Path(assets.__file__).parent
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}


def told() -> dict[str, str]:
    """msgid -> msgstr of every English catalogue."""
    found: dict[str, str] = {}
    for path in assets.catalogues():
        for message in read_po(path.open("rb")):
            if message.id:
                ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
                text = message.string if isinstance(message.string, str) else (message.string or ("",))[0]
                for one in ids:
                    found[one] = text
    return found


def in_python() -> dict[str, str]:
    """msgid -> where, of every translated string in Python."""
    found = {}
    for path in WEB.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found[first.value] = f"{path.name}:{node.lineno}"
    return found


def in_templates() -> dict[str, str]:
    """msgid -> where, of every translated string in a template, as Django's own makemessages reads them."""
    found = {}
    for path in WEB.rglob("*.html"):
        text = templatize(path.read_text(), origin=str(path))
        for call in re.finditer(r"\b(n?p?n?gettext)\(u?(?P<q>'''|\"\"\"|'|\")(?P<id>.*?)(?<!\\)(?P=q)", text, re.S):
            found[call["id"].replace("\\'", "'").replace('\\"', '"')] = path.name
        for call in re.finditer(r" _\((?P<q>['\"])(?P<id>.*?)(?P=q)\) ", text):
            found[call["id"]] = path.name
    return found


def test_every_string_has_english() -> None:
    wanted = {**in_python(), **in_templates()}
    assert len(wanted) > 200
    english = told()
    missing = {text: where for text, where in wanted.items() if not english.get(text)}
    assert not missing, f"{len(missing)} without English, e.g. {list(missing.items())[:8]}"


def test_english_is_english() -> None:
    assert not {k: v for k, v in told().items() if any("\u4e00" <= c <= "\u9fff" for c in v)}


def test_placeholders_are_kept() -> None:
    def names(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)s|\{(\w+)\}", text))

    assert not {k: v for k, v in told().items() if v and names(k) != names(v)}


# 500.html speaks both languages by itself: it must render when nothing else does.
@pytest.mark.parametrize("path", sorted(p for p in WEB.rglob("*.html") if p.name != "500.html"), ids=lambda p: str(p.name))
def test_templates_hold_no_untranslated_chinese(path: Path) -> None:
    text = path.read_text()
    for tag in (
        r"\{% blocktrans(late)?.*?\{% endblocktrans(late)? %\}",
        r"\{%.*?%\}",
        r"\{\{.*?\}\}",
        r"\{#.*?#\}",
        r"\{% comment %\}.*?\{% endcomment %\}",
    ):
        text = re.sub(tag, "", text, flags=re.S)
    text = text.replace("中文", "").replace('aria-hidden="true">邻<', "")
    left = re.findall(r"[\u4e00-\u9fff]+", text)
    assert not left


def test_templates_have_no_inline_style_or_script() -> None:
    """The Content-Security-Policy would refuse them, silently for a style."""
    for path in WEB.rglob("*.html"):
        text = path.read_text()
        assert " style=" not in text, path.name
        assert not re.search(r"\son[a-z]+=", text), path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text), path.name


def test_every_template_compiles() -> None:
    for path in WEB.rglob("templates/**/*.html"):
        engines["django"].get_template(str(path.relative_to(WEB / "templates")))
