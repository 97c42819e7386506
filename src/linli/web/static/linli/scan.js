// Scans a pickup code with the camera where the browser can; elsewhere the phone's own scanner opens the same address.
"use strict";
(() => {
  const button = document.querySelector("[data-scan]"), box = document.getElementById("scanner");
  if (!button || !box || !("BarcodeDetector" in window) || !navigator.mediaDevices?.getUserMedia) return;
  const video = box.querySelector("video");
  let stream = null;
  const stop = () => { stream?.getTracks().forEach(t => t.stop()); stream = null; };
  const codeIn = text => { try { return new URL(text).searchParams.get("code") || ""; } catch { return text; } };
  button.hidden = false;
  box.addEventListener("close", stop);
  box.querySelector("[data-closes]").addEventListener("click", () => box.close());
  button.addEventListener("click", async () => {
    try { stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } }); }
    catch { button.hidden = true; document.getElementById("code").focus(); return; }
    video.srcObject = stream; box.showModal(); await video.play();
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    const look = async () => {
      if (!stream) return;
      const found = await detector.detect(video).catch(() => []);
      const code = found.map(f => codeIn(f.rawValue)).find(c => /^[0-9A-Za-z -]{4,20}$/.test(c));
      if (!code) return setTimeout(look, 150);
      navigator.vibrate?.(60); stop();
      location.assign(button.dataset.scan + "?code=" + encodeURIComponent(code));
    };
    look();
  });
})();
