/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/**
 * The frame of every page: one document, no inline style, no inline script (the CSP of `headers.ts` forbids both).
 */
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';
import type { HtmlEscapedString } from 'hono/utils/html';
import { Mark, Sprite } from './motif.tsx';
import { iso, utcClock, utcWeekday } from './time.ts';

/** What a page function returns and `c.html()` takes: a whole document, its dynamic text escaped. */
export type Page = HtmlEscapedString;

/** Renders a document. Components of these pages are synchronous: all data is there before one is drawn. */
export function toPage(document: HtmlEscapedString | Promise<HtmlEscapedString>): Page {
  if (document instanceof Promise) throw new TypeError('A component of the pages is asynchronous.');
  return raw(`<!doctype html>${document.toString()}`);
}

/** Seconds between two looks at the server: while something moves, and while nothing does. */
const REFRESH = { moving: 2, calm: 30 } as const;
/** Without script a page reloads itself only while something moves, and less often. */
const REFRESH_WITHOUT_SCRIPT = 5;

export interface ShellProps {
  title: string;
  /** Null for pages that never change by themselves. */
  live: { moving: boolean } | null;
  children?: Child;
}

export const Shell = ({ title, live, children }: ShellProps) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <meta name="referrer" content="same-origin" />
      <title>{title}</title>
      <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href="/style.css" />
      {live === null ? null : <script src="/live.js" defer />}
      {live?.moving === true ? (
        <noscript>
          <meta http-equiv="refresh" content={String(REFRESH_WITHOUT_SCRIPT)} />
        </noscript>
      ) : null}
    </head>
    <body data-refresh={live === null ? undefined : live.moving ? REFRESH.moving : REFRESH.calm}>
      <Sprite />
      {children}
    </body>
  </html>
);

/** The line above everything: name, time of this state, way out. */
export const Masthead = ({ now, signedIn }: { now: number; signedIn: boolean }) => (
  <div class="masthead">
    <a class="brand" href="/">
      <Mark />
      Perennial
    </a>
    <p class="as-of">
      <span class="weekday">{utcWeekday(now)}</span>{' '}
      <time id="clock" datetime={iso(now)}>
        {utcClock(now)}
      </time>{' '}
      UTC <span id="link" role="status"></span>
    </p>
    {signedIn ? (
      <form method="post" action="/logout">
        <button class="plain">Sign out</button>
      </form>
    ) : null}
  </div>
);
