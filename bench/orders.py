"""Orders over HTTP, beside django-oscar 4.2 and `pgbench -N` on one PostgreSQL cluster, in interleaved rounds of one run.

    python bench/orders.py [--json FILE] [--seconds 5] [--rounds 2] [--members 12000] [--no-oscar]
    python bench/orders.py --rounds 1 --members 4000      # quick
    python bench/orders.py --last-unit                    # that alone

An order has three lines of three goods and a coupon; whoever orders is signed in by a session and its form token. "spread"
takes them from 200 goods, "hot" has one good in every order, both through one process; "ordinary" is the same request to
the ordinary view, under WSGI, in two processes of 8 threads, by 16 clients. Server, database and load share the machine;
fsync is on. The API's limits are off.
The last unit: 1,000 buyers want one of 100 pieces, the server is killed (SIGKILL) and started again in between. A round
of a case ends early when the members have no coupons left: more members, longer rounds. PostgreSQL writes a checkpoint every
15 minutes or 4 GB, for everybody in the run: at its default of 5 minutes and 1 GB, writing whole pages is most of the work.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]
PORT = int(os.environ.get("BENCH_PORT", "8177"))
CSRF = "a" * 32
FORM = f"X-CSRFToken: {CSRF}\r\n"
WORKERS = 2
FAST_WORKERS = 2  # one waits for the database while the other computes; with one alone an order costs less and fewer are placed
COUPONS = 3
WARM_UP = 256
CHECKPOINTS = {"checkpoint_timeout": "15min", "max_wal_size": "4GB"}


def in_shop(url: str, home: Path, code: str) -> Any:
    """Run code in a process that knows the shop; returns what it leaves in `result`."""
    run = f"import sys, json; sys.path[:0] = {sys.path[:2]!r}\nimport django; django.setup()\n{code}\nprint('\\n' + json.dumps(result))"
    done = subprocess.run([sys.executable, "-c", run], env=shop_env(url, home), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def shop_env(url: str, home: Path) -> dict[str, str]:
    """The environment of the shop's processes."""
    own = {
        "DJANGO_SETTINGS_MODULE": "linli.settings",
        "LINLI_DATABASE": url,
        "LINLI_HOME": str(home),
        "LINLI_API_PER_MINUTE": "0",
        "LINLI_API_ADDRESS_PER_MINUTE": "0",
        "LINLI_LOG": "ERROR",
    }
    return os.environ | own


