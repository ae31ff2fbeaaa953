/** Tables of FleetObject. Additive for one release; see `storage/schema.ts`. */
import type { Migration } from '../storage/schema.ts';

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    statements: [
      // Which configurations offered themselves, and when last. `generation` counts promotions.
      'CREATE TABLE sightings (hash TEXT PRIMARY KEY, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL)',
      'CREATE TABLE promotions (generation INTEGER PRIMARY KEY, hash TEXT NOT NULL, at INTEGER NOT NULL)',
      'CREATE TABLE configuration_parts (part INTEGER PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE specifications (name TEXT PRIMARY KEY, json TEXT NOT NULL)',
      // Calls to certificates that are still to be made; `action` is apply, retire or wake:<reason>.
      'CREATE TABLE work (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, action TEXT NOT NULL, generation INTEGER NOT NULL, attempts INTEGER NOT NULL, retry_at INTEGER NOT NULL)',
      'CREATE INDEX work_due ON work (retry_at, id)',
      'CREATE INDEX work_name ON work (name)',
      // One row per certificate. Lists read the narrow columns; the view is read for the rows of one page.
      `CREATE TABLE registry (name TEXT PRIMARY KEY, shown INTEGER NOT NULL, retired INTEGER NOT NULL, rank INTEGER NOT NULL, state TEXT NOT NULL, domains TEXT NOT NULL,
        not_after INTEGER, due_at INTEGER, wake_at INTEGER, touched_at INTEGER NOT NULL, reported_at INTEGER NOT NULL, sequence INTEGER NOT NULL)`,
      'CREATE INDEX registry_order ON registry (shown, rank, name)',
      'CREATE INDEX registry_due ON registry (shown, due_at)',
      'CREATE INDEX registry_wake ON registry (retired, wake_at)',
      'CREATE INDEX registry_touched ON registry (retired, touched_at)',
      'CREATE TABLE views (name TEXT PRIMARY KEY, json TEXT NOT NULL)',
      'CREATE TABLE tally (state TEXT PRIMARY KEY, count INTEGER NOT NULL)',
      'CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, certificate TEXT, sequence INTEGER, at INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, UNIQUE (certificate, sequence))',
      // Calls from outside: what was accepted, and what must not be accepted twice.
      'CREATE TABLE operations (id TEXT PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL)',
      'CREATE TABLE replays (id TEXT PRIMARY KEY, expires_at INTEGER NOT NULL)',
      'CREATE TABLE idempotency (key TEXT PRIMARY KEY, request TEXT NOT NULL, operation TEXT NOT NULL, expires_at INTEGER NOT NULL)',
      'CREATE TABLE forced (name TEXT PRIMARY KEY, at INTEGER NOT NULL)',
      'CREATE TABLE sign_ins (id INTEGER PRIMARY KEY AUTOINCREMENT, client TEXT NOT NULL, at INTEGER NOT NULL)',
      'CREATE TABLE relay_bundles (sha256 TEXT PRIMARY KEY, source TEXT NOT NULL, contract INTEGER NOT NULL, stored_at INTEGER NOT NULL, reported_at INTEGER NOT NULL)',
    ],
  },
  {
    version: 2,
    statements: [
      // The last report of every zone.
      'CREATE TABLE zones (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, at INTEGER NOT NULL, stopped INTEGER NOT NULL, json TEXT NOT NULL)',
      // Events of zones stand beside those of certificates.
      'ALTER TABLE events ADD COLUMN zone TEXT',
      "ALTER TABLE events ADD COLUMN severity TEXT NOT NULL DEFAULT 'info'",
      'CREATE UNIQUE INDEX events_of_zones ON events (zone, sequence, at) WHERE zone IS NOT NULL',
    ],
  },
  {
    version: 3,
    // The number of the last event that a certificate reported: an event that has left the log since must not come back.
    statements: ['ALTER TABLE registry ADD COLUMN events_up_to INTEGER NOT NULL DEFAULT 0'],
  },
];
