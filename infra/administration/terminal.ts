/** Where a command speaks: results on standard output, everything else on standard error. */
import { createInterface } from 'node:readline/promises';

export interface Terminal {
  out: (text: string) => void;
  note: (text: string) => void;
  /** Whether somebody sits there who can answer. */
  interactive: boolean;
  /** One line that was typed; null when the input ended instead. */
  ask: (question: string) => Promise<string | null>;
}

export function processTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(`${text}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    interactive: stdin.isTTY && stderr.isTTY,
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr });
      const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
      const interrupted = new AbortController();
      lines.once('SIGINT', () => interrupted.abort());
      try {
        return await Promise.race([lines.question(question, { signal: interrupted.signal }), ended]);
      } catch {
        return null;
      } finally {
        lines.close();
      }
    },
  };
}

/** Asks, unless `--yes` has answered. Throws an Error where nobody can be asked. */
export async function agrees(terminal: Terminal, yes: boolean, question: string): Promise<boolean> {
  if (yes) return true;
  if (!terminal.interactive) throw new Error('Nobody can be asked here. If what is shown above is right, run it again with --yes.');
  const answer = await terminal.ask(`${question} [y/N] `);
  const agreed = /^y(es)?$/i.test(answer?.trim() ?? '');
  if (!agreed) terminal.note('Nothing was done.');
  return agreed;
}
