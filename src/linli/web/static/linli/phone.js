// The phone's few moves: countdowns, buttons that are tapped once, copying, sheets that rise, toasts that leave.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const english = document.documentElement.lang === "en";
  const say = { lost: english ? "No network. Tap again: nothing happens twice." : "网络断了。再点一次就好，不会重复。",
                wrong: english ? "Something went wrong here. Tap again." : "这边出了点问题，再点一次试试。",
                copied: english ? "Copied" : "已复制" };

  function toast(text, kind = "", stays = 6000) {
    const place = one("#toasts");
    if (!place) return;
    const note = document.createElement("div");
    note.className = `toast ${kind}`;
    note.textContent = text;
    place.replaceChildren(note);
    setTimeout(() => note.remove(), stays);
  }
  function leave(root) {
    for (const note of all("[data-leaves]", root)) setTimeout(() => note.remove(), Number(note.dataset.leaves));
    for (const note of all("#toasts > p.toast", root)) setTimeout(() => note.remove(), 7000);
  }

  // Countdowns run on the time that was left when the page came, so that a phone's wrong clock doesn't matter.
  const began = performance.now();
  function tick() {
    for (const clock of all("[data-left]")) {
      clock.dataset.began ??= String(performance.now());
      const left = Math.max(0, Number(clock.dataset.left) - Math.floor((performance.now() - Math.min(began, Number(clock.dataset.began))) / 1000));
      const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
      all("span", clock).forEach((box, i) => { box.textContent = String(parts[i]).padStart(2, "0"); });
    }
  }
  if (one("[data-left]")) setInterval(tick, 1000);

  // A form marked data-once is sent once: its button waits and says so. The form's key protects what slips through.
  const buttonOf = (form) => one("button:not([type=button])", form) || (form.id && one(`button[form="${form.id}"]`));
  function wait(form) {
    const button = buttonOf(form);
    if (!button || button.disabled) return;
    button.dataset.rest = button.innerHTML;
    if (button.dataset.busy) button.textContent = button.dataset.busy;
    setTimeout(() => { button.disabled = true; });  // after the submission has read the form
  }
  function rest(form) {
    const button = form instanceof HTMLFormElement && buttonOf(form);
    if (!button || button.dataset.rest === undefined) return;
    button.innerHTML = button.dataset.rest;
    delete button.dataset.rest;
    button.disabled = false;
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    const button = buttonOf(form);
    if (button && button.disabled) return event.preventDefault();
    if (form.matches("[data-copies]")) copy(one("textarea", form).value);
    wait(form);
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden && (event.detail.elt.getAttribute("hx-trigger") || "").startsWith("every")) event.preventDefault(); });  // nobody looks: nothing is asked
  document.addEventListener("htmx:afterRequest", (event) => {
    const there = event.detail.xhr && event.detail.xhr.getResponseHeader("HX-Redirect");
    if (!there) rest((event.detail.requestConfig || event.detail).elt);  // the form itself, also when it was swapped; on the way to another page the button stays as it is
  });
  document.addEventListener("htmx:sendError", () => toast(say.lost, "error", 9000));
  document.addEventListener("htmx:timeout", () => toast(say.lost, "error", 9000));
  document.addEventListener("htmx:responseError", () => toast(say.wrong, "error", 9000));
  document.addEventListener("htmx:afterSwap", () => leave(document));
  document.addEventListener("htmx:oobAfterSwap", (event) => leave(event.detail.target.parentNode || document));
  window.addEventListener("pageshow", (event) => { if (event.persisted) all("form[data-once]").forEach(rest); });

  function copy(text) {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text).catch(() => old(text));
    return old(text);
  }
  function old(text) {  // http on a phone has no clipboard
    const box = document.createElement("textarea");
    box.value = text;
    box.setAttribute("readonly", "");
    box.className = "vh";
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  document.addEventListener("click", (event) => {
    const near = (selector) => event.target.closest(selector);
    let it;
    if ((it = near("[data-step]"))) {
      const box = one("input", it.parentElement);
      const next = Math.min(Number(box.max), Math.max(Number(box.min), (Number(box.value) || 0) + Number(it.dataset.step)));
      if (next !== Number(box.value)) { box.value = next; box.dispatchEvent(new Event("change", { bubbles: true })); }
    } else if ((it = near("[data-copy]"))) {
      copy(one(`#${it.dataset.copy}`).textContent);
      toast(it.dataset.copied || say.copied);
    } else if ((it = near("[data-open]"))) {
      one(`#${it.dataset.open}`).showModal();
    } else if ((it = near("[data-close]"))) {
      it.closest("dialog").close();
    } else if ((it = near("[data-edit]"))) {
      const form = it.closest("form"), box = one("textarea", form), shown = one("[data-words]", form);
      box.hidden = !box.hidden;
      shown.hidden = !box.hidden;
      it.setAttribute("aria-expanded", String(!box.hidden));
      if (box.hidden) shown.textContent = box.value; else { box.style.height = `${Math.max(120, box.scrollHeight)}px`; box.focus(); }
    } else if ((it = near("[data-skips]"))) {
      const sheet = one("#skip"), form = one("form", sheet);
      form.action = it.dataset.skips;
      form.dataset.task = it.dataset.task;
      one("[name=key]", form).value = one("[name=key]", it.closest("form")).value;
      sheet.showModal();
    } else if (event.target.matches("dialog")) {
      event.target.close();  // a tap beside the sheet
    }
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-skip]") || !window.htmx) return;
    event.preventDefault();
    form.closest("dialog").close();
    const values = Object.fromEntries(new FormData(form));
    window.htmx.ajax("POST", form.action, { target: `#task-${form.dataset.task}`, swap: "outerHTML", values });
  });
  leave(document);
})();
