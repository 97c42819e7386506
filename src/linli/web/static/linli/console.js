// The console's few own gestures: Ctrl K finds, Escape closes what was found, dialogs open and close, toasts go.
"use strict";
(() => {
  const find = document.getElementById("find"), hits = document.getElementById("hits");
  document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden && (event.detail.elt.getAttribute("hx-trigger") || "").startsWith("every")) event.preventDefault(); });  // nobody looks: nothing is asked
  document.addEventListener("keydown", e => {
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k" && find) { e.preventDefault(); find.focus(); find.select(); }
    if (e.key === "Escape" && hits && hits.childElementCount) { hits.replaceChildren(); find.focus(); }
    if ((e.key === "ArrowDown" || e.key === "ArrowUp") && hits && hits.childElementCount && (e.target === find || hits.contains(e.target))) {
      const links = [...hits.querySelectorAll("a")], at = links.indexOf(document.activeElement) + (e.key === "ArrowDown" ? 1 : -1);
      if (links.length) { e.preventDefault(); (at < 0 ? find : links[Math.min(at, links.length - 1)]).focus(); }
    }
  });
  document.addEventListener("click", e => {
    if (hits && hits.childElementCount && !e.target.closest(".search")) hits.replaceChildren();
    const opens = e.target.closest("[data-opens]");
    if (opens) document.getElementById(opens.dataset.opens)?.showModal();
    if (e.target.closest("[data-closes]")) e.target.closest("dialog").close();
    if (e.target.matches("dialog")) e.target.close();
  });
  // Rows that are ticked show what can be done with them together.
  const picks = form => {
    const boxes = [...form.querySelectorAll("td.tick input")], n = boxes.filter(b => b.checked).length, all = form.querySelector("[data-all]");
    form.classList.toggle("some", n > 0);
    const says = form.querySelector("[data-picked]"); if (says) says.textContent = n;
    if (all) { all.checked = n > 0 && n === boxes.length; all.indeterminate = n > 0 && n < boxes.length; }
  };
  document.addEventListener("change", e => {
    const form = e.target.closest("form[data-picks]"); if (!form) return;
    if (e.target.matches("[data-all]")) for (const b of form.querySelectorAll("td.tick input")) b.checked = e.target.checked;
    picks(form);
  });
  document.addEventListener("change", e => {
    if (e.target.matches("[data-every]")) for (const b of e.target.closest("[data-picks-list]").querySelectorAll("li input")) b.checked = e.target.checked;
  });
  document.querySelectorAll("form[data-picks]").forEach(picks);
  document.addEventListener("change", e => { if (e.target.matches("[data-submits]")) e.target.form.requestSubmit(); });
  // A form is sent once: a second tap while the first is under way does nothing.
  document.addEventListener("submit", e => {
    if (e.target.hasAttribute("hx-post") || e.target.method !== "post") return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
    const b = e.submitter; if (b) { setTimeout(() => { b.disabled = true; if (b.dataset.busy) b.textContent = b.dataset.busy; }); }
  });
  addEventListener("pageshow", e => { if (e.persisted) for (const f of document.querySelectorAll("form[data-sent]")) { delete f.dataset.sent; for (const b of f.querySelectorAll("button")) b.disabled = false; } });
  for (const t of document.querySelectorAll(".toast:not(.error)")) setTimeout(() => t.remove(), 6000);
})();
