/** Reads a value without showing it: from a pipe, or from the keyboard with the echo off. */
import { text } from 'node:stream/consumers';

export async function promptSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return (await text(stdin)).replace(/\r?\n$/, '');
  stderr.write(question);
  stdin.setRawMode(true);
  let value = '';
  try {
    // Left as it is afterwards: another question may follow.
    for await (const chunk of stdin.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      for (const character of String(chunk)) {
        if (character === '\u0003') throw new Error('Interrupted; nothing was stored.');
        if (character === '\r' || character === '\n' || character === '\u0004') return value;
        if (character === '\u007F' || character === '\b') value = value.slice(0, -1);
        else value += character;
      }
    }
    return value;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
