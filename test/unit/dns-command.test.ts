import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { DnsError } from '../../functions/dns/dns-error.ts';
import { dns as runDns } from '../../infra/dns/dns.ts';
import { printable } from '../../infra/administration/text.ts';
import { openSite, TOKEN, type Site } from './dns-command-site.ts';

const MAIN = join(import.meta.dirname, '../../infra/dns/main.ts');
const ROW = {
  owner: 'issuance-1',
  name: '_acme-challenge.example.co.uk',
  type: 'TXT',
  value: 'abc',
  state: 'written' as const,
  recordId: null,
  found: false,
  createdAt: 1,
  expiresAt: 2,
};

let site: Site;
beforeEach(async () => {
  site = await openSite();
});
afterEach(() => {
  site.server.closeAllConnections();
  site.server.close();
});

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Runs the real command as a process that nobody sits at. */
async function spawned(
  args: string[],
  { input = '', environment = { ADMIN_TOKEN: TOKEN } }: { input?: string; environment?: Record<string, string> } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env['PATH'] ?? '', PERENNIAL_ORIGIN: site.origin, ...environment } });
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: child.exitCode, out, err };
}

/** The same within this process, with nobody at the keyboard or somebody who types `lines`. */
async function command(args: string[], lines: string[] | null, environment: Record<string, string> = {}): Promise<Ended & { asked: string[] }> {
  const said = { out: '', err: '' };
  const asked: string[] = [];
  const code = await runDns(args, {
    environment: { ADMIN_TOKEN: TOKEN, PERENNIAL_ORIGIN: site.origin, ...environment },
    terminal: {
      out: (words) => void (said.out += `${words}\n`),
      note: (words) => void (said.err += `${words}\n`),
      interactive: lines !== null,
      ask: (question) => {
        asked.push(question);
        return Promise.resolve(lines?.shift() ?? null);
      },
    },
    promptToken: () => Promise.resolve(''),
    fetch,
  });
  return { code, ...said, asked };
}
const typing = (lines: string[], ...args: string[]) => command(args, lines);
async function dns(args: string[], environment?: Record<string, string>): Promise<Ended> {
  const { code, out, err } = await command(args, null, environment);
  return { code, out, err };
}

const stop = (name = 'example.co.uk') => {
  const zone = site.zone(name);
  zone.snapshot('before the challenges of issuance-1', Date.UTC(2026, 10, 21, 1, 0));
  zone.lines = zone.lines.filter((line) => !line.startsWith('MX'));
  zone.stopped = {
    at: Date.UTC(2026, 10, 21, 1, 1),
    message: 'A row that is not ours is gone.',
    lines: ['- @ MX mail.example.net 1 1800'],
    command: `npm run dns -- restore ${name} 1`,
  };
  return zone;
};

describe('zones', () => {
  it('are listed with what stands in their way and how to go on', async () => {
    stop();
    site.zone('example.net').declare(['A www.example.net 192.0.2.1', 'A api.example.net 192.0.2.2']);
    const { code, out, err } = await spawned(['zones']);
    expect([code, err]).toEqual([0, '']);
    expect(
      out
        .split('\n')
        .slice(0, 3)
        .map((line) => line.trim().split(/ {2,}/)),
    ).toEqual([
      ['ZONE', 'VENDOR', 'STATE', 'LAST CHANGE', 'DECLARED'],
      ['example.co.uk', 'Namecheap', 'STOPPED', 'never', '-'],
      ['example.net', 'Cloudflare', 'not used yet', 'never', '2 to add (not approved)'],
    ]);
    expect(out).toContain('example.co.uk is stopped since 2026-11-21 01:01 UTC: A row that is not ours is gone.\n  - @ MX mail.example.net 1 1800\n');
    expect(out).toContain('npm run dns -- restore example.co.uk 1');
  });

  it('are the plain answer of the API with --json', async () => {
    const { code, out } = await dns(['zones', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ zones: [{ zoneName: 'example.co.uk', health: { stopped: null } }, { zoneName: 'example.net' }] });
  });
});

