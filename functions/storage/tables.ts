/**
 * Whole tables as plain rows, for a backup: every release of the schema dumps what it has, and takes in what it knows of a
 * dump. Columns that a dump lacks take their defaults; tables and columns that this release does not know are left out.
 */
import { MAX_TABLE_ROWS, tableNameSchema, tableRowSchema, type TableDump } from './table-dump.ts';

/** Never part of a dump: the schema's own version. */
const OWN = 'schema_version';

/** Every table but those in `without`. */
export function dumpTables(sql: SqlStorage, without: readonly string[]): TableDump {
  const { version } = sql.exec<{ version: number }>('SELECT version FROM schema_version').one();
  const tables: TableDump['tables'] = {};
  for (const table of tablesOf(sql, without))
    tables[table] = sql
      .exec(`SELECT * FROM ${table} LIMIT ${MAX_TABLE_ROWS}`)
      .toArray()
      .map((row) => tableRowSchema.parse(row));
  return { version, tables };
}

/** Adds the rows that are not here yet; a row with the same key stays as it is. @returns how many were added. */
export function addRows(sql: SqlStorage, { tables }: TableDump, without: readonly string[]): number {
  let added = 0;
  for (const table of tablesOf(sql, without)) {
    const columns = columnsOf(sql, table);
    for (const row of tables[table] ?? []) {
      const known = Object.entries(row).filter(([column]) => columns.includes(column));
      if (known.length > 0) added += addRow(sql, table, known);
    }
  }
  return added;
}

function addRow(sql: SqlStorage, table: string, row: readonly [string, string | number | null][]): number {
  const values = row.map(([, each]) => each);
  const same = row.map(([column]) => `${column} IS ?`).join(' AND ');
  if (sql.exec(`SELECT 1 FROM ${table} WHERE ${same} LIMIT 1`, ...values).toArray().length > 0) return 0;
  // Or ignore: another row with its key, or a dump that lacks what this schema must have.
  return sql
    .exec(
      `INSERT OR IGNORE INTO ${table} (${row.map(([column]) => column).join(', ')}) VALUES (${row.map(() => '?').join(', ')}) RETURNING 1 AS added`,
      ...values,
    )
    .toArray().length;
}

function tablesOf(sql: SqlStorage, without: readonly string[]): string[] {
  return sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .toArray()
    .map((row) => row.name)
    .filter((table) => tableNameSchema.safeParse(table).success && !table.startsWith('sqlite_') && table !== OWN && !without.includes(table));
}

/** Numbers that the table counts up itself say nothing in another database. */
function columnsOf(sql: SqlStorage, table: string): string[] {
  const counted = sql.exec("SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'", table).toArray().length > 0;
  return sql
    .exec<{ name: string; pk: number }>('SELECT name, pk FROM pragma_table_info(?)', table)
    .toArray()
    .filter((column) => !(counted && column.pk === 1))
    .map((column) => column.name);
}
