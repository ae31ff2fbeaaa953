/** Where the Worker is and who asks: what every command that calls the administration API needs. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isLoopback } from '../../functions/config/values.ts';
import { ROOT } from '../build/source.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** The Worker's address: `--origin`, or PERENNIAL_ORIGIN. Throws an Error that says what to write. */
export function workerOrigin(typed: string | undefined, environment: Variables): string {
  const origin = typed ?? environment['PERENNIAL_ORIGIN'];
  if (origin === undefined || !URL.canParse(origin)) throw new Error('Say where the Worker is: --origin https://… or PERENNIAL_ORIGIN.');
  return origin;
}

/** Throws an Error unless what is sent there cannot be read on the way. */
export function refuseClearText(origin: string): void {
  const url = new URL(origin);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw new Error(`${url.origin} is not https; a secret does not travel in the clear.`);
}

/** ADMIN_TOKEN, or what `npm run setup` keeps in `.perennial/admin-token`. */
export function keptAdminToken(environment: Variables): string | undefined {
  const file = join(ROOT, '.perennial', 'admin-token');
  const token = environment['ADMIN_TOKEN'] ?? (existsSync(file) ? readFileSync(file, 'utf8') : undefined);
  return token === undefined || token.trim() === '' ? undefined : token.trim();
}