describe('records', () => {
  it('show the ledger beside the vendor, and say when the two differ', async () => {
    site.zone('example.co.uk').owned = [
      { ...ROW, atVendor: 'present' },
      { ...ROW, value: 'def', atVendor: 'missing' },
    ];
    const { code, out } = await dns(['records', 'example.co.uk']);
    expect(code).toBe(0);
    expect(out).toContain('written  present    TXT   _acme-challenge.example.co.uk  issuance-1  abc\n');
    expect(out).toContain('written  missing    TXT   _acme-challenge.example.co.uk  issuance-1  def\n1 record not as we believe');
  });

  it('of every zone are shown although one cannot be asked, which makes the command fail', async () => {
    site.zone('example.co.uk').failure = new DnsError('dns_unreachable', 'Namecheap did not answer.', { retryable: true, hint: 'Wait.' });
    const { code, out, err } = await dns(['records']);
    expect([code, out.trim(), err]).toEqual([
      1,
      'example.net (Cloudflare)\nNothing of ours stands here.',
      'example.co.uk: Namecheap did not answer. Wait. (dns_unreachable)\n',
    ]);
  });

  it('cannot write to the terminal what a vendor holds', async () => {
    site.zone('example.co.uk').owned = [{ ...ROW, value: '\u001B[2Jcleared\u202E', atVendor: 'present' }];
    expect((await dns(['records', 'example.co.uk'])).out).toContain(String.raw`\u{1b}[2Jcleared\u{202e}`);
    expect(printable('plain text, ünïcödé "too"')).toBe('plain text, ünïcödé "too"');
  });
});

describe('a zone is named', () => {
  it.each(['example.co.uk', 'EXAMPLE.CO.UK.', 'ops/example.co.uk', 'ops~example.co.uk'])('by %s', async (zone) => {
    expect((await dns(['records', zone])).out).toContain('example.co.uk (Namecheap)');
  });

  it('by something near, which is suggested', async () => {
    expect(await dns(['records', 'exmaple.net'])).toEqual({
      code: 1,
      out: '',
      err: 'There is no zone "exmaple.net", or nothing was written to it yet. Did you mean "example.net"?\n',
    });
  });
});

describe('plan', () => {
  it('shows what would be done in a zone', async () => {
    site.zone('example.co.uk').declare(['A www.example.co.uk 192.0.2.1', 'TXT example.co.uk v=spf1 -all']);
    const { code, out } = await dns(['plan', 'example.co.uk']);
    expect([code, out.trim()]).toEqual([
      0,
      'example.co.uk (Namecheap)\n  + A www.example.co.uk 192.0.2.1\n    TXT example.co.uk v=spf1 -all\n  1 to add, 1 as declared.',
    ]);
  });

  it('without a zone shows all, how to approve them, and what has no place', async () => {
    site.zone('example.co.uk').declare(['A www.example.co.uk 192.0.2.1']);
    const { code, out, err } = await dns(['plan']);
    expect(code).toBe(0);
    expect(out).toContain('Nothing of it is written before you approve it: npm run dns -- apply example.co.uk');
    expect(out).toContain('example.net (Cloudflare)\nNothing is declared here.');
    expect(err).toBe('A www.elsewhere.example has no place yet: No zone holds www.elsewhere.example.\n');
  });
});

describe('apply', () => {
  beforeEach(() => site.zone('example.co.uk').declare(['A www.example.co.uk 192.0.2.1']));

  it('shows the plan, asks, and approves exactly that', async () => {
    const { code, out, asked } = await typing(['y'], 'apply', 'example.co.uk');
    expect([code, asked]).toEqual([0, ['Approve this plan for example.co.uk? [y/N] ']]);
    expect(out).toContain('+ A www.example.co.uk 192.0.2.1');
    expect(site.zone('example.co.uk').done).toEqual(['approve']);
  });

  it.each([['n'], [''], ['yes please'], []])('does nothing when the answer is %s', async (...lines) => {
    const { code, err } = await typing(lines, 'apply', 'example.co.uk');
    expect([code, err, site.zone('example.co.uk').done]).toEqual([1, 'Nothing was done.\n', []]);
  });

  it('does nothing without anybody to ask, unless told so', async () => {
    const refused = await spawned(['apply', 'example.co.uk'], { input: 'y\n' });
    expect([refused.code, refused.err]).toEqual([1, 'Nobody can be asked here. If what is shown above is right, run it again with --yes.\n']);
    expect(site.zone('example.co.uk').done).toEqual([]);
    expect((await dns(['apply', 'example.co.uk', '--yes'])).code).toBe(0);
    expect(site.zone('example.co.uk').done).toEqual(['approve']);
    const again = await dns(['apply', '--yes']);
    expect([again.code, again.err.trim(), site.zone('example.co.uk').done]).toEqual([0, 'Nothing is to be done.', ['approve']]);
  });

  it('does not approve a plan that has changed while it was looked at', async () => {
    const zone = site.zone('example.co.uk');
    const approve = zone.approve.bind(zone);
    zone.approve = (digest) => {
      zone.declare(['A www.example.co.uk 192.0.2.66']);
      return approve(digest);
    };
    const { code, err } = await dns(['apply', 'example.co.uk', '--yes']);
    expect([code, err]).toEqual([1, 'example.co.uk is not as it was when you looked. Look again. (dns_zone_changed)\n']);
    expect(zone.done).toEqual([]);
  });

  it('answers a program with what became of each zone, and people on the other channel', async () => {
    const { code, out, err } = await dns(['apply', '--yes', '--json']);
    expect([code, JSON.parse(out)]).toEqual([0, { zones: [{ zone: 'example.co.uk', outcome: 'approved' }] }]);
    expect(err).toContain('+ A www.example.co.uk 192.0.2.1');
  });
});

