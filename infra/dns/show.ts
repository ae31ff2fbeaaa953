/** How zones, plans and differences look in a terminal. */
import type { z } from 'zod';
import { declaredSummary, providerName, zoneIsFailing } from '../../functions/web/pages/zone-model.ts';
import type { ListedZone, planAnswer, recordsAnswer, snapshotsAnswer, Zone } from './answers.ts';
import { moment } from '../../shared/moment.ts';
import { count, printable, table } from '../administration/text.ts';

type Plan = NonNullable<z.infer<typeof planAnswer>['plan']>;
type PlannedRecord = Plan['records'][number];

const SIGN: Readonly<Record<PlannedRecord['action'], string>> = { conflict: '!', held: '?', remove: '-', correct: '~', add: '+', adopt: '=', keep: ' ' };
const ORDER = Object.keys(SIGN);

export function zonesText(zones: readonly ListedZone[]): string {
  if (zones.length === 0) return 'No zone has been written to yet.';
  const rows = zones.map(({ zoneName, provider, health }) => [
    zoneName,
    providerName(provider),
    stateOf(health),
    health.lastSuccessAt === null ? 'never' : moment(health.lastSuccessAt),
    declaredText(health),
  ]);
  const notes = zones.flatMap(({ zoneName, health }) => notesOf(zoneName, health));
  return [table(['ZONE', 'VENDOR', 'STATE', 'LAST CHANGE', 'DECLARED'], rows), ...notes].join('\n\n');
}

function stateOf(health: ListedZone['health']): string {
  if (health.stopped !== null) return 'STOPPED';
  if (zoneIsFailing(health)) return 'refuses changes';
  if (health.waiting !== null) return 'waiting';
  return health.lastSuccessAt === null && health.live === 0 ? 'not used yet' : 'well';
}

function declaredText({ declared }: ListedZone['health']): string {
  return declared === null ? '-' : `${declaredSummary(declared)}${declared.approved ? '' : ' (not approved)'}`;
}

/** What does not fit into a row: why a zone stands still, and what to do. */
function notesOf(zoneName: string, health: ListedZone['health']): string[] {
  const { stopped, lastError, waiting } = health;
  if (stopped !== null) return [stoppedText(zoneName, stopped)];
  return [
    ...(zoneIsFailing(health) && lastError !== null
      ? [`${zoneName}: ${printable(lastError.error.message)} ${printable(lastError.error.hint ?? '')}`.trim()]
      : []),
    ...(waiting === null ? [] : [`${zoneName} waits until ${moment(waiting.until)}: ${printable(waiting.reason)}`]),
  ];
}

export function stoppedText(zoneName: string, stopped: NonNullable<ListedZone['health']['stopped']>): string {
  return [
    `${zoneName} is stopped since ${moment(stopped.at)}: ${printable(stopped.message)}`,
    ...stopped.lines.map((line) => `  ${printable(line)}`),
    `Put it back as it was:      ${printable(stopped.command)}`,
    `Leave it as it is, go on:   npm run dns -- release ${zoneName}`,
  ].join('\n');
}

export function recordsText({ zone, records }: z.infer<typeof recordsAnswer>): string {
  if (records.length === 0) return `${titleOf(zone)}\nNothing of ours stands here.`;
  const rows = records.map((record) => [record.state, record.atVendor, record.type, record.name, record.owner, record.value]);
  const off = records.filter(({ state, atVendor }) => (state === 'written' && atVendor !== 'present') || atVendor === 'different').length;
  const verdict = off === 0 ? 'All as we believe.' : `${count(off, 'record')} not as we believe; what is ours is put right by itself.`;
  return [titleOf(zone), table(['LEDGER', 'AT VENDOR', 'TYPE', 'NAME', 'OWNER', 'VALUE'], rows), verdict].join('\n');
}

export function planText(zone: Zone, plan: Plan | null): string {
  if (plan === null) return `${titleOf(zone)}\nNothing is declared here.`;
  const lines = plan.records
    .toSorted((a, b) => ORDER.indexOf(a.action) - ORDER.indexOf(b.action))
    .flatMap((record) => [
      `  ${SIGN[record.action]} ${printable(`${record.type} ${record.name} ${record.value}`).trimEnd()}`,
      ...(record.found === null || record.found === record.value ? [] : [`      now: ${printable(record.found)}`]),
      ...(record.why === null ? [] : [`      ${printable(record.why)}`]),
    ]);
  return [titleOf(zone), ...lines, `  ${tallyOf(plan)}`].join('\n');
}

function tallyOf({ records }: Plan): string {
  const words: Readonly<Record<string, string>> = {
    add: 'to add',
    correct: 'to correct',
    remove: 'to remove',
    adopt: 'to take over',
    conflict: 'in conflict (they stay as they are)',
    held: 'held (they stay as they are)',
    keep: 'as declared',
  };
  const parts = Object.entries(words).flatMap(([action, word]) => {
    const amount = records.filter((record) => record.action === action).length;
    return amount === 0 ? [] : [`${amount} ${word}`];
  });
  return `${parts.join(', ')}.`;
}

export function snapshotsText({ zone, snapshots }: z.infer<typeof snapshotsAnswer>): string {
  if (snapshots.length === 0) return `${titleOf(zone)}\nThere are no snapshots: they are kept where a vendor replaces whole zones.`;
  const rows = snapshots.map(({ id, at, rows: amount, emailType, reason }) => [String(id), moment(at), String(amount), emailType, reason]);
  return [titleOf(zone), table(['SNAPSHOT', 'TAKEN', 'ROWS', 'MAIL', 'WHY'], rows)].join('\n');
}

/** Exactly what restoring would do. */
export function differenceText(lines: readonly string[]): string {
  return lines.map((line) => `  ${printable(line)}`).join('\n');
}

function titleOf({ zoneName, provider }: Zone): string {
  return `${zoneName} (${providerName(provider)})`;
}
