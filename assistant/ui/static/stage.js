/* Puts the server's updates on the screen and sends what people do. Makes no markup of its own
   except the line just said, as text. Reads data-turn, data-say, data-look, data-ui, data-add-all
   (see assistant/ui/render.py). */
"use strict";
window.whycart = (() => {
  const STILL_WAITING_MS = 90000, SPEAK_EVERY_MS = 1500, TOAST_MS = 7000;
  let root, send, busy = false, nextKey = "t1", waiting = [], lostTimer, toastTimer, speakTimer;
  let unspoken = [], opener = null;
  const applied = new Set();

  const $ = (selector, from = root) => from.querySelector(selector);
  const shell = () => root.firstElementChild;
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(9)), b => b.toString(36)).join("");

  // ---- markup in: change only what differs, so that focus, open menus and typed words stay
  function fill(element, html) {
    const made = document.createElement("template");
    made.innerHTML = html;
    matchChildren(element, made.content);
  }
  function matchChildren(old, wanted) {
    const have = [...old.childNodes], want = [...wanted.childNodes];
    want.forEach((node, i) => {
      const there = have[i];
      if (!there) old.append(node);
      else if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName) there.replaceWith(node);
      else if (node.nodeType === Node.ELEMENT_NODE) matchElement(there, node);
      else if (there.data !== node.data) there.data = node.data;
    });
    have.slice(want.length).forEach(node => node.remove());
  }
  function matchElement(old, wanted) {
    for (const { name } of [...old.attributes])
      if (!wanted.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    for (const { name, value } of wanted.attributes)
      if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (old.nodeName !== "TEXTAREA") matchChildren(old, wanted);
  }

  function apply(update) {
    if (!update || !root || applied.has(update.number)) return;
    applied.add(update.number);
    if (update.page !== undefined) {
      const typed = $("#say")?.value ?? "";
      root.innerHTML = update.page;
      if ($("#say")) $("#say").value = typed;
      document.documentElement.lang = shell().lang;
      requestAnimationFrame(() => { const talk = $(".talk"); if (talk) talk.scrollTop = talk.scrollHeight; });
    }
    for (const [name, html] of Object.entries(update.slots ?? {})) place(name, html);
    if (update.next) nextKey = update.next;
    if (update.in_cart) markCart(new Set(update.in_cart));
    if (update.open) openPanel(update.open);
    if (update.busy !== undefined) setBusy(update.busy);
    window.dispatchEvent(new CustomEvent("whycart:update", { detail: update }));
  }
  function place(name, html) {
    let slot = $(`[data-slot="${CSS.escape(name)}"]`);
    if (!slot && /^t\d+$/.test(name)) slot = newTurn(name);
    if (!slot) return;
    const before = slot.querySelectorAll(".clause").length;
    if (/^t\d+$/.test(name)) {
      root.querySelectorAll("[data-pending]").forEach(p => { if (p !== slot) p.remove(); });
      slot.removeAttribute("data-pending");
    }
    fill(slot, html);
    [...slot.querySelectorAll(".clause")].slice(before).forEach(c => speak(wordsOf(c)));
    if (name === "toast") {
      clearTimeout(toastTimer);
      if (html) { speak(slot.textContent); toastTimer = setTimeout(() => slot.replaceChildren(), TOAST_MS); }
    }
  }
  function wordsOf(clause) {
    const copy = clause.cloneNode(true);
    copy.querySelectorAll("button").forEach(b => b.remove());
    return copy.textContent;
  }
  function newTurn(name) {
    const section = document.createElement("section");
    section.className = "turn";
    section.dataset.slot = name;
    $('[data-slot="turns"]').append(section);
    requestAnimationFrame(() => {
      const top = section.getBoundingClientRect().top - $(".talk").getBoundingClientRect().top;
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      $(".talk").scrollBy({ top, behavior: calm ? "auto" : "smooth" });
    });
    return section;
  }
  function markCart(ids) {
    root.querySelectorAll("[data-add]").forEach(b => b.classList.toggle("added", ids.has(b.dataset.add)));
  }

  // ---- read aloud: new sentences only, gathered
  function speak(words) {
    unspoken.push(words);
    speakTimer ??= setTimeout(() => {
      const log = $("[data-speak]"), line = document.createElement("p");
      line.textContent = unspoken.join(" ");
      unspoken = []; speakTimer = null;
      log?.append(line);
      while (log && log.childElementCount > 20) log.firstElementChild.remove();
    }, SPEAK_EVERY_MS);
  }

  // ---- panel, cart drawer, menus
  function openPanel(name) {
    const slot = $(`[data-slot="${name}"]`);
    if (!slot) return;
    slot.hidden = false;
    slot.scrollTop = 0;
    $("h2", slot)?.focus({ preventScroll: true });
  }
  function closeAll() {
    const panel = $('[data-slot="panel"]'), shut = panel && !panel.hidden;
    if (shut) panel.hidden = true;
    else if (shell()?.classList.contains("cart-open")) { shell().classList.remove("cart-open"); opener = $(".cart-button"); }
    else {
      const menu = $("details[open]");
      if (menu) { opener = $("summary", menu); menu.open = false; }
    }
    if (opener?.isConnected) opener.focus();
    opener = null;
  }
  function closeMenus(except) {
    root.querySelectorAll("details[open]").forEach(d => { if (!d.contains(except)) d.open = false; });
    root.querySelectorAll(".sure").forEach(b => { if (b !== except) b.classList.remove("sure"); });
  }

  // ---- out: one turn at a time, the next ones wait
  function setBusy(now) {
    busy = now;
    shell()?.classList.toggle("busy", now);
    clearTimeout(lostTimer);
    if (now) lostTimer = setTimeout(() => { lost(); setBusy(false); }, STILL_WAITING_MS);
    else if (waiting.length) takeTurn(waiting.shift());
  }
  function lost() {
    root.querySelectorAll("[data-pending]").forEach(p => p.remove());
    const toast = $('[data-slot="toast"]');
    if (toast) toast.textContent = shell().dataset.lost;
  }
  function takeTurn(turn) {
    if (busy) { if (waiting.length < 5) waiting.push(turn); return; }
    if (turn.text) {  // at once, before the server has answered
      fill($('[data-slot="welcome"]'), "");
      const section = newTurn(nextKey), said = document.createElement("p");
      section.dataset.pending = "";
      said.className = "said";
      said.textContent = turn.text;
      section.append(said);
    }
    setBusy(true);
    send.turn(turn);
  }
  function say(text) {
    text = text.trim();
    if (text && !(busy && waiting.length)) takeTurn({ text });
  }

  function onClick(event) {
    const at = event.target.closest("[data-turn],[data-say],[data-look],[data-ui],[data-add-all],summary");
    closeMenus(event.target);
    if (!at || at.disabled || !root.contains(at)) return;
    if (at.matches("summary")) return;
    const d = at.dataset;
    if (d.sure && !at.classList.contains("sure")) { at.classList.add("sure"); at.textContent = d.sure; return; }
    const menu = at.closest("details");
    if (menu) menu.open = false;
    if (d.turn) takeTurn({ action: { ...JSON.parse(d.turn), action_id: newId() } });
    else if (d.say) { shell().classList.remove("cart-open"); say(d.say); }
    else if (d.addAll) takeTurn({ add_all: JSON.parse(d.addAll), label: d.label, action_id: newId() });
    else if (d.look) { opener = at.matches("button") ? at : $("button", at); send.look(JSON.parse(d.look)); }
    else if (d.ui === "stop") { waiting = []; send.halt({}); }
    else if (d.ui === "open-cart") { shell().classList.add("cart-open"); $(".close-cart")?.focus(); }
    else if (d.ui) closeAll();
  }
  function onKey(event) {
    if (event.key === "Escape") { closeAll(); return; }
    if (event.target.id !== "say" || event.key !== "Enter" || event.shiftKey) return;
    if (event.isComposing || event.keyCode === 229) return;  // choosing a word in an input method
    event.preventDefault();
    event.target.form.requestSubmit();
  }
  function onSubmit(event) {
    if (!event.target.matches(".composer")) return;
    event.preventDefault();
    const box = $("#say");
    if (!box.value.trim() || busy) return;
    say(box.value);
    box.value = "";
    grow(box);
  }
  function grow(box) {
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
  }

  function hear(props, watch) {
    watch("value", () => apply(props.value));
  }
  function boot(element, triggers, props, watch) {
    root = element.querySelector("[data-stage]");
    send = triggers;
    root.addEventListener("click", onClick);
    root.addEventListener("keydown", onKey);
    root.addEventListener("submit", onSubmit);
    root.addEventListener("input", event => { if (event.target.id === "say") grow(event.target); });
    watch("value", () => apply(props.value));
    apply(props.value);
  }
  return { boot, hear, newId, look: d => send.look(d), turn: d => send.turn(d) };
})();
