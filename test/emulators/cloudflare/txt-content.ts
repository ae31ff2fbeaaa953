/**
 * The `content` of a TXT record: character-strings in quotes (RFC 1035 §5.1), or bare text, which the API still takes.
 * The API stores what it was sent; only the dashboard adds quotes.
 */
import { characterStrings } from '../dns/records.ts';
import { RecordRejected } from './failure.ts';

/** The strings as they go to DNS. A quoted string over 255 bytes is split, as the vendor documents. */
export function txtStrings(content: string): string[] {
  if (!content.startsWith('"')) return characterStrings(content);
  return quotedStrings(content).flatMap(characterStrings);
}

function quotedStrings(content: string): string[] {
  const strings: string[] = [];
  let rest = content;
  while (rest !== '') {
    const match = /^"((?:[^"\\]|\\.)*)"(?:\s+|$)/s.exec(rest);
    if (match === null) throw new RecordRejected(9208, 'Content for TXT record has unbalanced quotation marks.');
    strings.push(unescaped(match[1] ?? ''));
    rest = rest.slice(match[0].length);
  }
  return strings;
}

/** `\DDD` is a byte, any other escaped character itself; bytes together are read as UTF-8. */
function unescaped(text: string): string {
  const parts = text.split(/\\(\d{3}|.)/s);
  // Odd places hold what followed a backslash.
  return Buffer.concat(parts.map((part, index) => (index % 2 === 1 && part.length === 3 ? Buffer.from([Number(part) & 0xff]) : Buffer.from(part)))).toString();
}
