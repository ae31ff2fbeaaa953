/** `.perennial/`: what must not leave this machine, readable by its owner alone. Nothing in it is ever overwritten. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Kept {
  path: string;
  text: string;
  /** False when the file was there before and was kept. */
  made: boolean;
}

/** Writes the file with mode 0600, or keeps and returns the one that is there. */
export async function keepOnce(folder: string, name: string, make: () => string | Promise<string>): Promise<Kept> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const text = await make();
  try {
    writeFileSync(path, `${text}\n`, { mode: 0o600, flag: 'wx' });
    return { path, text, made: true };
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return { path, text: readFileSync(path, 'utf8').trim(), made: false };
    throw thrown;
  }
}
