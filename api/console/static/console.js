// What pages do beyond what they do without a script: keys, live news, the reader's clock.
"use strict";

const root = document.documentElement;
root.classList.add("scripted");

// The server tells times by the reader's clock once it knows their zone.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone && !document.cookie.includes(`caravan_zone=${zone}`)) {
  document.cookie = `caravan_zone=${zone}; path=/console; max-age=31536000; samesite=lax`;
}

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// News: the page asks again for what it shows, and forms only say that they are out of date.
const listen = (address) => {
  const source = new EventSource(address);
  source.addEventListener("news", () => {
    all("[data-on-news]").forEach((told) => { told.hidden = false; });
    document.body.dispatchEvent(new CustomEvent("news"));
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) one("#offline")?.removeAttribute("hidden");
  });
  addEventListener("pagehide", () => source.close());
};
if (document.body.dataset.news) listen(document.body.dataset.news);

// Nearness goes stale while a page stands open.
const words = new Intl.RelativeTimeFormat(root.lang, { numeric: "always" });
const steps = [[60, "second"], [60, "minute"], [24, "hour"], [7, "day"], [4.35, "week"], [12, "month"], [Infinity, "year"]];
const near = (at) => {
  let distance = (at - Date.now()) / 1000;
  for (const [size, unit] of steps) {
    if (Math.abs(distance) < size * 2) return words.format(Math.round(distance), unit);
    distance /= size;
  }
  return "";
};
const tick = () => all("time[data-near]").forEach((time) => {
  time.textContent = near(Date.parse(time.dateTime));
});
if (!root.dataset.still) setInterval(tick, 30000);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  // A reason that is often given: into the field, where it is edited.
  const filled = document.getElementById(event.target.dataset.fills ?? "");
  if (filled && event.target.value) {
    filled.value = event.target.value;
    event.target.value = "";
    filled.focus();
  }
});
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  for (const open of all("details.person[open]")) if (!open.contains(event.target)) open.open = false;
});

// Keys. None of them acts by itself: each moves the focus, or opens what a link opens.
const move = (by) => {
  const rows = all("[data-row]");
  if (!rows.length) return;
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))].focus();
};
let leading = 0;
const keys = {
  "/": () => one("#q")?.focus(),
  "?": () => one("#keys")?.showModal(),
  j: () => move(1),
  k: () => move(-1),
  a: () => document.activeElement.closest("tr")?.querySelector("[data-take]")?.focus(),
  d: () => (one("#panel .acts a") ?? one("#panel"))?.focus(),
  t: () => one("#timeline")?.focus(),
  g: () => { leading = Date.now(); },
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, dialog")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const goes = Date.now() - leading < 1200 && one(`.side [data-go="${CSS.escape(event.key)}"]`);
  leading = 0;
  if (goes) goes.click();
  else if (Object.hasOwn(keys, event.key)) keys[event.key]();
  else return;
  event.preventDefault();
});
