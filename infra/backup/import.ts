/**
 * `npm run import -- --origin <https://…> --key operator.jwk backup.jwe`: opens a backup on this machine, shows what would
 * come back, asks, and sends it to the Worker over TLS in bounded parts. It may be repeated; nothing is overwritten.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { IMPORT_BYTES, IMPORT_ITEMS, SECTIONS, type BackupItem } from '../../functions/backup/document.ts';
import { restorationSchema } from '../../shared/backup/restoration.ts';
import { Api } from '../administration/api.ts';
import { processTerminal } from '../administration/terminal.ts';
import { printable } from '../administration/text.ts';
import { keptAdminToken, workerOrigin } from '../setup/administrator.ts';
import { promptSecret } from '../setup/prompt.ts';
import { openBackup } from './backup-file.ts';
import { readPrivateKey } from './operator-key.ts';

const USAGE = 'usage: npm run import -- --origin <https://…> --key <operator.jwk> [--yes] <backup.jwe>\n';

/** An object that is worked on is asked again this often and this long. */
const BUSY_WAIT_MS = 1_000;
const BUSY_TRIES = 60;

const answerSchema = z.object({ items: z.array(restorationSchema.extend({ section: z.enum(SECTIONS), name: z.string() })) });
export type ImportedItem = z.infer<typeof answerSchema>['items'][number];

/** Sends all items in order. What is busy comes again before anything behind it is sent. @returns one answer for each. */
export async function bringBack(
  api: Pick<Api, 'post'>,
  items: readonly BackupItem[],
  dryRun: boolean,
  wait: () => Promise<unknown> = () => sleep(BUSY_WAIT_MS),
): Promise<ImportedItem[]> {
  const done: ImportedItem[] = [];
  for (const part of partsOf(items)) {
    let open: readonly BackupItem[] = part;
    for (let tries = 1; open.length > 0; tries += 1) {
      // oxlint-disable-next-line no-await-in-loop -- what an item needs comes before it
      const { items: answers } = await api.post('/api/v1/import', { dryRun, items: open }, answerSchema);
      const again = dryRun || tries >= BUSY_TRIES ? [] : answers.filter(({ outcome }) => outcome === 'busy');
      done.push(...answers.filter((answer) => !again.includes(answer)));
      open = open.filter(({ section, name }) => again.some((answer) => answer.section === section && answer.name === name));
      // oxlint-disable-next-line no-await-in-loop
      if (open.length > 0) await wait();
    }
  }
  return done;
}

/** Within what one request may bring; sections that later ones need end a part. */
function partsOf(items: readonly BackupItem[]): BackupItem[][] {
  const parts: BackupItem[][] = [];
  let size = 0;
  for (const item of SECTIONS.flatMap((section) => items.filter((each) => each.section === section))) {
    const bytes = Buffer.byteLength(JSON.stringify(item));
    const current = parts.at(-1);
    if (current === undefined || current[0]?.section !== item.section || current.length >= IMPORT_ITEMS || size + bytes > IMPORT_BYTES / 2) {
      parts.push([item]);
      size = bytes;
    } else {
      current.push(item);
      size += bytes;
    }
  }
  return parts;
}

/** What came of it, for people: counts, and every item that was not simply brought back. */
export function describe(items: readonly ImportedItem[], planned: boolean): string {
  const lines = SECTIONS.filter((section) => section !== 'fleet').map((section) => {
    const of = items.filter((item) => item.section === section);
    const count = (outcome: ImportedItem['outcome']) => of.filter((item) => item.outcome === outcome).length;
    const busy = count('busy');
    return `  ${TITLE[section].padEnd(14)}${count('restored')} ${planned ? 'to bring back' : 'brought back'}, ${count('identical')} here already, ${count('kept')} kept as they are here${busy === 0 ? '' : `, ${busy} being worked on`}`;
  });
  const special = items.filter(({ outcome }) => outcome === 'kept' || (outcome === 'busy' && !planned));
  return [...lines, ...special.map(({ section, name, outcome, reason }) => `  ${outcome}: ${section} ${name}: ${reason ?? ''}`)]
    .map((line) => printable(line))
    .join('\n');
}

const TITLE = { fleet: 'fleet', secret: 'secrets', authority: 'CA accounts', zone: 'zones', certificate: 'certificates' } as const;

const statusSchema = z.object({ setupProblems: z.array(z.object({ what: z.string(), command: z.string() })).default([]) });

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { origin: { type: 'string' }, key: { type: 'string' }, yes: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  const [file] = positionals;
  if (values.help === true) return (process.stdout.write(USAGE), 0);
  if (file === undefined || positionals.length > 1 || values.key === undefined) throw new Error(USAGE.trimEnd());
  const origin = workerOrigin(values.origin, process.env);
  const backup = await openBackup(readFileSync(file, 'utf8'), await readPrivateKey(values.key));
  const terminal = processTerminal();
  const adminToken = keptAdminToken(process.env) ?? (await promptSecret('Administrator token: ')).trim();
  const api = new Api({ origin, adminToken, fetch });
  const hold = (await api.get('/api/v1/status', statusSchema)).setupProblems.some(({ what }) => what.startsWith('HOLD '));

  terminal.note(`The backup of ${new Date(backup.at).toISOString()} at ${new URL(origin).host}:\n${describe(await bringBack(api, backup.items, true), true)}`);
  if (!hold) terminal.note('The Worker is not on hold: what it has begun by itself since its start stays as it is. docs/backup.md says when that matters.');
  if (values.yes !== true) {
    const answer = terminal.interactive ? await terminal.ask('Bring it back? [y/N] ') : null;
    if (answer === null || !/^y(es)?$/i.test(answer.trim())) {
      terminal.note(`Nothing was changed.${terminal.interactive ? '' : ' Answer with --yes where nobody can be asked.'}`);
      return 1;
    }
  }
  const items = await bringBack(api, backup.items, false);
  terminal.out(`Done.\n${describe(items, false)}`);
  if (hold) terminal.out('The Worker is on hold. When this looks right, let it go on: npm run deploy');
  return items.some(({ outcome }) => outcome === 'busy') ? 1 : 0;
}

if (import.meta.main) {
  try {
    process.exitCode = await main();
  } catch (thrown) {
    process.stderr.write(`${thrown instanceof Error ? thrown.message : 'It failed.'}\n`);
    process.exitCode = 1;
  }
}