@contextmanager
def serving(argv: list[str], env: dict[str, str], path: str = "/") -> Iterator[subprocess.Popen[bytes]]:
    """A server on PORT, in a process group of its own, until the block ends."""
    server = subprocess.Popen(argv, env=env, start_new_session=True, cwd=ROOT / "bench")
    try:
        _await(server, path)
        yield server
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _await(server: subprocess.Popen[bytes], path: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if server.poll() is not None:
                raise RuntimeError("the server ended by itself") from None
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")


def granian(target: str, interface: str, workers: int = WORKERS, python: str = sys.executable) -> list[str]:
    """The command of a server."""
    threads = ["--blocking-threads", "8"] if interface == "wsgi" else []
    argv = [python, "-m", "granian", "--interface", interface, "--host", "127.0.0.1", "--port", str(PORT)]
    return [*argv, "--workers", str(workers), *threads, "--no-ws", "--log-level", "error", target]


def request(path: str, session: str, body: dict[str, Any], more: str = "") -> str:
    """A POST as bytes."""
    text = json.dumps(body)
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nContent-Type: application/json\r\n{more}"
        f"Cookie: sessionid={session}; csrftoken={CSRF}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    )


def load(requests: list[str], clients: int, seconds: float, *more: str) -> subprocess.Popen[str]:
    """Start a load in a process of its own."""
    argv = [sys.executable, "-m", "placing.load", str(PORT), str(clients), str(seconds), *more]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT / "bench")
    assert process.stdin
    process.stdin.write("\n".join(map(json.dumps, requests)))
    process.stdin.close()
    return process


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a load measured."""
    assert process.stdout
    answer: dict[str, Any] = json.loads(process.stdout.read())
    process.wait()
    return answer


class Baskets:
    """Requests of Linli's, each with a buyer's next coupon: nobody runs out of unpaid orders before the town does."""

    def __init__(self, town: dict[str, Any]) -> None:
        self.groups, self.buyers = town["groups"], town["buyers"]
        self.turn = 0
        self.random = random.Random(7)

    def take(self, count: int, *, hot: bool) -> list[str]:
        """So many requests nobody has sent before."""
        made = []
        for _ in range(count):
            turn, place = divmod(self.turn, len(self.buyers))
            if turn >= len(self.buyers[place]["coupons"]):
                break
            self.turn += 1
            buyer = self.buyers[place]
            chosen = self.random.sample(self.groups[1:], 2 if hot else 3)
            lines = [{"group_id": g, "quantity": 1} for g in ([self.groups[0], *chosen] if hot else chosen)]
            body = {"lines": lines, "coupon_id": buyer["coupons"][turn]}
            made.append(request("/api/v1/orders", buyer["session"], body, f"Idempotency-Key: k{turn}\r\n{FORM}"))
        return made


def cpu_us(before: dict[str, float], after: dict[str, float], orders: int) -> dict[str, float]:
    """CPU an order by kind of process: on a machine that does other work it says more than the clock."""
    return {name: 1e6 * (after[name] - before[name]) / max(orders, 1) for name in after}


def cpu_s(server: subprocess.Popen[bytes], cluster: Any) -> dict[str, float]:
    """CPU seconds that the server's processes and the database's have spent (Linux)."""
    spent = {"server": 0.0, "database": 0.0}
    postmaster = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        pid, parent, used = int(stat.parent.name), int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if server.pid in (pid, parent):
            spent["server"] += used
        elif postmaster in (pid, parent):
            spent["database"] += used
    return spent


def settle(server: subprocess.Popen[bytes], cluster: Any, most_s: float = 60) -> None:
    """Wait until the server rests: after its first page it loads what other pages need, which is no part of an order."""
    for _ in range(int(most_s)):
        before = cpu_s(server, cluster)["server"]
        time.sleep(1)
        if cpu_s(server, cluster)["server"] - before < 0.1:
            return


def linli(case: str, baskets: Baskets, url: str, home: Path, cluster: Any, seconds: float, most: int) -> dict[str, Any]:
    """One round of one case."""
    ordinary = case == "ordinary"
    argv = granian("linli.wsgi:application", "wsgi") if ordinary else granian("linli.rsgi:app", "rsgi", FAST_WORKERS)
    clients = 16 if ordinary else 64
    with serving(argv, shop_env(url, home), "/api/v1/openapi.json") as server:
        told(load(baskets.take(WARM_UP, hot=case == "hot"), clients, 30))  # connected, plans made
        cluster.sql("ANALYZE", "linli")  # as autovacuum does within a minute: of tables that were empty until now nothing is known
        settle(server, cluster)
        before = cpu_s(server, cluster)
        found = told(load(baskets.take(most, hot=case == "hot"), clients, seconds))
        placed = sum(n for status, n in found["statuses"].items() if int(status) == 201)
        return found | {"cpu_us": cpu_us(before, cpu_s(server, cluster), placed) | {"load": 1e6 * found["cpu_s"] / max(placed, 1)}}


def last_unit(town: dict[str, Any], url: str, home: Path) -> dict[str, Any]:
    """1,000 buyers, 100 pieces, 64 clients; the server is killed and started again while they ask."""
    code = """
from datetime import timedelta
from linli.kernel import clocks
from linli.people import queries as people
from linli.trade import groups
now = clocks.business_now()
(place,) = people.communities("bench")
result = groups.open(region="bench", group=groups.NewGroup(key="last", community_id=place.community_id, sku="s0", threshold=1,
    quota_pieces=100, price_minor=700, solo_price_minor=800, deadline_at=now + timedelta(days=1), pickup_from=now + timedelta(days=2)))
