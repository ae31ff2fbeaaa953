/** The file of a backup: one JWE a line, one line for each part. Opening it checks that it is whole and of one backup. */
import { compactDecrypt, decodeProtectedHeader, errors, type CryptoKey } from 'jose';
import { backupPartSchema, type BackupItem, type BackupPart } from '../../functions/backup/document.ts';

export interface OpenedBackup {
  /** Unix ms of its first part. */
  at: number;
  items: BackupItem[];
}

/** Throws an Error that says what is wrong with the file; never with what it holds. */
export async function openBackup(text: string, { key, thumbprint }: { key: CryptoKey; thumbprint: string }): Promise<OpenedBackup> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new Error('The backup is empty.');
  const parts: BackupPart[] = [];
  // oxlint-disable-next-line no-await-in-loop -- what is wrong is said about the first line that is
  for (const [index, line] of lines.entries()) parts.push(await openPart(line.trim(), index + 1, key, thumbprint));
  const [first] = parts;
  for (const [index, part] of parts.entries()) {
    if (part.backup !== first?.backup) throw new Error(`Line ${index + 1} belongs to another backup.`);
    if (part.part !== index + 1) throw new Error(`Line ${index + 1} is part ${part.part} of the backup: the parts are not complete, or not in order.`);
    if (part.last !== (index === parts.length - 1)) throw new Error('The backup is not complete: its last part is missing.');
  }
  return { at: first?.at ?? 0, items: parts.flatMap(({ items }) => items) };
}

async function openPart(line: string, number: number, key: CryptoKey, thumbprint: string): Promise<BackupPart> {
  const where = `Line ${number} of the backup`;
  let plaintext: Uint8Array;
  try {
    const { kid } = decodeProtectedHeader(line);
    if (kid !== undefined && kid !== thumbprint) throw new Error(`${where} was made for another key (${kid.slice(0, 100)}) than this one (${thumbprint}).`);
    ({ plaintext } = await compactDecrypt(line, key, { keyManagementAlgorithms: ['ECDH-ES+A256KW'], contentEncryptionAlgorithms: ['A256GCM'] }));
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError || thrown instanceof TypeError) throw new Error(`${where} is damaged, or no backup at all.`, { cause: thrown });
    throw thrown;
  }
  const parsed = backupPartSchema.safeParse(JSON.parse(new TextDecoder().decode(plaintext)));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`${where} does not fit this release at ${issue?.path.map(String).join('.') ?? 'its root'}. Use the release that made it, or a newer one.`);
}
