/* The desk's own behaviour on top of stage.js: send the form, copy a message, keys. */
"use strict";
(() => {
  const shell = () => document.querySelector(".console");
  const form = () => document.querySelector("[data-desk]");
  function solve() {
    const wish = Object.fromEntries(new FormData(form()));
    shell().classList.add("busy");
    whycart.turn({ ...wish, language: shell().lang.startsWith("zh") ? "zh" : "en" });
  }
  async function copy(button) {
    const message = document.querySelector(`[data-message="${button.dataset.copy}"]`);
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(message.textContent);
      button.textContent = shell().dataset.copied;
      setTimeout(() => { button.textContent = words; }, 2500);
    } catch {  // no clipboard here: show it, marked, to be copied by hand
      message.parentElement.open = true;
      getSelection().selectAllChildren(message);
    }
  }
  document.addEventListener("submit", event => {
    if (!event.target.matches("[data-desk]")) return;
    event.preventDefault();
    solve();
  });
  document.addEventListener("click", event => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
  });
  document.addEventListener("keydown", event => {
    if (!shell()) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form().contains(event.target)) form().requestSubmit();
    const typing = event.target.matches("input, textarea, select");
    if (!typing && !event.ctrlKey && !event.metaKey && /^[1-4]$/.test(event.key)) document.querySelector(`[data-copy="${event.key}"]`)?.click();
  });
})();
