/** The status page: what the Worker's routes mount. Every function is pure; `c.html()` takes what they return. */
import { FAVICON } from './favicon.ts';
import { LIVE_SCRIPT } from './live.ts';
import { STYLE } from './style.ts';

export { certificatePage } from './certificate-page.tsx';
export { PAGE_HEADERS } from './headers.ts';
export * from './model.ts';
export { overallOf, tallyOf, zoneTally, type Overall, type OverallState, type Tally } from './overall.ts';
export { errorPage, loginPage, notFoundPage, publicPage } from './plain-pages.tsx';
export type { Page } from './shell.tsx';
export { statusPage } from './status-page.tsx';
export { planIsWorthReading, type ZoneInput, type ZonePlan } from './zone-model.ts';

/** Static files of the pages: path, content type, text. They change only with a deployment. */
export const PAGE_ASSETS = [
  { path: '/style.css', type: 'text/css; charset=utf-8', body: STYLE },
  { path: '/live.js', type: 'text/javascript; charset=utf-8', body: LIVE_SCRIPT },
  { path: '/favicon.svg', type: 'image/svg+xml', body: FAVICON },
] as const;
