"""`linli pay doctor`: each thing that is wrong before going live is found by name, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.urls import get_resolver

from linli.kernel import clocks
from linli.sandbox_gateway.mischief import Mischief
from linli.sandbox_gateway.server import Gateway
from linli.trade import channels, doctor
from linli.trade.channels import alipay, wechat
from linli.web import words
from support.payers import BOTH, open_gateway

ROOMS = {"wechat": wechat, "alipay": alipay}


@pytest.fixture
def gateway(tmp_path: Path, settings) -> Iterator[Gateway]:
    with open_gateway(tmp_path, settings, bills_at_once=True) as found:
        yield found


def set_up(settings, home: Path, channel: str, **changes: str) -> None:
    """The sandbox's merchant as an operator would set it up: variables, and keys in files."""
    settings.SANDBOX, settings.MERCHANTS = True, {}
    merchant = ROOMS[channel].merchant()
    assert merchant is not None
    values = {name: getattr(merchant, name) for name in ("appid", "key", "public_key", "gateway")}
    if channel == "wechat":
        values |= {name: getattr(merchant, name) for name in ("mchid", "serial", "apiv3_key", "public_key_id")}
    variables = {}
    for name, value in (values | changes).items():
        if name in ("key", "public_key", "apiv3_key"):
            (home / name).write_text(value)
            (home / name).chmod(0o600)
            name, value = f"{name}_file", str(home / name)
        variables[f"LINLI_{channel.upper()}_{name.upper()}"] = value
    settings.SANDBOX = False
    settings.MERCHANTS = {name: value for name, value in variables.items() if value}


def bad(channel: str) -> set[str]:
    return {check.code for check in doctor.examine(channel) if check.state == "bad"}


@pytest.mark.parametrize("channel", BOTH)
def test_a_good_configuration_lacks_only_the_public_address(gateway: Gateway, tmp_path: Path, settings, channel: str) -> None:
    set_up(settings, tmp_path, channel)
    assert bad(channel) == {"notify_https"}
    told = {check.code: check.state for check in doctor.examine(channel)}
    assert (told["query"], told["answer_signed"], told["permission"], told["clock"], told["key_file"]) == ("ok",) * 5
    assert not doctor.ready(doctor.examine(channel))


@pytest.mark.parametrize("channel", BOTH)
def test_a_shop_in_the_sandbox_is_never_ready(gateway: Gateway, tmp_path: Path, settings, channel: str) -> None:
    set_up(settings, tmp_path, channel)
    from linli import cli

    settings.SANDBOX = True
    assert "sandbox" in bad(channel) and not doctor.ready(doctor.examine(channel))
    assert "LINLI_SANDBOX=0" in CliRunner().invoke(cli.main, ["pay", "doctor", channel]).output.replace("\n", "")


@pytest.mark.parametrize(
    ("channel", "changes", "code"),
    [
        ("wechat", {"apiv3_key": "short"}, "apiv3_key"),
        ("wechat", {"serial": "12AB"}, "serial"),
        ("wechat", {"public_key_id": "7777"}, "public_key_id"),
        ("wechat", {"appid": "2021000000000001"}, "app_id"),
        ("wechat", {"key": "no key"}, "key"),
        ("wechat", {"mchid": ""}, "set_up"),
        ("wechat", {"mchid": "1888888888"}, "query"),
        ("wechat", {"mchld": "1900000001"}, "unknown"),
        ("alipay", {"appid": "wx0011"}, "app_id"),
        ("alipay", {"public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}, "public_key"),
        ("alipay", {"appid": "2021999999999999"}, "query"),
    ],
)
def test_what_is_wrong_is_found(gateway: Gateway, tmp_path: Path, settings, channel: str, changes: dict[str, str], code: str) -> None:
    set_up(settings, tmp_path, channel, **changes)
    assert code in bad(channel)


@pytest.mark.parametrize("channel", BOTH)
def test_keys_that_do_not_belong_together_are_found(gateway: Gateway, tmp_path: Path, settings, channel: str) -> None:
    other = ROOMS["alipay" if channel == "wechat" else "wechat"].merchant()
    set_up(settings, tmp_path, channel, key=other.key)
    assert "query" in bad(channel)  # a key that isn't the account's
    set_up(settings, tmp_path, channel)
    set_up(settings, tmp_path, channel, public_key=other.public_key)
    assert "answer_signed" in bad(channel)


@pytest.mark.parametrize("channel", BOTH)
def test_ones_own_public_key_in_the_channels_place_is_found(gateway: Gateway, tmp_path: Path, settings, channel: str) -> None:
    desk = gateway.desks[channel]
    set_up(settings, tmp_path, channel, public_key=desk.keys.merchant_public)
    assert "public_key" in bad(channel)


def test_a_key_that_others_can_read_is_found(gateway: Gateway, tmp_path: Path, settings) -> None:
    set_up(settings, tmp_path, "wechat")
    (tmp_path / "key").chmod(0o644)
    assert "key_file" in bad("wechat")


def test_a_clock_that_is_off_is_found(gateway: Gateway, tmp_path: Path, settings) -> None:
    from datetime import timedelta

    set_up(settings, tmp_path, "alipay")
    with clocks.fixed(machine=clocks.machine_now() + timedelta(minutes=10)):
        assert "clock" in bad("alipay")


def test_a_silent_channel_and_an_address_nobody_reaches_are_told(gateway: Gateway, tmp_path: Path, settings, live_server) -> None:
    get_resolver().url_patterns  # noqa: B018  (loaded now: the one question must not wait for it)
    set_up(settings, tmp_path, "wechat")
    gateway.mischief = Mischief.only("plain", errors=1.0)
    assert {"query", "permission"} <= bad("wechat")
    gateway.mischief = Mischief.none()
    settings.PUBLIC_URL = live_server.url  # it answers 401, but it isn't https
    assert bad("wechat") == {"notify_https"}
    settings.PUBLIC_URL = "https://127.0.0.1:1"
    assert {"notify_https", "notify_reachable"} == bad("wechat")


def test_nothing_set_up_says_so(settings, tmp_path: Path) -> None:
    settings.HOME, settings.MERCHANTS = tmp_path, {}
    assert bad("wechat") == bad("alipay") == {"set_up", "sandbox"}
    assert channels.offered("CNY") == ["sandbox"]


@pytest.mark.django_db
def test_the_command_says_it_in_both_languages_and_tells_no_secret(gateway: Gateway, tmp_path: Path, settings) -> None:
    from linli import cli

    set_up(settings, tmp_path, "wechat", apiv3_key="too-short-a-secret")
    for arguments, word in ((["pay", "doctor", "wechat"], "APIv3"), (["pay", "doctor", "wechat", "--zh"], "密钥")):
        told = CliRunner().invoke(cli.main, arguments)
        assert told.exit_code == 1
        assert word in told.output or "APIv3" in told.output
        assert "too-short-a-secret" not in told.output and "PRIVATE KEY" not in told.output
    for check in doctor.examine("alipay") + doctor.examine("wechat"):
        for language in ("zh", "en"):
            assert words.code(f"doctor.{check.code}", language) != f"doctor.{check.code}"
