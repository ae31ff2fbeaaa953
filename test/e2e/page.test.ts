/**
 * The pages in a real browser: the content security policy holds, nothing overflows on a phone, contrast meets WCAG AA in
 * both schemes, and the script swaps what changed without taking the focus. Needs Chromium (`CHROMIUM_BIN` or Debian's).
 */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { contrastFailures } from './contrast.ts';

const CHROMIUM = process.env['CHROMIUM_BIN'] ?? '/usr/bin/chromium';
const renderedSchema = z.object({
  rendered: z.object({
    pages: z.record(z.string(), z.string()),
    assets: z.array(z.object({ path: z.string(), type: z.string(), body: z.string() })),
    headers: z.record(z.string(), z.string()),
  }),
});

let rendered: z.infer<typeof renderedSchema>['rendered'];
let server: Server;
let browser: Browser;
let origin: string;
/** Path whose page is served instead, to let time pass. */
let instead: Map<string, string | null>;
let posts: string[];

/** The pages are TSX, which Node does not run: they are bundled once. */
async function renderPages(): Promise<typeof rendered> {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-pages-'));
  const outfile = join(folder, 'rendered.mjs');
  await build({
    entryPoints: ['test/worker/pages/rendered.ts'],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    outfile,
    logLevel: 'error',
  });
  const module: unknown = await import(pathToFileURL(outfile).href);
  await rm(folder, { recursive: true });
  return renderedSchema.parse(module).rendered;
}

beforeAll(async () => {
  if (!existsSync(CHROMIUM)) throw new Error(`No browser at ${CHROMIUM}. Install Debian's package chromium or set CHROMIUM_BIN.`);
  rendered = await renderPages();
  server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'POST') {
      posts.push(path);
      response.writeHead(303, { location: '/one' }).end();
      return;
    }
    const asset = rendered.assets.find((candidate) => candidate.path === path);
    const source = instead.get(path);
    const page = source === null ? undefined : rendered.pages[source ?? path];
    if (asset !== undefined) response.writeHead(200, { 'content-type': asset.type, 'x-content-type-options': 'nosniff' }).end(asset.body);
    else if (page === undefined) response.writeHead(503).end();
    else response.writeHead(200, { ...rendered.headers, 'content-type': 'text/html; charset=utf-8' }).end(page);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = z.object({ port: z.number() }).parse(server.address()) satisfies Pick<AddressInfo, 'port'>;
  origin = `http://127.0.0.1:${port}`;
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}, 60_000);

afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

beforeEach(() => {
  instead = new Map();
  posts = [];
});

async function withPage(path: string, options: BrowserContextOptions, visit: (page: Page, complaints: string[]) => Promise<void>): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => (message.type() === 'error' ? complaints.push(message.text()) : undefined));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(origin + path);
    await visit(page, complaints);
  } finally {
    await context.close();
  }
}

const phone = { width: 360, height: 780 };
const wall = { width: 1_920, height: 1_080 };

