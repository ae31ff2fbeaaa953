/**
 * `POST /api/v1/export`: one part of a backup, encrypted to the operator's key before it leaves. Read-only, and resumable:
 * the caller sends back where the next part begins.
 */
import { z } from 'zod';
import type { Clock } from '../../shared/clock.ts';
import { BACKUP_VERSION, SECTIONS, cursorSchema, type BackupItem, type BackupPart, type Cursor, type Section } from './document.ts';
import { digestOf } from './digest.ts';
import type { BackupPorts } from './ports.ts';
import { recipientSchema, sealerFor } from './recipient.ts';

/** Items of one part: each is a call to another object, and an invocation has a limited number of them. */
const PART_ITEMS = 40;
/** A part ends with the item that takes it past this many characters. */
const PART_CHARACTERS = 1_000_000;
const PARALLEL = 10;

export const exportRequestSchema = z.strictObject({ recipient: recipientSchema, cursor: cursorSchema.nullable() });
export type ExportRequest = z.infer<typeof exportRequestSchema>;

export interface ExportAnswer {
  /** JWE compact serialization; its plaintext is one {@link BackupPart}. */
  part: string;
  /** Null: this was the last one. */
  next: Cursor | null;
  counts: Record<Section, number>;
}

interface ExportDeps {
  ports: BackupPorts;
  clock: Clock;
  newId: () => string;
  /** Thumbprint of the only key that backups are made for, or null. */
  only: string | null;
}

/** Throws `backup_recipient_*`, and what the SecretStore and the objects throw: a part is whole or not at all. */
export async function exportPart({ recipient, cursor }: ExportRequest, { ports, clock, newId, only }: ExportDeps): Promise<ExportAnswer> {
  const sealer = await sealerFor(recipient, only);
  const from = cursor ?? { backup: newId(), part: 1, section: SECTIONS[0], after: '' };
  if (from.part === 1) await ports.fleet.note('exported', `A backup with every secret was made for the key ${sealer.thumbprint}.`);
  const items: BackupItem[] = [];
  let characters = 0;
  let { section, after } = from;
  let next: Cursor | null = null;
  while (next === null) {
    const room = PART_ITEMS - items.length;
    // oxlint-disable-next-line no-await-in-loop -- a section begins where the one before it ends
    const names = await namesOf(ports, section, after, room + 1);
    const batch = names.slice(0, Math.min(room, PARALLEL));
    // oxlint-disable-next-line no-await-in-loop
    const read = await Promise.all(batch.map((name) => itemOf(ports, section, name)));
    const found = read.filter((item) => item !== null);
    // oxlint-disable-next-line no-await-in-loop
    for (const item of [...(await unreportedZones(ports, items, found)), ...found]) {
      items.push(item);
      characters += JSON.stringify(item).length;
    }
    after = batch.at(-1) ?? after;
    if (names.length === batch.length) {
      const following = SECTIONS[SECTIONS.indexOf(section) + 1];
      if (following === undefined) break;
      section = following;
      after = '';
    }
    if (items.length >= PART_ITEMS || characters >= PART_CHARACTERS) next = { backup: from.backup, part: from.part + 1, section, after };
  }
  const part: BackupPart = { version: BACKUP_VERSION, backup: from.backup, part: from.part, last: next === null, at: clock(), items };
  return { part: await sealer.encrypt(JSON.stringify(part)), next, counts: countsOf(items) };
}

/** Names of a section behind `after`, in order, at most `limit`. */
async function namesOf(ports: BackupPorts, section: Section, after: string, limit: number): Promise<string[]> {
  if (section === 'certificate') return ports.fleet.certificates(after, limit);
  const all = await {
    fleet: async () => ['fleet'],
    secret: () => ports.secrets.list(),
    authority: () => ports.directories(),
    zone: () => ports.fleet.zones(),
  }[section]();
  return [...new Set(all)]
    .filter((name) => name > after)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .slice(0, limit);
}

/**
 * Zones with records of open issuances that the fleet has yet to hear of: a zone tells it some seconds after its first use.
 * What is in such a zone must not be forgotten either.
 */
async function unreportedZones(ports: BackupPorts, items: readonly BackupItem[], found: readonly BackupItem[]): Promise<BackupItem[]> {
  const written = found.flatMap((item) => (item.section === 'certificate' && item.dump.issuance?.cleaned === false ? item.dump.issuance.placed : []));
  if (written.length === 0) return [];
  const known = new Set([...(await ports.fleet.zones()), ...items.filter(({ section }) => section === 'zone').map(({ name }) => name)]);
  const names = new Set(written.flatMap(({ provider, zoneId }) => (provider === undefined ? [] : [`${provider}:${zoneId}`])));
  const read = await Promise.all([...names].filter((name) => !known.has(name)).map((name) => itemOf(ports, 'zone', name)));
  return read.filter((item) => item !== null);
}

/** Null for what has nothing to be kept. */
async function itemOf(ports: BackupPorts, section: Section, name: string): Promise<BackupItem | null> {
  switch (section) {
    case 'fleet': {
      const inForce = await ports.fleet.inForce();
      return inForce === null ? null : { section, name: 'fleet', ...inForce };
    }
    case 'secret':
      return { section, name, value: (await ports.secrets.get(name)).reveal() };
    case 'authority': {
      const dump = await ports.authority(name).dump();
      const accountKeySha256 = dump.account === null ? null : await digestOf(await ports.secrets.get(dump.account.keyName));
      return { section, name, accountKeySha256, dump };
    }
    case 'zone': {
      const dump = await ports.zone(name).dump();
      return dump === null ? null : { section, name, dump };
    }
    case 'certificate': {
      const dump = await ports.certificate(name).dump();
      return dump === null ? null : { section, name, dump };
    }
  }
}

function countsOf(items: readonly BackupItem[]): Record<Section, number> {
  const counts: Record<Section, number> = { fleet: 0, secret: 0, authority: 0, zone: 0, certificate: 0 };
  for (const { section } of items) counts[section] += 1;
  return counts;
}
