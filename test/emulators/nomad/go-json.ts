/**
 * Go's `encoding/json` as callers meet it: which text it refuses and in which words. A decoder reads one value and
 * ignores what follows it.
 */

/** Parses the first JSON value of `text`. @throws {Error} in Go's wording. */
export function decodeFirstValue(text: string): unknown {
  const end = skipValue(text, skipSpace(text, 0), 'looking for beginning of value');
  return JSON.parse(text.slice(0, end));
}

class GoSyntaxError extends Error {}

function unexpected(text: string, at: number, context: string): GoSyntaxError {
  const character = text[at];
  return new GoSyntaxError(character === undefined ? 'unexpected EOF' : `invalid character ${quoted(character)} ${context}`);
}

function quoted(character: string): string {
  if (character === "'") return String.raw`'\''`;
  return character === '"' ? `'"'` : `'${JSON.stringify(character).slice(1, -1)}'`;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (' \t\r\n'.includes(text[at] ?? 'x')) at += 1;
  return at;
}

function skipValue(text: string, at: number, context: string): number {
  const first = text[at] ?? '';
  if (first === '{') return skipObject(text, at);
  if (first === '[') return skipList(text, at);
  if (first === '"') return skipString(text, at);
  const literal = ['true', 'false', 'null'].find((word) => word.startsWith(first) && first !== '');
  if (literal !== undefined) return skipLiteral(text, at, literal);
  const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/.exec(text.slice(at))?.[0] ?? '';
  if (number === '') throw unexpected(text, at, context);
  return at + number.length;
}

function skipLiteral(text: string, from: number, literal: string): number {
  for (let offset = 0; offset < literal.length; offset += 1) {
    if (text[from + offset] !== literal[offset]) throw unexpected(text, from + offset, `in literal ${literal} (expecting '${literal[offset] ?? ''}')`);
  }
  return from + literal.length;
}

function skipString(text: string, from: number): number {
  for (let at = from + 1; ; at += 1) {
    const character = text[at];
    if (character === '"') return at + 1;
    if (character === undefined) throw unexpected(text, at, '');
    if (character < ' ') throw unexpected(text, at, 'in string literal');
    if (character !== '\\') continue;
    at += 1;
    if (!'"\\/bfnrtu'.includes(text[at] ?? 'x')) throw unexpected(text, at, 'in string escape code');
    if (text[at] === 'u' && !/^[0-9a-fA-F]{4}/.test(text.slice(at + 1))) throw unexpected(text, at + 1, String.raw`in \u hexadecimal character escape`);
  }
}

function skipObject(text: string, from: number): number {
  let at = skipSpace(text, from + 1);
  if (text[at] === '}') return at + 1;
  for (;;) {
    if (text[at] !== '"') throw unexpected(text, at, 'looking for beginning of object key string');
    at = skipSpace(text, skipString(text, at));
    if (text[at] !== ':') throw unexpected(text, at, 'after object key');
    at = skipSpace(text, skipValue(text, skipSpace(text, at + 1), 'looking for beginning of value'));
    if (text[at] === '}') return at + 1;
    if (text[at] !== ',') throw unexpected(text, at, 'after object key:value pair');
    at = skipSpace(text, at + 1);
  }
}

function skipList(text: string, from: number): number {
  let at = skipSpace(text, from + 1);
  if (text[at] === ']') return at + 1;
  for (;;) {
    at = skipSpace(text, skipValue(text, at, 'looking for beginning of value'));
    if (text[at] === ']') return at + 1;
    if (text[at] !== ',') throw unexpected(text, at, 'after array element');
    at = skipSpace(text, at + 1);
  }
}
