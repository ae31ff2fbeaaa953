import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { certificates } from '../../../infra/certificates/certificates.ts';
import { failing, healthy, LEAF, needsAttention, NOW, PREVIOUS_LEAF, revoked, revoking, rolledBack } from '../../worker/pages/samples.ts';
import { execute, openSite, TOKEN, type Ended, type Site } from './site.ts';

const MAIN = join(import.meta.dirname, '../../../infra/certificates/main.ts');

let site: Site;
beforeEach(async () => {
  site = await openSite([needsAttention(), failing(), healthy(), rolledBack(), revoked(), revoking()], NOW);
});
afterEach(() => {
  site.server.closeAllConnections();
  site.server.close();
});

const command = (...args: string[]): Promise<Ended> => execute(certificates, site, args, null);
const typing = (lines: string[], ...args: string[]): Promise<Ended> => execute(certificates, site, args, lines);

describe('certificates', () => {
  it('are listed by a process, with state, end, next step and names', async () => {
    const child = spawn(process.execPath, [MAIN, 'list'], { env: { PATH: process.env['PATH'] ?? '', PERENNIAL_ORIGIN: site.origin, ADMIN_TOKEN: TOKEN } });
    child.stdin.end();
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    expect([child.exitCode, err]).toEqual([0, '']);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual(
      expect.arrayContaining([
        ['CERTIFICATE', 'STATE', 'EXPIRES', 'NEXT', 'NAMES'],
        ['vpn', 'NEEDS ATTENTION', '2026-11-28 01:07 UTC', expect.any(String), 'vpn.example.net'],
        ['matrix', 'live', '2027-01-21 01:07 UTC', '2026-12-21 04:07 UTC', 'matrix.example.net *.matrix.example.net'],
      ]),
    );
  });

  it('are found by a part of a name or domain, page after page', async () => {
    for (let index = 0; index < 1_200; index += 1) site.views.set(`many-${index}`, healthy(`many-${index}`));
    expect((await command('list', 'many-')).out.trim().split('\n')).toHaveLength(1_201);
    expect((await command('list', 'nothing like it')).out).toBe('Nothing matches "nothing like it".\n');
    expect(JSON.parse((await command('list', 'matrix', '--json')).out)).toMatchObject({ certificates: [{ name: 'matrix', state: 'live' }] });
  });

  it('are shown with what failed, what to do, and that only a person goes on', async () => {
    const { out } = await command('show', 'vpn');
    expect(out).toContain('vpn: needs attention. The CA does not let this account order');
    expect(out).toContain('  left        letsencrypt 2026-11-20 23:07 UTC: The CA "letsencrypt" is overloaded: Service busy; retry later. (acme_overloaded)');
    expect(out).toContain('unpause?jwt=abc, confirm, and renew it again.\n              Not tried again by itself.');
    expect((await command('show', 'mail')).out).toContain('              Next try 2026-11-21 01:24 UTC.');
  });

  it('are shown with key, CA and its suggestion, rollback, quarantine, revocations, and what else is served', async () => {
    const second = (await command('show', 'cloud')).out;
    expect(second).toContain('  issuer      GTS WR1 (google). letsencrypt was left: the CA is overloaded.\n  key         RSA 2048\n');
    expect(second).toContain('  REVOKED     2026-11-21 01:04 UTC: key compromise');
    expect(second).toContain('explained at https://ca.example/incidents/2026-11-20?a=<b>');
    const back = (await command('show', 'git')).out;
    expect(back).toContain(`  rolled back 2026-11-21 01:03 UTC: ${PREVIOUS_LEAF} in place of ${LEAF}`);
    expect(back).toContain(`10.20.0.11:443 foreign: served another certificate; ${PREVIOUS_LEAF}, Somebody’s own CA, until 2026-12-31 01:07 UTC`);
    expect(back).toContain(`  quarantined ${LEAF}`);
    expect((await command('show', 'shop')).out).toContain('  revocation  asked for 2026-11-21 01:02 UTC (superseded), not done yet');
  });

  it('that do not exist are answered with the one that was meant', async () => {
    expect(await command('show', 'matrx')).toMatchObject({ code: 1, err: 'There is no certificate "matrx". Did you mean "matrix"?\n' });
    expect((await command('renew', '../config')).err).toContain('There is no certificate "../config". Known: "vpn"');
  });
});

