/**
 * The `content` of a TXT record at Cloudflare: quoted character-strings of at most 255 bytes (RFC 1035 §3.3.14, §5.1).
 * We always write quotes; what we read may lack them, because other clients and older records do.
 */
const MAX_STRING_BYTES = 255;

/** One value as quoted character-strings. */
export function quoteTxt(value: string): string {
  return characterStrings(value)
    .map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`)
    .join(' ');
}

/** The value that `content` stands for: quoted strings unescaped and joined, anything else as it is. */
export function unquoteTxt(content: string): string {
  const strings = content.trim();
  if (!/^"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*$/s.test(strings)) return content;
  return [...strings.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, text = '']) => unescape(text)).join('');
}

function unescape(text: string): string {
  return text.replaceAll(/\\(\d{3}|.)/gs, (_, escaped: string) => (escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped));
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
