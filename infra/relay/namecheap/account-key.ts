/** Where the key of a Namecheap account comes from: an item of a Nomad variable, or a file; read anew for every call. */
import { readFile } from 'node:fs/promises';
import type { PerennialError } from '../../../shared/errors.ts';
import { namecheapError } from '../../../shared/namecheap/failures.ts';
import type { VariableStore } from '../nomad/variables.ts';
import type { NamecheapAccount } from './account.ts';

/** At least 8 characters, so that a reply can be searched for it; the vendor's have 32. */
const KEY = /^[\x21-\x7e]{8,100}$/;

/** Throws `namecheap_key_missing` with where it belongs, and what Nomad throws. Quotes nothing of what it finds. */
export async function readAccountKey({ account, key }: NamecheapAccount, variables: VariableStore, signal: AbortSignal): Promise<string> {
  const text =
    'file' in key
      ? await readFile(key.file, 'utf8').catch(() => null)
      : ((await variables.read({ path: key.variable, namespace: key.namespace }, signal))?.items[key.item] ?? null);
  const trimmed = text?.trim();
  if (trimmed !== undefined && KEY.test(trimmed)) return trimmed;
  const where = 'file' in key ? `the file ${key.file}` : `item ${key.item} of the variable ${key.variable}`;
  throw missing(account, where, trimmed === undefined ? 'is not there' : 'is not a key', key);
}

function missing(account: string, where: string, what: string, key: NamecheapAccount['key']): PerennialError {
  const command = 'file' in key ? '' : ` nomad var put -namespace ${key.namespace} ${key.variable} ${key.item}=@<file with the key>`;
  return namecheapError('namecheap_key_missing', `The key of the Namecheap account ${account} (${where}) ${what}.`, {
    retryable: true,
    hint: `Put the API key of the account there.${command}`,
  });
}
