/** The relay's own signing key: from an item of a Nomad variable, or from a file. */
import { readFile } from 'node:fs/promises';
import { PerennialError } from '../../shared/errors.ts';
import { privateKeySchema } from '../../shared/link/signatures.ts';
import type { PrivateKey } from '../../shared/link/signatures.ts';
import type { Law } from './law.ts';
import type { VariableStore } from './nomad/variables.ts';

/** Throws `relay_identity_missing`, `relay_identity_invalid`, and what Nomad throws. */
export async function readIdentity(source: Law['identity'], variables: VariableStore): Promise<PrivateKey> {
  const where = 'file' in source ? source.file : `item ${source.item} of the variable ${source.variable}`;
  const text =
    'file' in source
      ? await readFile(source.file, 'utf8').catch(() => null)
      : ((await variables.read({ path: source.variable, namespace: source.namespace }))?.items[source.item] ?? null);
  if (text === null) {
    throw new PerennialError('relay_identity_missing', `The relay's key is not there: ${where}.`, {
      retryable: true,
      hint: 'npm run setup makes it; see infra/nomad/README.md.',
    });
  }
  try {
    return privateKeySchema.parse(JSON.parse(text));
  } catch {
    // Without the cause: it may quote the key.
    throw new PerennialError('relay_identity_invalid', `The relay's key (${where}) is not an Ed25519 private JWK with kid, x and d.`, {
      hint: 'npm run setup makes one.',
    });
  }
}