describe('renewing and delivering', () => {
  it('asks for what is due, for a renewal now, or for a delivery', async () => {
    expect((await command('renew', 'matrix')).out).toBe('matrix is renewed if it is due. How it goes: npm run certificates -- show matrix\n');
    await command('renew', 'matrix', '--force');
    await command('redeliver', 'matrix');
    expect(site.acted).toEqual(['renew matrix', 'force matrix', 'redeliver matrix']);
  });
});

describe('revoking', () => {
  it('shows what is live, asks for its name, and names the very leaf', async () => {
    const { code, err, asked } = await typing(['matrix'], 'revoke', 'matrix', '--reason', 'key-compromise', '--signer', 'certificate');
    expect(code).toBe(0);
    expect(err).toContain(`  SHA-256     ${LEAF}\n  issuer      Let’s Encrypt YE1 (letsencrypt)`);
    expect(asked).toEqual(["Revoking cannot be taken back. Type the certificate's name to revoke it (key-compromise): "]);
    expect(site.revoked).toEqual([{ name: 'matrix', sha256: LEAF, reason: 1, signer: 'certificate' }]);
  });

  it('does nothing for another name, nor without anybody to ask', async () => {
    expect((await typing(['mail'], 'revoke', 'matrix', '--reason', 'superseded')).err).toContain('That is not its name; nothing was revoked.');
    const unasked = await command('revoke', 'matrix', '--reason', 'superseded');
    expect([unasked.code, unasked.err]).toEqual([1, expect.stringContaining(`If this is the certificate that is meant: --confirm ${LEAF}`)]);
    expect(site.revoked).toEqual([]);
  });

  it('in a script wants the fingerprint, as people copy it', async () => {
    expect((await command('revoke', 'matrix', '--reason', 'superseded', '--confirm', 'ab'.repeat(32))).err).toContain('nothing was revoked');
    const pairs = (LEAF.match(/../g) ?? []).join(':').toUpperCase();
    expect(JSON.parse((await command('revoke', 'matrix', '--reason', 'superseded', '--confirm', pairs, '--json')).out)).toEqual({
      certificate: 'matrix',
      sha256: LEAF,
      reason: 'superseded',
      signer: 'account',
    });
    expect(site.revoked).toMatchObject([{ reason: 4, signer: 'account' }]);
  });
});

describe('a command line', () => {
  it.each([
    [[], 'Say what to do.'],
    [['lst'], 'There is no command "lst". Did you mean "list"?'],
    [['show'], 'Say which certificate: npm run certificates -- show <name>'],
    [['show', 'a', 'b'], '"show" takes one certificate: what is "b"?'],
    [['redeliver', 'a', '--force'], '--force belongs to "renew".'],
    [['renew', 'a', '--reason', 'superseded'], '--reason belongs to "revoke".'],
    [['revoke', 'a'], 'Say why: --reason unspecified | key-compromise'],
    [['revoke', 'a', '--reason', 'key-compromize'], 'There is no reason "key-compromize". Did you mean "key-compromise"?'],
    [['revoke', 'a', '--reason', 'superseded', '--signer', 'me'], 'There is no signer "me". Known: "account", "certificate".'],
    [['revoke', 'a', '--reason', 'superseded', '--confirm', 'abc'], '--confirm takes the SHA-256 of the certificate, 64 hexadecimal digits, and not "abc".'],
    [['list', '--frce'], "Unknown option '--frce'"],
  ])('%j is told what is wrong with it', async (args, sentence) => {
    const { code, err } = await command(...args);
    expect(code).toBe(2);
    expect(err.split('\n')[0]).toContain(sentence);
  });

  it('--help lists every command', async () => {
    expect(await command('--help')).toMatchObject({ code: 0, out: expect.stringContaining('revoke <name> --reason <why>') });
  });
});
