import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isStale, readSignature, verifySignature } from '../../../functions/web/auth/standard-webhooks.ts';
import { parseArguments } from '../../../infra/demo/arguments.ts';
import { curlLine } from '../../../infra/demo/webhook.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const NOW = 1_795_226_066_123;

/** The words a shell makes of a line. */
function words(line: string): string[] {
  return execFileSync('/bin/sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

describe('the printed webhook call', () => {
  it('is one that the Worker accepts, for five minutes', async () => {
    const line = words(curlLine({ origin: 'http://127.0.0.1:8787', secret: SECRET, certificates: ['matrix'], force: true, now: NOW }));
    expect(line.slice(0, 5)).toEqual(['curl', '-sS', '-X', 'POST', 'http://127.0.0.1:8787/hooks/renew']);
    const headers = new Headers(
      line.flatMap((word, index): [string, string][] => (line[index - 1] === '-H' ? [[word.split(': ')[0] ?? '', word.split(': ')[1] ?? '']] : [])),
    );
    const body = line.at(-1) ?? '';
    const message = readSignature(headers);
    expect(message).not.toBeNull();
    if (message === null) return;
    expect(await verifySignature(message, body, SECRET)).toBe(true);
    expect(await verifySignature(message, `${body} `, SECRET)).toBe(false);
    expect(isStale(message, NOW + 240_000)).toBe(false);
    expect(isStale(message, NOW + 310_000)).toBe(true);
    expect(JSON.parse(body)).toEqual({ certificates: ['matrix'], force: true });
  });

  it('has an id of its own each time', () => {
    const call = { origin: 'http://127.0.0.1:8787', secret: SECRET, certificates: ['matrix'], force: false, now: NOW };
    expect(curlLine(call)).not.toBe(curlLine(call));
  });
});

describe('the command line', () => {
  it('knows its options', () => {
    expect(parseArguments(['--once', '--json'])).toMatchObject({ once: true, json: true, fresh: false, dns: 'cloudflare' });
    expect(parseArguments(['--dns', 'namecheap'])).toMatchObject({ dns: 'namecheap', once: false });
  });

  it.each([
    [['--onse'], "Unknown option '--onse'"],
    [['now'], 'Unexpected argument'],
    [['--once=3'], 'does not take an argument'],
    [['--dns', 'route53'], '--dns takes cloudflare or namecheap, and not "route53"'],
    [['--dns'], 'argument missing'],
  ])('refuses %j', (input, reason) => {
    expect(() => parseArguments(input)).toThrow(reason);
  });
});
