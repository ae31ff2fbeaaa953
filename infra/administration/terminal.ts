/** Where the command speaks: results on standard output, everything else on standard error. */
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