"""
    group = in_shop(url, home, code)
    buyers = town["buyers"][-1000:]
    body = {"lines": [{"group_id": group, "quantity": 1}]}
    asked = [request("/api/v1/orders", b["session"], body, f"Idempotency-Key: last\r\n{FORM}") for b in buyers]
    argv, env = granian("linli.rsgi:app", "rsgi"), shop_env(url, home)
    with serving(argv, env, "/api/v1/openapi.json") as first:
        process = load(asked, 64, 120, "--insist")
        time.sleep(0.25)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    with serving(argv, env, "/api/v1/openapi.json"):
        found = told(process)
    count = f"""
from linli.kernel import ledger
from linli.trade.models import Order, OrderLine
stock = ledger.balances("bench", owner="wave:{group}", purpose="quota")[0]
sold = OrderLine.objects.filter(group_id={group}).count()
result = {{"orders": sold, "held": stock.held, "free": stock.free, "audit": ledger.audit().ok}}
"""
    return in_shop(url, home, count) | {"statuses": found["statuses"], "broken": found["broken"]}


def statements(url: str, home: Path, town: dict[str, Any]) -> int:
    """SQL statements of one order of three lines with a coupon, the group-buys not read before."""
    buyer = town["buyers"][0]
    code = f"""
from django.db import connection
from django.test.utils import CaptureQueriesContext
from linli.trade import orders
with CaptureQueriesContext(connection) as caught:
    orders.place(member_id={buyer["member"]}, lines=[(g, 1) for g in {town["groups"][1:4]}], key="count", coupon_id={buyer["coupons"][-1]})
