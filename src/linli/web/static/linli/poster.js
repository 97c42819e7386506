// The poster comes as a drawing; chat apps take pictures. It is painted once and put in its place, to be held, saved or shared.
"use strict";
(() => {
  const img = document.querySelector("[data-poster]"), save = document.querySelector("[data-poster-save]");
  if (!img || !save) return;
  const painted = async () => {
    const text = await (await fetch(img.getAttribute("src"))).text();
    const drawing = new Image();
    drawing.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text);
    await drawing.decode();
    const canvas = document.createElement("canvas");
    canvas.width = 750; canvas.height = 1180;
    canvas.getContext("2d").drawImage(drawing, 0, 0, 750, 1180);
    return canvas;
  };
  painted().then(canvas => {
    img.src = canvas.toDataURL("image/png");
    save.hidden = false;
    save.addEventListener("click", () => canvas.toBlob(async blob => {
      const file = new File([blob], save.dataset.name, { type: "image/png" });
      // Phones offer their own sheet; where there is none the picture is downloaded.
      if (navigator.canShare?.({ files: [file] })) { try { await navigator.share({ files: [file] }); } catch { /* closed by hand */ } return; }
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob); link.download = save.dataset.name; link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }));
  }).catch(() => { /* the drawing itself stays: it can be held and saved where the browser allows */ });
})();
