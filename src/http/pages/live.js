// Keeps an open page current: asks for it again when the daemon says that something changed, and
// puts the new <main>, banner and footer in place of the old. The pages work without it.
"use strict";
(() => {
  const wait = 1000;
  let asking = false;
  let again = false;
  let last = 0;

  // What a person types, or has typed, is never taken away.
  const busy = () => {
    const main = document.getElementById("main");
    if (main.querySelector("form :focus")) return true;
    return [...main.querySelectorAll("form input:not([type=hidden])")].some((one) => one.value !== one.defaultValue);
  };

  const swap = (text) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const id of ["banner", "main"]) {
      const [old, fresh] = [document.getElementById(id), page.getElementById(id)];
      if (!old || !fresh || old.innerHTML === fresh.innerHTML) continue;
      const open = [...old.querySelectorAll("details[open]")].map((one) => one.id);
      const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      old.innerHTML = fresh.innerHTML;
      for (const one of open) document.getElementById(one)?.setAttribute("open", "");
      if (focused) [...old.querySelectorAll("a")].find((one) => one.getAttribute("href") === focused)?.focus();
    }
    document.title = page.title;
    const stamp = (root) => root.querySelector("footer time");
    if (stamp(document) && stamp(page)) stamp(document).replaceWith(document.importNode(stamp(page), true));
  };

  const ask = async () => {
    if (document.hidden || busy()) { again = true; return; }
    const left = last + wait - Date.now();
    if (asking || left > 0) {
      if (!again) { again = true; setTimeout(retry, Math.max(left, 100)); }
      return;
    }
    asking = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin", redirect: "error" });
      if (answer.ok && !busy()) swap(await answer.text());
    } catch { /* the daemon is away: the page says until when it is true */ }
    last = Date.now();
    asking = false;
  };
  const retry = () => { if (again) { again = false; ask(); } };

  const mark = document.getElementById("live");
  const start = () => {
    const main = document.getElementById("main");
    const seconds = Number(main.dataset.refresh);
    if (!seconds) return;
    const source = new EventSource("/events");
    source.addEventListener("open", () => { mark.hidden = false; });
    source.addEventListener("error", () => { mark.hidden = true; });
    source.addEventListener("changed", ask);
    setInterval(ask, seconds * 1000);
    document.addEventListener("visibilitychange", retry);
    document.addEventListener("focusout", () => setTimeout(retry, 500));
  };
  start();
})();