result = len(caught)
"""
    return int(in_shop(url, home, code))


class Oscar:
    """The rival in its own environment under var/bench."""

    def __init__(self, cluster: Any, home: Path) -> None:
        self.python = home / "oscar" / "bin" / "python"
        if not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(home / "oscar")], check=True)
            wanted = ["django-oscar==4.2", "psycopg[binary]", "granian", "setuptools<81"]
            subprocess.run([str(self.python), "-m", "pip", "install", "-q", *wanted], check=True)
        cluster.create("oscar")
        self.env = os.environ | {"RIVAL_DATABASE": f"{cluster.port}/oscar"}
        script = str(ROOT / "bench" / "placing" / "rival.py")
        subprocess.run([str(self.python), script, "migrate"], env=self.env, check=True, capture_output=True)
        out = subprocess.run([str(self.python), script, "seed"], env=self.env, check=True, capture_output=True, text=True).stdout
        self.town = json.loads(out.strip().splitlines()[-1])

    def round(self, seconds: float) -> dict[str, Any]:
        """Orders of three products by 16 clients."""
        chosen = random.Random(7)
        products, sessions = self.town["products"], self.town["sessions"]
        asked = [
            request("/order", sessions[n % len(sessions)], {"products": chosen.sample(products, 3)}) for n in range(int(seconds * 300))
        ]
        env = self.env | {"RIVAL_SERVES": "1"}
        with serving(granian("placing.rival:application", "wsgi", python=str(self.python)), env, "/order"):
            told(load(asked[:16], 16, 5))
            found = told(load(asked[16:], 16, seconds))
            one = urllib.request.Request(
                f"http://127.0.0.1:{PORT}/order?count=1",
                data=json.dumps({"products": products[:3]}).encode(),
                headers={"Cookie": f"sessionid={sessions[0]}"},
            )
            with urllib.request.urlopen(one) as answer:
                return found | {"statements": json.loads(answer.read())["statements"]}


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """All cases, round by round."""
    from ledger import pgbench, say
    from support import postgres

    home = ROOT / "var" / "bench"
    home.mkdir(parents=True, exist_ok=True)
    cluster = postgres.start(CHECKPOINTS)
    try:
        url = cluster.create("linli")
        out = home / "orders-town.json"
        made = (
            f"from placing import seed; result = seed.town(groups=200, members={asked.members}, coupons_each={COUPONS}, out={str(out)!r})"
        )
        say(f"seeding {asked.members:,} members with {COUPONS} coupons each")
        in_shop(url, home, made)
        cluster.sql("ANALYZE", "linli")
        town = json.loads(out.read_text())
        baskets = Baskets(town | {"buyers": town["buyers"][:-1000]})
        figures: dict[str, list[dict[str, Any]]] = {}
        tps, missing = [], ""
        oscar = None
        if not asked.no_oscar and not asked.last_unit:
            say("django-oscar: its environment and its seed")
            try:
                oscar = Oscar(cluster, home)
            except (subprocess.CalledProcessError, OSError) as error:
                missing = str(getattr(error, "stderr", "") or error)[-500:]
        most = len(baskets.buyers) * COUPONS // (3 * asked.rounds) - WARM_UP
        for turn in range(0 if asked.last_unit else asked.rounds):
            at = f"round {turn + 1} of {asked.rounds}"
            tps.append(pgbench(cluster, asked.seconds))
            say(f"{at}: pgbench -N {tps[-1]:,.0f} tps")
            for case in ("spread", "hot", "ordinary"):
                figures.setdefault(case, []).append(linli(case, baskets, url, home, cluster, asked.seconds, most))
                say(f"{at}: {case} {figures[case][-1]['rate_s']:,.0f} orders/s")
            if oscar is not None:
                figures.setdefault("oscar", []).append(oscar.round(asked.seconds))
                say(f"{at}: django-oscar {figures['oscar'][-1]['rate_s']:,.1f} orders/s")
        say("the last unit")
        count = statements(url, home, {"buyers": town["buyers"][-1:], "groups": town["groups"]})
        last = last_unit(town, url, home)
        audit = in_shop(url, home, "from linli.kernel import ledger; result = ledger.audit().ok")
    finally:
        cluster.stop()
    return {
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "rounds": figures,
        "pgbench_tps": tps,
        "oscar_missing": missing,
        "statements": {"linli": count, "oscar": figures["oscar"][0]["statements"] if "oscar" in figures else None},
        "last_unit": last,
        "audit_clean": audit,
    }


def show(figures: dict[str, Any]) -> None:
    """The table."""
    base = statistics.median(figures["pgbench_tps"] or [1.0])
    rival = [r["rate_s"] for r in figures["rounds"].get("oscar", [])]
    print(f"{'orders over HTTP':34} {'orders/s':>9} {'p50 ms':>8} {'p99 ms':>8} {'x pgbench':>10} {'x oscar':>8}   CPU us an order")
    for case, runs in figures["rounds"].items():
        row = {name: statistics.median(r[name] for r in runs) for name in ("rate_s", "p50_ms", "p99_ms")}
        name = {"oscar": "django-oscar 4.2, 16 clients", "ordinary": "ordinary view, 16 clients"}.get(case, f"{case}, 64 clients")
        times = f"{row['rate_s'] / statistics.median(rival):8.0f}" if rival else " " * 8
        cpu = ", ".join(f"{kind} {us:.0f}" for kind, us in runs[-1].get("cpu_us", {}).items())
        print(f"{name:34} {row['rate_s']:9,.0f} {row['p50_ms']:8.1f} {row['p99_ms']:8.1f} {row['rate_s'] / base:10.2f} {times}   {cpu}")
        bad = {status: n for r in runs for status, n in r["statuses"].items() if int(status) >= 400}
        if bad:
            print(f"   not placed: {bad} {[r['samples'][:1] for r in runs]}")
    if figures["pgbench_tps"]:
        print(f"pgbench -N, 16 clients: {base:,.0f} tps ({', '.join(f'{t:,.0f}' for t in figures['pgbench_tps'])})")
    if figures["oscar_missing"]:
        print(f"django-oscar NOT MEASURED: {figures['oscar_missing']}")
    print(f"statements a checkout: {figures['statements']}")
    print(f"last unit (100 pieces, 1,000 buyers, killed in between): {figures['last_unit']}")
    print(f"audit after the run: {'clean' if figures['audit_clean'] else 'NOT CLEAN'}; load average {figures['load_average']}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--members", type=int, default=12_000)
    parser.add_argument("--no-oscar", action="store_true")
    parser.add_argument("--last-unit", action="store_true", help="only the race for the last unit")
    asked = parser.parse_args()
    if asked.last_unit:
        asked.members = min(asked.members, 1100)
    figures = measure(asked)
    show(figures)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))
    return 0 if figures["audit_clean"] and figures["last_unit"]["orders"] == 100 else 1


if __name__ == "__main__":
    sys.exit(main())
