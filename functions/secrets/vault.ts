/**
 * Sealed secrets in SQLite: the logic of SecretsObject. Plain text exists only in memory; every row is sealed under the
 * key that is current when it is written.
 */
import { migrate, type Migration } from '../storage/schema.ts';
import { readSealingKeys, seal, type SealingKeys, type SealingKeyText, sealedSchema, unseal } from './sealing.ts';
import type { Secret } from './secret.ts';
import { checkName, checkValue, notFound, type SecretStore } from './store.ts';

const MIGRATIONS: readonly Migration[] = [
  { version: 1, statements: ['CREATE TABLE secrets (name TEXT PRIMARY KEY, key_id TEXT NOT NULL, sealed TEXT NOT NULL)'] },
];

export function createVault(storage: DurableObjectStorage, keyText: SealingKeyText): SecretStore {
  migrate(storage, MIGRATIONS);
  const { sql } = storage;
  let keys: Promise<SealingKeys> | null = null;
  const sealingKeys = () => (keys ??= readSealingKeys(keyText));

  const read = (name: string) => {
    const [row] = sql.exec<{ sealed: string }>('SELECT sealed FROM secrets WHERE name = ?', name).toArray();
    return row === undefined ? null : sealedSchema.parse(JSON.parse(row.sealed));
  };
  const write = async (name: string, secret: Secret, sealing: SealingKeys) => {
    const sealed = await seal(sealing, name, secret);
    sql.exec('INSERT OR REPLACE INTO secrets (name, key_id, sealed) VALUES (?, ?, ?)', name, sealed.keyId, JSON.stringify(sealed));
  };

  /** After one write nothing depends on the previous key any more, so that it can be taken away. */
  const resealPrevious = async (sealing: SealingKeys) => {
    if (sealing.previous === null) return;
    for (const { name } of sql.exec<{ name: string }>('SELECT name FROM secrets WHERE key_id = ?', sealing.previous.id).toArray()) {
      const sealed = read(name);
      if (sealed !== null) await write(name, await unseal(sealing, name, sealed), sealing);
    }
  };

  return {
    async put(name, secret) {
      checkName(name);
      checkValue(secret);
      const sealing = await sealingKeys();
      await write(name, secret, sealing);
      await resealPrevious(sealing);
    },
    async get(name) {
      checkName(name);
      const sealing = await sealingKeys();
      const sealed = read(name);
      if (sealed === null) throw notFound(name);
      return unseal(sealing, name, sealed);
    },
    async has(name) {
      checkName(name);
      return read(name) !== null;
    },
    async list() {
      return sql
        .exec<{ name: string }>('SELECT name FROM secrets ORDER BY name')
        .toArray()
        .map(({ name }) => name);
    },
    async remove(name) {
      checkName(name);
      sql.exec('DELETE FROM secrets WHERE name = ?', name);
    },
  };
}
