"""What a page weighs and how soon it can be used, in a real browser on a slow network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

THREE_G = {"offline": False, "latency": 300, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 768_000 / 8}
"""WebPageTest's "3G": 1.6 Mbit/s down, 768 kbit/s up, 300 ms there and back for every request."""

USABLE = """() => new Promise(done => {
  const nav = performance.getEntriesByType('navigation')[0];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  requestIdleCallback(() => done({
    usable: Math.round(nav.domContentLoadedEventEnd), paint: paint ? Math.round(paint.startTime) : null,
    load: Math.round(nav.loadEventEnd) }), {timeout: 3000});
})"""
"""Usable: deferred scripts have run (they do before DOMContentLoaded) and the main thread came to rest."""


@dataclass(frozen=True)
class Weighed:
    """One cold visit. Bytes are as they came over the wire, headers included; times in ms from the tap."""

    bytes: int
    html: int
    css: int
    js: int
    pictures: int
    requests: int
    usable_ms: int
    paint_ms: int
    load_ms: int


def weigh(
    browser: Any, base: str, path: str, cookies: list[dict[str, Any]], *, network: dict[str, Any] | None = None, cpu: float = 1
) -> Weighed:
    """Visit a page once with nothing cached, on a phone's screen; what lies above the fold is what is asked for by itself."""
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, is_mobile=True, has_touch=True, locale="zh-CN", base_url=base
    )
    try:
        context.add_cookies(cookies)
        page = context.new_page()
        wire = context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.send("Network.emulateNetworkConditions", network or THREE_G)
        wire.send("Emulation.setCPUThrottlingRate", {"rate": cpu})
        kinds: dict[str, str] = {}
        sums: dict[str, int] = {}
        wire.on("Network.responseReceived", lambda e: kinds.__setitem__(e["requestId"], e["type"]))
        wire.on(
            "Network.loadingFinished",
            lambda e: sums.__setitem__(
                kinds.get(e["requestId"], "Other"), sums.get(kinds.get(e["requestId"], "Other"), 0) + int(e["encodedDataLength"])
            ),
        )
        page.goto(path, wait_until="load")
        page.wait_for_timeout(1500)  # what is lazy and in sight comes after the load
        told = page.evaluate(USABLE)
    finally:
        context.close()
    return Weighed(
        bytes=sum(sums.values()),
        html=sums.get("Document", 0),
        css=sums.get("Stylesheet", 0),
        js=sums.get("Script", 0),
        pictures=sums.get("Image", 0),
        requests=len(kinds),
        usable_ms=told["usable"],
        paint_ms=told["paint"] or 0,
        load_ms=told["load"],
    )
