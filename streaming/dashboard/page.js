"use strict";
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => localStorage.getItem("tickhouse-theme");
  const paint = () => { root.dataset.theme = chosen() || (system.matches ? "dark" : "light"); };
  paint();
  system.addEventListener("change", paint);
  document.getElementById("theme").addEventListener("click", () => {
    localStorage.setItem("tickhouse-theme", root.dataset.theme === "dark" ? "light" : "dark");
    paint();
  });
  // The server counts its refreshes: a count that stands still means that what is shown is old.
  const LIMIT_MS = 6000;
  let last = null, moved = Date.now();
  const beat = () => {
    const shown = window.Bokeh && Bokeh.documents[0] && Bokeh.documents[0].get_model_by_name("beat");
    return shown ? shown.text : null;
  };
  setInterval(async () => {
    const now = beat();
    if (now !== last) { last = now; moved = Date.now(); }
    const lost = Date.now() - moved > LIMIT_MS;
    document.body.classList.toggle("lost", lost);
    if (!lost) return;
    try {
      if ((await fetch("healthz", { cache: "no-store" })).ok && Date.now() - moved > 2 * LIMIT_MS) {
        location.reload();
      }
    } catch { /* the server is away: the banner says so, the next turn asks again */ }
  }, 1000);
})();
