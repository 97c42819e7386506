// The shop's own moves: what was searched for, showing a neighbour, saying that the network is gone.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const english = document.documentElement.lang === "en";
  const say = (zh, en) => (english ? en : zh);
  const inWeChat = /MicroMessenger/i.test(navigator.userAgent);
  const kept = { get: (k) => { try { return JSON.parse(localStorage.getItem(k) || "[]"); } catch { return []; } },
                 put: (k, v) => { try { localStorage.setItem(k, JSON.stringify(v)); } catch { /* private browsing keeps nothing */ } } };

  // Recent searches stay on the phone that made them.
  const RECENT = "linli.searches";
  function recent() {
    const place = one("#recent");
    if (!place) return;
    const found = kept.get(RECENT);
    place.hidden = !found.length;
    one(".chips", place).replaceChildren(...found.map((text) => {
      const link = document.createElement("a");
      link.href = `?q=${encodeURIComponent(text)}`;
      link.textContent = text;
      return link;
    }));
  }
  const asked = one("[data-asked]");
  if (asked && asked.dataset.asked && Number(asked.dataset.found)) {
    kept.put(RECENT, [asked.dataset.asked, ...kept.get(RECENT).filter((t) => t !== asked.dataset.asked)].slice(0, 8));
  }
  recent();

  // Showing a neighbour: the phone's own sheet where there is one; WeChat has only its menu, so we point at it.
  async function share(button) {
    const data = { title: document.title, text: button.dataset.text || "", url: location.origin + (button.dataset.share || location.pathname) };
    const hint = one("#point-up");
    if (inWeChat && hint) { hint.showModal(); return; }
    if (navigator.share) { try { await navigator.share(data); return; } catch (error) { if (error.name === "AbortError") return; } }
    const box = one("#share-words");
    if (box) { box.textContent = `${data.text}\n${data.url}`; one(`[data-copy="share-words"]`).click(); }
  }
  document.addEventListener("click", (event) => {
    const it = event.target.closest("[data-share]");
    if (it) { event.preventDefault(); share(it); }
    if (event.target.closest("[data-forget]")) { kept.put(RECENT, []); recent(); }
    if (event.target.closest("#point-up")) event.target.closest("#point-up").close();
    const back = event.target.closest("[data-back]");
    if (back && history.length > 1 && document.referrer.startsWith(location.origin)) { event.preventDefault(); history.back(); }
  });

  // The network: a line on top while it is gone; what was typed stays where it is.
  const bar = document.createElement("p");
  bar.className = "offline";
  bar.setAttribute("role", "status");
  function network() {
    if (navigator.onLine) { bar.remove(); return; }
    bar.textContent = say("没有网络。填好的都在，连上了再点一次。", "No network. What you filled in stays; tap again once you are back.");
    document.body.prepend(bar);
  }
  window.addEventListener("online", network);
  window.addEventListener("offline", network);
  network();

  // A submission without network would leave the page for the browser's error; it waits here instead.
  document.addEventListener("submit", (event) => {
    if (navigator.onLine || window.htmx && event.target.matches("[hx-post]")) return;
    event.preventDefault();
    network();
  }, true);

  // Back from elsewhere, a page out of the browser's memory shows what the cart held then: ask for the figure again.
  window.addEventListener("pageshow", (event) => { if (event.persisted && one("#cart, .add, [data-fresh]")) location.reload(); });

  // WeChat's own bridge pays without leaving the page; everything it needs came with the page.
  const order = one("[data-bridge]");
  if (order) {
    const pay = () => window.WeixinJSBridge.invoke("getBrandWCPayRequest", JSON.parse(one("#bridge").textContent), () => { location.href = order.dataset.bridge; });
    order.addEventListener("click", () => (window.WeixinJSBridge ? pay() : document.addEventListener("WeixinJSBridgeReady", pay, { once: true })));
    if (window.WeixinJSBridge) pay(); else document.addEventListener("WeixinJSBridgeReady", pay, { once: true });
  }
})();
