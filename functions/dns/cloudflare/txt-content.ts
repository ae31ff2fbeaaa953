/**
 * The `content` of a TXT record at Cloudflare: quoted character-strings of at most 255 bytes (RFC 1035 §3.3.14, §5.1).
 * We always write quotes; what we read may lack them, because other clients and older records do.
 */
const MAX_STRING_BYTES = 255;

/** One value as quoted character-strings. Text beyond ASCII stays as it is; control characters become `\DDD`. */
export function quoteTxt(value: string): string {
  return characterStrings(value)
    .map((text) => `"${text.replaceAll(/["\\\p{Cc}]/gu, escape)}"`)
    .join(' ');
}

/** The value that `content` stands for: quoted strings unescaped and joined, anything else as it is. */
export function unquoteTxt(content: string): string {
  const strings = content.trim();
  if (!/^"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*$/s.test(strings)) return content;
  const bytes = [...strings.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].flatMap(([, text = '']) => unescape(text));
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(new Uint8Array(bytes));
}

function escape(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`;
  return [...new TextEncoder().encode(character)].map((byte) => `\\${String(byte).padStart(3, '0')}`).join('');
}

/** The bytes of one string: `\DDD` is a byte, any other escaped character itself. */
function unescape(text: string): number[] {
  const encoder = new TextEncoder();
  return [...text.matchAll(/\\(\d{3})|\\?(.)/gsu)].flatMap(([, code, character = '']) =>
    code === undefined ? [...encoder.encode(character)] : [Number(code) & 0xff],
  );
}

function characterStrings(value: string): string[] {
  const strings: string[] = [];
  let current = '';
  let bytes = 0;
  for (const character of value) {
    const size = new TextEncoder().encode(character).byteLength;
    if (bytes + size > MAX_STRING_BYTES) {
      strings.push(current);
      current = '';
      bytes = 0;
    }
    current += character;
    bytes += size;
  }
  return [...strings, current];
}
