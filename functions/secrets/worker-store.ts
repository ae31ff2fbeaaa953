/** Secrets as bindings of the Worker, read-only: `cloudflare-token` is the Worker secret `SECRET_CLOUDFLARE_TOKEN`. */
import { PerennialError } from '../../shared/errors.ts';
import { Secret } from './secret.ts';
import { checkName, notFound, type SecretStore } from './store.ts';

const PREFIX = 'SECRET_';

export function createWorkerStore(bindings: Readonly<Record<string, unknown>>): SecretStore {
  const valueOf = (name: string): string | null => {
    checkName(name);
    const value = bindings[`${PREFIX}${name.toUpperCase().replaceAll('-', '_')}`];
    return typeof value === 'string' && value !== '' ? value : null;
  };
  const refuse = async (name: string): Promise<never> => {
    checkName(name);
    throw new PerennialError('secret_store_read_only', 'Secrets are bindings of the Worker and cannot be changed from inside.', {
      hint: `Set it with: npx wrangler secret put ${PREFIX}${name.toUpperCase().replaceAll('-', '_')}`,
    });
  };
  return {
    put: refuse,
    remove: refuse,
    async get(name) {
      const value = valueOf(name);
      if (value === null) throw notFound(name);
      return new Secret(value);
    },
    has: async (name) => valueOf(name) !== null,
    list: async () =>
      Object.keys(bindings)
        .filter((binding) => binding.startsWith(PREFIX))
        .map((binding) => binding.slice(PREFIX.length).toLowerCase().replaceAll('_', '-'))
        .toSorted(),
  };
}
