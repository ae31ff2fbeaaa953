import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { privateKeySchema } from '../../../shared/link/signatures.ts';
import { finishSealing, KINDS, rotate } from '../../../infra/rotate/rotate.ts';

const folder = mkdtempSync(join(tmpdir(), 'perennial-rotate-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('npm run rotate', () => {
  it.each(KINDS)('makes a new %s key for its owner alone and prints the steps without it', async (kind) => {
    const before = new Set(readdirSync(folder));
    const steps = await rotate({ kind, cluster: 'matrix', folder, today: '2026-11-28' });
    const [file = ''] = readdirSync(folder).filter((name) => !before.has(name));
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const text = readFileSync(join(folder, file), 'utf8').trim();
    const hidden = kind === 'sealing' ? text : privateKeySchema.parse(JSON.parse(text)).d;
    expect(steps).toContain(file);
    expect(steps).not.toContain(hidden);
    if (kind !== 'sealing') expect(steps, 'what the other side has to know').toContain(privateKeySchema.parse(JSON.parse(text)).x);
  });

  it('names a second key of the same day differently: both sides tell keys apart by their ids', async () => {
    const kids = await Promise.all(
      [1, 2].map(async () => /"kid":"([^"]+)"/.exec(await rotate({ kind: 'edge', cluster: 'm', folder, today: '2026-11-29' }))?.[1]),
    );
    expect(new Set(kids).size).toBe(2);
  });

  it('says that the former sealing key can go only when every secret is sealed with the new one', async () => {
    const api = (answer: unknown): Parameters<typeof finishSealing>[0] => ({ post: async (_path, _body, schema) => schema.parse(answer) });
    expect(await finishSealing(api({ resealed: 3, unreadable: [] }))).toMatchObject({ done: true, text: expect.stringContaining('secret delete') as string });
    const left = await finishSealing(api({ resealed: 1, unreadable: ['cloudflare-token'] }));
    expect(left).toMatchObject({ done: false, text: expect.stringContaining('cloudflare-token') as string });
    expect(left.text).not.toContain('secret delete');
  });
});