describe('restore', () => {
  it('shows exactly what it would do, asks for the name of the zone, and puts it back', async () => {
    const zone = stop();
    const { code, err, asked } = await typing(['example.co.uk'], 'restore', 'example.co.uk');
    expect([code, asked]).toEqual([0, ['Type example.co.uk to restore it: ']]);
    expect(err).toContain('example.co.uk as it was on 2026-11-21 01:00 UTC (snapshot 1, before the challenges of issuance-1).');
    expect(err).toContain('Restoring it would do this to the zone as it is now:\n  + MX example.co.uk 1 mail.example.net\n');
    expect([zone.done, zone.stopped, zone.lines.length]).toEqual([['restore 1'], null, 2]);
  });

  it.each([['y'], ['yes'], ['example.net'], ['']])('does nothing when %s is typed instead', async (typed) => {
    const zone = stop();
    const { code, err } = await typing([typed], 'restore', 'example.co.uk', '1');
    expect([code, zone.done]).toEqual([1, []]);
    expect(err).toContain('That is not its name; nothing was restored.');
  });

  it('in a script wants the digest of the difference that was looked at', async () => {
    const zone = stop();
    const looked = await spawned(['restore', 'example.co.uk', '1'], { input: 'example.co.uk\n' });
    expect([looked.code, zone.done]).toEqual([1, []]);
    const [, digest = ''] = /--confirm (\S+)/.exec(looked.err) ?? [];
    zone.lines = [...zone.lines, 'A foreign.example.co.uk 192.0.2.9'];
    const stale = await dns(['restore', 'example.co.uk', '1', '--confirm', digest]);
    expect([stale.code, zone.done]).toEqual([1, []]);
    expect(stale.err).toContain('- A foreign.example.co.uk 192.0.2.9');
    const [, right = ''] = /If this one is right: --confirm (\S+)/.exec(stale.err) ?? [];
    const done = await dns(['restore', 'example.co.uk', '1', '--confirm', right, '--json']);
    expect([done.code, JSON.parse(done.out), zone.done]).toMatchObject([0, { restored: true, health: { stopped: null } }, ['restore 1']]);
  });

  it('of what differs in nothing writes nothing, and says how a stopped zone goes on', async () => {
    const zone = stop();
    zone.lines = ['MX example.co.uk 1 mail.example.net', 'TXT example.co.uk v=spf1 -all'];
    const { code, err } = await dns(['restore', 'example.co.uk']);
    expect([code, zone.done]).toEqual([0, []]);
    expect(err).toContain('npm run dns -- release example.co.uk');
  });

  it('needs a snapshot that is there', async () => {
    expect((await dns(['restore', 'example.net'])).err).toBe('example.net has no snapshots: they are kept where a vendor replaces whole zones.\n');
    stop();
    expect(await dns(['restore', 'example.co.uk', '7'])).toMatchObject({ code: 1, err: expect.stringContaining('There is no snapshot 7') });
  });

  it('does not choose by itself what another restore wanted to get away from', async () => {
    const zone = stop();
    zone.snapshot('before snapshot 1 was restored', Date.UTC(2026, 10, 21, 1, 5));
    const { code, err } = await dns(['restore', 'example.co.uk']);
    expect([code, zone.done, err]).toEqual([1, [], expect.stringContaining('Choose one: npm run dns -- snapshots example.co.uk')]);
  });

  it('finds its snapshot in the list', async () => {
    stop();
    const { out } = await dns(['snapshots', 'example.co.uk']);
    expect(out).toMatch(/SNAPSHOT {2}TAKEN +ROWS {2}MAIL {2}WHY\n1 +2026-11-21 01:00 UTC {2}2 +MX +before the challenges of issuance-1\n/);
  });
});

describe('release', () => {
  it('shows what differs, asks, and lets the zone go on as it is', async () => {
    const zone = stop();
    expect((await typing(['n'], 'release', 'example.co.uk')).code).toBe(1);
    expect(zone.done).toEqual([]);
    const { code, err } = await typing(['y'], 'release', 'example.co.uk');
    expect([code, zone.done, zone.lines]).toEqual([0, ['release'], ['TXT example.co.uk v=spf1 -all']]);
    expect(err).toContain('- @ MX mail.example.net 1 1800');
  });

  it('does nothing to a zone that is not stopped', async () => {
    expect(await dns(['release', 'example.net', '--yes'])).toEqual({ code: 0, out: '', err: 'example.net is not stopped; there is nothing to release.\n' });
    expect(site.zone('example.net').done).toEqual([]);
  });
});

