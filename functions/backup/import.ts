/**
 * `POST /api/v1/import`: brings a bounded number of items back, or says what would become of them. Every item may come
 * again; nothing that is here and differs is replaced.
 */
import { z } from 'zod';
import { IDENTICAL, kept, RESTORED, type Restoration } from '../../shared/backup/restoration.ts';
import { PerennialError } from '../../shared/errors.ts';
import { Secret } from '../secrets/secret.ts';
import type { SecretStore } from '../secrets/store.ts';
import { backupItemSchema, IMPORT_ITEMS, type BackupItem } from './document.ts';
import { digestOf } from './digest.ts';
import type { BackupPorts } from './ports.ts';

export const importRequestSchema = z.strictObject({
  /** Say what would be done, and do nothing. */
  dryRun: z.boolean(),
  items: z.array(backupItemSchema).min(1).max(IMPORT_ITEMS),
});
export type ImportRequest = z.infer<typeof importRequestSchema>;

export interface ImportedItem extends Restoration {
  section: BackupItem['section'];
  name: string;
}

/** Throws what the SecretStore and the objects throw; items before that are restored, and are identical the next time. */
export async function importItems({ dryRun, items }: ImportRequest, ports: BackupPorts): Promise<ImportedItem[]> {
  const asked = items.filter(({ section }) => section === 'certificate').map(({ name }) => name);
  const configured = new Set(asked.length === 0 ? [] : await ports.fleet.configured(asked));
  const imported: ImportedItem[] = [];
  for (const item of items) {
    // In their order: an account needs its key, an order its account.
    // oxlint-disable-next-line no-await-in-loop
    const restoration = await restore(item, { ports, dryRun, configured });
    imported.push({ section: item.section, name: item.name, ...restoration });
  }
  return imported;
}

interface Context {
  ports: BackupPorts;
  dryRun: boolean;
  configured: ReadonlySet<string>;
}

async function restore(item: BackupItem, { ports, dryRun, configured }: Context): Promise<Restoration> {
  switch (item.section) {
    case 'fleet': {
      const before = (await ports.fleet.inForce())?.generation ?? 0;
      if (before >= item.generation) return IDENTICAL;
      if (!dryRun) await ports.fleet.raise(item.generation);
      return RESTORED;
    }
    case 'secret':
      return restoreSecret(ports.secrets, item.name, new Secret(item.value), dryRun);
    case 'authority': {
      const { account } = item.dump;
      const key = account === null ? null : await present(ports.secrets, account.keyName);
      // Without a dry run it has come back before the account.
      const keyIsSame = key === null ? dryRun : (await digestOf(key)) === item.accountKeySha256;
      return ports.authority(item.name).restore(item.dump, keyIsSame, dryRun);
    }
    case 'zone':
      return ports.zone(item.name).restore(item.dump, dryRun);
    case 'certificate':
      if (item.dump.record.name !== item.name) throw new PerennialError('backup_item_invalid', `The item ${item.name} holds another certificate.`);
      if (!configured.has(item.name)) return kept('It is not in the configuration in force: deploy the certificates.toml that lists it, and import again.');
      return ports.certificate(item.name).restore(item.dump, dryRun);
  }
}

async function restoreSecret(store: SecretStore, name: string, secret: Secret, dryRun: boolean): Promise<Restoration> {
  const here = await present(store, name);
  if (here !== null) return here.reveal() === secret.reveal() ? IDENTICAL : kept('Another value is stored here.');
  if (!dryRun) await store.put(name, secret);
  return RESTORED;
}

async function present(store: SecretStore, name: string): Promise<Secret | null> {
  return (await store.has(name)) ? store.get(name) : null;
}
