import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { BACKUP_VERSION, IMPORT_ITEMS, type BackupItem } from '../../../functions/backup/document.ts';
import { recipientSchema, sealerFor } from '../../../functions/backup/recipient.ts';
import { openBackup } from '../../../infra/backup/backup-file.ts';
import { bringBack, describe as describeItems, type ImportedItem } from '../../../infra/backup/import.ts';
import { makeOperatorKey, readPrivateKey, readPublicKey } from '../../../infra/backup/operator-key.ts';
import { exportJWK, generateKeyPair } from 'jose';

const folder = mkdtempSync(join(tmpdir(), 'perennial-backup-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string) => join(folder, name);
const secret = (name: string): BackupItem => ({ section: 'secret', name, value: `value of ${name}` });
const ONE = '00000000-0000-4000-8000-000000000001';
const TWO = '00000000-0000-4000-8000-000000000002';

await makeOperatorKey(path('operator.jwk'));
const key = await readPrivateKey(path('operator.jwk'));
const sealer = await sealerFor(readPublicKey(path('operator.pub.jwk')), null);

function part(number: number, last: boolean, items: unknown[], backup = ONE, version: number = BACKUP_VERSION): Promise<string> {
  return sealer.encrypt(JSON.stringify({ version, backup, part: number, last, at: 1_000, items }));
}

describe("the operator's key pair", () => {
  it('is written for its owner alone, never over another, and its public half has no private member', async () => {
    expect(statSync(path('operator.jwk')).mode & 0o777).toBe(0o600);
    await expect(makeOperatorKey(path('operator.jwk'))).rejects.toThrow('is not overwritten');
    expect(readFileSync(path('operator.pub.jwk'), 'utf8')).not.toContain('"d"');
    expect(key.thumbprint).toBe(sealer.thumbprint);
  });

  it('is not taken for the other half, and what is no key is said to be none', async () => {
    expect(() => readPublicKey(path('operator.jwk'))).toThrow('without its private half');
    await expect(readPrivateKey(path('operator.pub.jwk'))).rejects.toThrow('no private key');
    writeFileSync(path('text.jwk'), 'text');
    expect(() => readPublicKey(path('text.jwk'))).toThrow('no public key');
    expect(() => readPublicKey(path('missing.jwk'))).toThrow('--new-key');
  });

  it('may be of X25519 as well', async () => {
    const pair = await generateKeyPair('ECDH-ES+A256KW', { crv: 'X25519', extractable: true });
    writeFileSync(path('x.jwk'), JSON.stringify(await exportJWK(pair.privateKey)));
    const other = await sealerFor(recipientSchema.parse(await exportJWK(pair.publicKey)), null);
    const text = await other.encrypt(JSON.stringify({ version: 1, backup: ONE, part: 1, last: true, at: 5, items: [secret('a')] }));
    expect(await openBackup(text, await readPrivateKey(path('x.jwk')))).toEqual({ at: 5, items: [secret('a')] });
  });
});

describe('the file of a backup', () => {
  it('is opened when it is whole', async () => {
    const text = `${await part(1, false, [secret('a')])}\n${await part(2, true, [secret('b')])}\n`;
    expect(await openBackup(text, key)).toEqual({ at: 1_000, items: [secret('a'), secret('b')] });
  });

  it.each([
    ['cut off', async () => part(1, false, []), 'its last part is missing'],
    ['in another order', async () => `${await part(2, true, [])}\n${await part(1, false, [])}`, 'not in order'],
    ['mixed of two', async () => `${await part(1, false, [])}\n${await part(2, true, [], TWO)}`, 'another backup'],
    ['empty', async () => '\n', 'empty'],
    ['no backup', async () => 'a.b.c.d.e', 'damaged'],
    ['altered', async () => (await part(1, true, [])).replace(/.{4}$/, 'AAAA'), 'damaged'],
    ['of a later release', async () => part(1, true, [], ONE, 2), 'does not fit this release at version'],
  ])('that is %s is refused with a reason', async (_what, text, reason) => {
    await expect(openBackup(await text(), key)).rejects.toThrow(reason);
  });

  it('for another key says for which', async () => {
    await makeOperatorKey(path('other.jwk'));
    await expect(openBackup(await part(1, true, []), await readPrivateKey(path('other.jwk')))).rejects.toThrow(`made for another key (${key.thumbprint})`);
  });
});

describe('bringing back', () => {
  it('sends 20,000 items in bounded requests, sections in order, and what is busy again before the next', async () => {
    const items: BackupItem[] = Array.from({ length: 20_000 }, (_, index) => secret(`s-${index}`));
    const sizes: number[] = [];
    let stubborn = 2;
    const answers = await bringBack(
      {
        post: async (_path, body, schema) => {
          const { items: sent } = body as { items: BackupItem[] };
          sizes.push(sent.length);
          const outcomeOf = ({ name }: BackupItem) => (name === 's-41' && (stubborn -= 1) >= 0 ? 'busy' : 'restored');
          return schema.parse({ items: sent.map((item) => ({ section: item.section, name: item.name, outcome: outcomeOf(item), reason: null })) });
        },
      },
      items,
      false,
      async () => undefined,
    );
    expect(new Set(answers.map(({ name }) => name)).size).toBe(20_000);
    expect(answers).toHaveLength(20_000);
    expect(Math.max(...sizes)).toBe(IMPORT_ITEMS);
    expect(sizes.slice(0, 4)).toEqual([40, 40, 1, 1]);
  });

  it('is told in counts, and by name where something stays', () => {
    const items: ImportedItem[] = [
      { section: 'secret', name: 'a', outcome: 'restored', reason: null },
      { section: 'authority', name: 'https://ca.test/directory', outcome: 'kept', reason: 'Another account is registered here.' },
    ];
    const text = describeItems(items, false);
    expect(text).toMatch(/secrets\s+1 brought back, 0 here already, 0 kept/);
    expect(text).toContain('kept: authority https://ca.test/directory: Another account is registered here.');
  });
});
