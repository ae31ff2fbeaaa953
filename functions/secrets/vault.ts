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

/** What became of sealing everything anew. */
export interface Resealed {
  /** Secrets that were sealed with another key than the current one until now. */
  resealed: number;
  /** Names of those that no key at hand opens. They stay as they are. */
  unreadable: string[];
}

export interface Vault extends SecretStore {
  /** Seals everything with the current key, so that the previous one can go. May be repeated. */
  reseal(): Promise<Resealed>;
}

export function createVault(storage: DurableObjectStorage, keyText: SealingKeyText): Vault {
  migrate(storage, MIGRATIONS);
  const { sql } = storage;
  let keys: Promise<SealingKeys> | null = null;
  const sealingKeys = () => (keys ??= readSealingKeys(keyText));

  const text = (name: string) => sql.exec<{ sealed: string }>('SELECT sealed FROM secrets WHERE name = ?', name).toArray()[0]?.sealed ?? null;
  const read = (name: string) => {
    const sealed = text(name);
    return sealed === null ? null : sealedSchema.parse(JSON.parse(sealed));
  };
  const write = async (name: string, secret: Secret, sealing: SealingKeys) => {
    const sealed = await seal(sealing, name, secret);
    sql.exec('INSERT OR REPLACE INTO secrets (name, key_id, sealed) VALUES (?, ?, ?)', name, sealed.keyId, JSON.stringify(sealed));
  };

  /** @returns false when it cannot be opened. */
  const resealOne = async (name: string, sealing: SealingKeys): Promise<boolean> => {
    const before = text(name);
    if (before === null) return true;
    const secret = await unseal(sealing, name, sealedSchema.parse(JSON.parse(before))).catch(() => null);
    if (secret === null) return false;
    const sealed = await seal(sealing, name, secret);
    // Only over what was opened: somebody may have stored another value meanwhile, under the current key.
    sql.exec('UPDATE secrets SET key_id = ?, sealed = ? WHERE name = ? AND sealed = ?', sealed.keyId, JSON.stringify(sealed), name, before);
    return true;
  };

  /** After one write nothing depends on the previous key any more, so that it can be taken away. */
  const resealPrevious = async (sealing: SealingKeys) => {
    if (sealing.previous === null) return;
    for (const { name } of sql.exec<{ name: string }>('SELECT name FROM secrets WHERE key_id = ?', sealing.previous.id).toArray()) {
      await resealOne(name, sealing);
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
    async reseal() {
      const sealing = await sealingKeys();
      const answer: Resealed = { resealed: 0, unreadable: [] };
      for (const { name } of sql.exec<{ name: string }>('SELECT name FROM secrets WHERE key_id <> ? ORDER BY name', sealing.current.id).toArray()) {
        if (await resealOne(name, sealing)) answer.resealed += 1;
        else answer.unreadable.push(name);
      }
      return answer;
    },
  };
}
