/**
 * The page's only script, served at `/live.js`: asks for the same page again and swaps the parts that changed. Without
 * it the page is complete; with it the page stays current. Marked `data-keep`: an element that is replaced as a whole
 * when its HTML differs, unless somebody is just using a control inside it. Runs in a browser, so it is text here.
 */
export const LIVE_SCRIPT = `'use strict';
(() => {
  const LIMIT_MS = 10_000;
  const body = document.body;
  let failures = 0;
  let timer = 0;
  // What the server sent last: the page's own clock changes the document, and must not look like news.
  const known = new Map([...document.querySelectorAll('[data-keep]')].map((part) => [part.id, part.outerHTML]));
  let offset = Date.parse(document.getElementById('clock')?.dateTime ?? '') - Date.now() || 0;

  const inUse = (part) => part.contains(document.activeElement) && document.activeElement.matches('input, textarea, select');

  const parts = (page) => [...page.querySelectorAll('[data-keep]')];
  const ids = (found) => found.map((part) => part.id).join(' ');
  const outermost = (page) => ids(parts(page).filter((part) => part.parentElement.closest('[data-keep]') === null));

  function swap(next) {
    if (outermost(document) !== outermost(next)) { location.reload(); return; }
    const news = parts(next).map((fresh) => ({ fresh, html: fresh.outerHTML, inner: ids(parts(fresh)) }));
    for (const { fresh, html, inner } of news) {
      const part = document.getElementById(fresh.id);
      if (part === null || inUse(part)) continue;
      // A part that came in with its parent is in place; a list whose members are the same is swapped member by member.
      const settled = part === fresh || known.get(fresh.id) === html || (inner !== '' && inner === ids(parts(part)));
      known.set(fresh.id, html);
      if (settled) continue;
      const refocus = focusPath(part);
      for (const open of part.querySelectorAll('details[id]')) fresh.querySelector('#' + CSS.escape(open.id))?.toggleAttribute('open', open.open);
      part.replaceWith(document.adoptNode(fresh));
      refocus?.(fresh);
    }
    document.title = next.title;
    body.dataset.refresh = next.body.dataset.refresh ?? '30';
  }

  // The focused link or button gets the focus back in the part that takes its place.
  function focusPath(part) {
    const active = document.activeElement;
    if (!part.contains(active)) return null;
    const focusable = 'a[href], button, summary, [tabindex]';
    const index = [...part.querySelectorAll(focusable)].indexOf(active);
    return index < 0 ? null : (fresh) => fresh.querySelectorAll(focusable)[index]?.focus({ preventScroll: true });
  }

  function say(text) {
    const link = document.getElementById('link');
    if (link !== null && link.textContent !== text) link.textContent = text;
  }

  async function look() {
    try {
      const reply = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(LIMIT_MS) });
      if (reply.redirected || reply.status === 401 || reply.status === 403) { location.reload(); return; }
      if (!reply.ok) throw new Error('status ' + reply.status);
      const next = new DOMParser().parseFromString(await reply.text(), 'text/html');
      const clock = next.getElementById('clock');
      if (clock !== null) offset = Date.parse(clock.dateTime) - Date.now();
      swap(next);
      failures = 0;
      say('');
    } catch {
      failures += 1;
      if (failures > 1) say('· not answering, this is the last known state');
    }
    plan();
  }

  function plan() {
    clearTimeout(timer);
    const seconds = Number(body.dataset.refresh) || 30;
    timer = setTimeout(look, Math.min(60, seconds * 2 ** Math.min(failures, 4)) * 1000);
  }

  const two = (value) => String(value).padStart(2, '0');
  function tick() {
    const now = Date.now() + offset;
    const clock = document.getElementById('clock');
    const text = two(new Date(now).getUTCHours()) + ':' + two(new Date(now).getUTCMinutes());
    if (clock !== null && failures === 0 && clock.textContent !== text) clock.textContent = text;
    for (const length of document.querySelectorAll('[data-since]')) {
      const seconds = Math.max(0, Math.floor((now - Number(length.dataset.since)) / 1000));
      length.textContent = seconds < 60 ? seconds + ' s' : Math.floor(seconds / 60) + ' min ' + (seconds % 60) + ' s';
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (document.hidden) clearTimeout(timer);
    else void look();
  });
  setInterval(tick, 1000);
  plan();
})();
`;
