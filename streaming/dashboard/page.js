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
  const shown = name => {
    const model = window.Bokeh && Bokeh.documents[0] && Bokeh.documents[0].get_model_by_name(name);
    return model ? model.text : null;
  };
  // The address follows what is shown, so that it can be sent to somebody.
  let address = "";
  const follow = () => {
    const wanted = shown("address");
    if (wanted === null || wanted === address) return;
    address = wanted;
    history.replaceState(null, "", wanted ? "?" + wanted : location.pathname);
  };
  setInterval(follow, 200);
  // A finger scrolls the page; it moves a chart by the buttons.
  const touches = matchMedia("(pointer: coarse)");
  const releaseCharts = () => {
    const page = window.Bokeh && Bokeh.documents[0];
    if (!page || !touches.matches) return;
    for (const root of page.roots()) {
      for (const tool of root.toolbar ? root.toolbar.tools : []) {
        if (tool.type === "PanTool" && tool.active) tool.active = false;
      }
    }
  };
  setInterval(async () => {
    releaseCharts();
    const now = shown("beat");
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
