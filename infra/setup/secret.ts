/**
 * `npm run secret -- <name> [--origin <https://…>]`: stores one secret through the Worker's administration API. The
 * value comes from standard input or a prompt without echo, never from the command line, where others could read it.
 * Needs the Worker's address (`--origin` or PERENNIAL_ORIGIN) and ADMIN_TOKEN (or `.perennial/admin-token`).
 */
import { parseArgs } from 'node:util';
import { refusalSchema } from '../../shared/relay/contract.ts';
import { keptAdminToken, refuseClearText, workerOrigin } from './administrator.ts';
import { promptSecret } from './prompt.ts';

const DEADLINE_MS = 30_000;

export interface StoreSecretOptions {
  name: string;
  value: string;
  origin: string;
  adminToken: string;
  fetch: typeof fetch;
}

/** Throws an Error that says what to do; never with the value or the token in it. */
export async function storeSecret({ name, value, origin, adminToken, fetch }: StoreSecretOptions): Promise<void> {
  const url = new URL(origin);
  refuseClearText(origin);
  if (value === '') throw new Error('The value is empty.');
  let response: Response;
  try {
    response = await fetch(new URL(`/api/v1/secrets/${encodeURIComponent(name)}`, url), {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ value }),
      redirect: 'error',
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
  } catch (cause) {
    throw new Error(`${url.origin} could not be reached. Is the Worker deployed there?`, { cause });
  }
  if (response.ok) return;
  const refusal = refusalSchema.safeParse(await response.json().catch(() => null));
  throw new Error(refusal.success ? `${refusal.data.error.message} ${refusal.data.error.hint ?? ''}`.trim() : `${url.origin} answered ${response.status}.`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { origin: { type: 'string' } } });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1)
    throw new Error('usage: npm run secret -- <name> [--origin <https://…>]   (the value is read from standard input)');
  if (!/^[a-z0-9][a-z0-9-]{0,62}$/.test(name))
    throw new Error('The name of a secret has up to 63 lower-case letters, digits and hyphens: what stands behind "secret:" in certificates.toml.');
  const origin = workerOrigin(values.origin, process.env);
  const adminToken = keptAdminToken(process.env);
  if (adminToken === undefined)
    throw new Error('Give the administrator token in ADMIN_TOKEN, or run npm run setup, which keeps one in .perennial/admin-token.');
  await storeSecret({ name, value: await promptSecret(`Value of ${name}: `), origin, adminToken, fetch });
  process.stdout.write(`Stored ${name}. It cannot be read back; certificates.toml refers to it as "secret:${name}".\n`);
}

if (import.meta.main) {
  try {
    await main();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : 'It failed.'}\n`);
    process.exitCode = 1;
  }
}
