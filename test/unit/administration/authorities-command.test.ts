import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { authorities } from '../../../infra/authorities/authorities.ts';
import { PerennialError } from '../../../shared/errors.ts';
import { authority, NOW, troubledAuthorities } from '../../worker/pages/samples.ts';
import { execute, openSite, TOKEN, type Ended, type Site } from './site.ts';

const MAIN = join(import.meta.dirname, '../../../infra/authorities/main.ts');

let site: Site;
beforeEach(async () => {
  site = await openSite([], NOW);
  // The site's configuration knows this name.
  site.authorities.push({ ...authority({}, 'ca'), failure: null });
});
afterEach(() => {
  site.server.closeAllConnections();
  site.server.close();
});

const command = (...args: string[]): Promise<Ended> => execute(authorities, site, args, null);
const typing = (lines: string[], ...args: string[]): Promise<Ended> => execute(authorities, site, args, lines);

describe('authorities', () => {
  it('are listed by a process with account, route, what is held back and what is left', async () => {
    site.authorities.push(...troubledAuthorities().map((each) => ({ ...each, failure: null })));
    const child = spawn(process.execPath, [MAIN, 'list'], { env: { PATH: process.env['PATH'] ?? '', PERENNIAL_ORIGIN: site.origin, ADMIN_TOKEN: TOKEN } });
    child.stdin.end();
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect([child.exitCode, err]).toEqual([0, '']);
    expect(out).toContain('ca (https://acme-v02.api.letsencrypt.org/directory): well\n  account     https://acme-v02');
    expect(out).toContain('  limit       298 of 300 new orders left');
    expect(out).toContain('  REFUSED     The CA "letsencrypt" refused the account: Account is deactivated. Remove the stored key');
    expect(out).toContain('asked through the relay of matrix');
    expect(out).toContain('  held back   No order for example.net and all below it before 2026-11-24 01:07 UTC: too many certificates (50)');
    expect(out).toContain('home (https://ca.home.example/acme/directory): unknown');
  });

  it('are the plain answer of the API with --json', async () => {
    expect(JSON.parse((await command('list', '--json')).out)).toMatchObject({ authorities: [{ name: 'ca', status: { limits: [{ left: 298 }] } }] });
  });
});

describe('a rollover', () => {
  it('asks first, and then names itself so that a repeat makes no other key', async () => {
    expect((await typing(['n'], 'rollover', 'ca')).code).toBe(1);
    expect(site.rolledOver).toEqual([]);
    const { code, out } = await typing(['y'], 'rollover', 'ca');
    expect([code, out]).toEqual([0, 'The account at ca has a new key: https://ca.example.net/account/1\n']);
    expect(site.rolledOver[0]).toMatch(/^ca [0-9a-f-]{36}$/);
  });

  it('whose answer is lost says how to find out what became of it', async () => {
    site.rolloverFailure = new PerennialError('acme_rollover_unsettled', 'It is not certain yet which account key the CA knows; both are kept.', {
      retryable: true,
    });
    const { code, err } = await command('rollover', 'ca', '--yes');
    const [, request] = /^ca (.+)$/.exec(site.rolledOver[0] ?? '') ?? [];
    expect(code).toBe(1);
    expect(err).toContain(`(acme_rollover_unsettled) To find out what became of it: npm run authorities -- rollover ca --request ${request}`);
    site.rolloverFailure = null;
    expect((await command('rollover', 'ca', '--yes', '--request', request ?? '')).code).toBe(0);
    expect(new Set(site.rolledOver).size).toBe(1);
  });

  it('is not asked for where there is no account, or no such CA', async () => {
    site.authorities.push({ ...authority({ accountUrl: null }, 'new'), failure: null });
    expect((await command('rollover', 'new', '--yes')).err).toContain('No account is registered at new yet');
    expect((await command('rollover', 'cq', '--yes')).err).toContain('No CA "cq" is configured. Did you mean "ca"?');
    expect(site.rolledOver).toEqual([]);
  });
});

describe('a command line', () => {
  it.each([
    [['rollover'], 'Say at which CA'],
    [['list', 'ca'], '"list" lists every CA: what is "ca"?'],
    [['list', '--yes'], '--yes belongs to "rollover".'],
    [['rollover', 'ca', '--request', 'A B'], '--request takes the id that a rollover has printed'],
    [['rolover'], 'There is no command "rolover". Did you mean "rollover"?'],
  ])('%j is told what is wrong with it', async (args, sentence) => {
    const { code, err } = await command(...args);
    expect(code).toBe(2);
    expect(err.split('\n')[0]).toContain(sentence);
  });
});