describe('every page', () => {
  it.each(['light', 'dark'] as const)(
    'fits a phone, a tablet, a desk and a wall, is readable and obeys its policy in the %s scheme',
    async (colorScheme) => {
      for (const path of Object.keys(rendered.pages)) {
        await withPage(path, { viewport: phone, colorScheme, reducedMotion: 'reduce' }, async (page, complaints) => {
          for (const width of [360, 820, 1_440, 1_920]) {
            await page.setViewportSize({ width, height: 900 });
            expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${path} overflows at ${width}`).toBeLessThanOrEqual(0);
          }
          expect(await page.evaluate(contrastFailures), `${path} is hard to read`).toEqual([]);
          expect(complaints, path).toEqual([]);
        });
      }
    },
    180_000,
  );
});

describe('with script', () => {
  it('what changed is swapped while the page, its scroll position and its focus stay', async () => {
    await withPage('/renewing', { viewport: phone }, async (page) => {
      await page.evaluate(() => document.body.setAttribute('data-visit', 'first'));
      await page.getByRole('article').filter({ hasText: 'homeserver' }).getByRole('link').first().focus();
      await page.evaluate(() => window.scrollTo(0, 300));
      const placeOf = async (id: string): Promise<number> => (await page.locator(`#${id}`).boundingBox())?.y ?? Number.NaN;
      const before = await placeOf('certificate-matrix');
      instead.set('/renewing', '/two');
      await page.getByRole('heading', { name: 'All 2 certificates are live.' }).waitFor({ timeout: 8_000 });
      expect(await page.locator('.stepper').count()).toBe(0);
      expect(await page.locator('body').getAttribute('data-visit')).toBe('first');
      expect(await page.locator('body').getAttribute('data-refresh')).toBe('30');
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('homeserver');
      expect(Math.abs((await placeOf('certificate-matrix')) - before), 'what is looked at stays in place').toBeLessThanOrEqual(1);
    });
  }, 20_000);

  it('a list with other members is swapped as a whole, and goes on being swapped', async () => {
    await withPage('/renewing', { viewport: wall }, async (page) => {
      instead.set('/renewing', '/detail-renewing');
      await page.getByRole('heading', { name: 'Where it is served' }).waitFor({ timeout: 8_000 });
    });
    await withPage('/renewing', { viewport: wall }, async (page) => {
      instead.set('/renewing', '/one');
      await page.getByRole('heading', { name: 'The certificate is live.' }).waitFor({ timeout: 8_000 });
      await expect.poll(() => page.getByRole('article').count()).toBe(1);
    });
  }, 30_000);

  it('a plan that somebody reads stays open', async () => {
    await withPage('/zones-drifting', { viewport: wall }, async (page) => {
      await page.getByText('The plan').click();
      instead.set('/zones-drifting', '/zones-drifting-later');
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await page.getByText('Last change 32 days ago').waitFor();
      expect(await page.getByText('Somebody else changed our record.').isVisible()).toBe(true);
    });
  }, 20_000);

  it('the running step counts on between two looks', async () => {
    await withPage('/renewing', { viewport: wall }, async (page) => {
      await expect.poll(() => page.locator('.current .length').textContent(), { timeout: 5_000 }).toBe('43 s');
    });
  }, 20_000);

  it('a silent server is said, and the last known state stays', async () => {
    await withPage('/renewing', { viewport: wall }, async (page) => {
      instead.set('/renewing', null);
      await page.getByText('not answering, this is the last known state').waitFor({ timeout: 15_000 });
      expect(await page.getByRole('article').count()).toBe(2);
    });
  }, 30_000);
});

describe('without script', () => {
  it('the page is complete, reloads itself while something moves, and its buttons work', async () => {
    await withPage('/renewing', { viewport: phone, javaScriptEnabled: false }, async (page) => {
      expect(await page.locator('li[aria-current="step"]').count()).toBe(1);
      instead.set('/renewing', '/one');
      // Locators that wait need script in the page; these ask again instead.
      await expect.poll(() => page.getByRole('heading', { name: 'The certificate is live.' }).count(), { timeout: 12_000 }).toBe(1);
      await page.locator('form[action$="/matrix/renew"] button').focus();
      await page.keyboard.press('Enter');
      await expect.poll(() => posts).toEqual(['/api/v1/certificates/matrix/renew']);
    });
  }, 30_000);
});

describe('for everybody', () => {
  it('nothing moves for who asked for less motion', async () => {
    await withPage('/renewing', { viewport: wall, reducedMotion: 'reduce' }, async (page) => {
      expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
    });
  });

  it('the keyboard reaches every control and shows where it is', async () => {
    await withPage('/one', { viewport: wall }, async (page) => {
      const reached: string[] = [];
      for (let presses = 0; presses < 6; presses += 1) {
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(() => (document.activeElement === null ? '' : getComputedStyle(document.activeElement).outlineWidth));
        const name = await page.evaluate(() => document.activeElement?.textContent ?? '');
        expect(outline, name).toBe('3px');
        reached.push(name);
      }
      expect(reached).toEqual(expect.arrayContaining(['Perennial', 'Sign out', 'matrix', 'Renew now: matrix', 'Redeliver: matrix']));
    });
  });

  it('a print leaves the controls out', async () => {
    await withPage('/one', { viewport: wall }, async (page) => {
      await page.emulateMedia({ media: 'print' });
      expect(await page.getByRole('button').count()).toBe(0);
      expect(await page.getByText('61').isVisible()).toBe(true);
    });
  });
});
