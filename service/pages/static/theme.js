/* Loaded before anything is painted: light or dark, as chosen here before, else as the system has it. */
(() => {
  try {
    const chosen = localStorage.getItem("mindseye-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    /* a browser that keeps nothing follows the system */
  }
})();