describe('the command line', () => {
  it.each([
    [[], 'Say what to do.'],
    [['zone'], 'There is no command "zone". Did you mean "zones"?'],
    [['snapshots'], 'Say which zone: npm run dns -- snapshots <zone>'],
    [['zones', 'example.net'], '"zones" takes no zone'],
    [['plan', 'example.net', 'more'], '"plan" takes less: what is "more"?'],
    [['restore', 'example.net', 'newest'], 'Snapshots are numbered; "newest" is no number.'],
    [['restore', 'example.net', '--yes'], 'A restore is confirmed by the digest of the difference it shows: --confirm <digest>.'],
    [['apply', '--confirm', 'x'], '--confirm belongs to "restore".'],
    [['zones', '--yes'], '"zones" asks nothing'],
    [['zones', '--origni', 'https://x.example'], "Unknown option '--origni'"],
  ])('%j is refused with its usage, and nothing is sent', async (args, reason) => {
    const { code, out, err } = await dns(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(reason);
    expect(err).toContain('usage: npm run dns -- <command>');
    expect(site.requests).toEqual([]);
  });

  it('ends a process with exit code 2 when it is wrong', async () => {
    expect(await spawned(['zone'])).toMatchObject({ code: 2, out: '', err: expect.stringContaining('Did you mean "zones"?') });
  });

  it('explains itself', async () => {
    expect(await dns(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('restore <zone> [snapshot]'), err: '' });
  });

  it('wants to know where the Worker is', async () => {
    expect(await dns(['zones'], { PERENNIAL_ORIGIN: 'nowhere' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('--origin https://…'),
    });
    expect((await dns(['zones', '--origin', site.origin], { PERENNIAL_ORIGIN: 'nowhere' })).code).toBe(0);
  });
});

describe('the administrator', () => {
  it('may come from standard input, as a file or a password manager gives it', async () => {
    expect((await spawned(['zones'], { environment: { ADMIN_TOKEN: '' }, input: `${TOKEN}\n` })).code).toBe(0);
  });

  it('is refused with another token, which is not repeated', async () => {
    const { code, err } = await dns(['zones'], { ADMIN_TOKEN: 'another-token-of-some-length' });
    expect([code, err]).toEqual([1, expect.stringMatching(/does not accept the administrator token\. It comes from ADMIN_TOKEN/)]);
    expect(err).not.toContain('another-token');
  });

  it('does not travel in the clear, nor along a redirect', async () => {
    expect(await dns(['zones', '--origin', 'http://perennial.example.net'])).toMatchObject({ code: 1, err: expect.stringContaining('is not https') });
    const seen: string[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(302, { location: `${site.origin}/api/v1/zones` }).end();
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = z.object({ port: z.number() }).parse(elsewhere.address());
    expect(await dns(['zones', '--origin', `http://127.0.0.1:${port}`])).toMatchObject({ code: 1, err: expect.stringContaining('could not be reached') });
    expect([seen, site.requests]).toEqual([['/api/v1/zones'], []]);
    elsewhere.close();
  });
});

describe('a Worker that does not answer as expected', () => {
  it.each([
    [
      'an older release',
      404,
      '{"error":{"code":"route_unknown","message":"There is nothing at this address with this method.","retryable":false}}',
      'There is nothing at this address',
    ],
    ['a proxy', 502, '<html>Bad gateway</html>', 'answered 502. Is it a Worker of this release?'],
    ['another site', 200, '{"zones":[{"name":"x"}]}', 'answered what this command does not understand'],
    ['a page', 200, '<html></html>', 'answered what this command does not understand'],
  ])('%s: is said in a sentence', async (_who, status, body, sentence) => {
    const server = createServer((_request, response) => response.writeHead(status, { 'content-type': 'application/json' }).end(body)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = z.object({ port: z.number() }).parse(server.address());
    const { code, err } = await dns(['zones', '--origin', `http://127.0.0.1:${port}`]);
    expect([code, err.trim().split('\n')]).toEqual([1, [expect.stringContaining(sentence)]]);
    server.close();
  });

  it('leaves no doubt about what may have happened when a change gets no answer', async () => {
    site.zone('example.co.uk').declare(['A www.example.co.uk 192.0.2.1']);
    site.server.prependListener('request', (request) => {
      if (request.method === 'POST') request.socket.destroy();
    });
    const { code, err } = await dns(['apply', 'example.co.uk', '--yes']);
    expect([code, err]).toEqual([1, expect.stringContaining('What was asked for may have been done: look before you ask again.')]);
  });
});
