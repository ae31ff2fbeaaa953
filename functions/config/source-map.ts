/**
 * Where each key and value of a TOML text stands (TOML 1.0). The parser gives values without places, so this walks the
 * text a second time. It expects text that the parser has accepted, and stops quietly at anything it cannot follow:
 * a place is then missing, never wrong data.
 */
import type { Path } from './findings.ts';

interface Place {
  key: number;
  value: number;
}

export interface SourcePosition {
  line: number;
  column: number;
}

const BARE = /[A-Za-z0-9_-]/;
/** Deeper nesting is refused by the parser; the walk follows suit. */
const MAX_DEPTH = 40;

export class SourceMap {
  readonly #text: string;
  readonly #places = new Map<string, Place>();
  /** Next index of each array of tables. */
  readonly #counts = new Map<string, number>();
  readonly #lineStarts: number[] = [0];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) this.#lineStarts.push(index + 1);
    this.#document();
  }

  /** The place of `path`, or of the nearest enclosing block that stands in the text; empty when none does. */
  locate(path: Path, at: 'key' | 'value'): SourcePosition | Record<string, never> {
    for (let length = path.length; length > 0; length -= 1) {
      const place = this.#places.get(id(path.slice(0, length)));
      if (place === undefined) continue;
      // A single value stands for a list of one: its index has no place of its own.
      const wanted = length === path.length ? at : typeof path[length] === 'number' ? 'value' : 'key';
      return this.#position(place[wanted]);
    }
    return {};
  }

  #position(offset: number): SourcePosition {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  #document(): void {
    let table: Path = [];
    for (;;) {
      this.#skip(true);
      if (this.#at >= this.#text.length) return;
      const before = this.#at;
      if (this.#peek() === '[') table = this.#header();
      else this.#pair(table, 0);
      if (this.#at === before) return;
    }
  }

  #header(): Path {
    const isArray = this.#text.startsWith('[[', this.#at);
    this.#at += isArray ? 2 : 1;
    this.#skip(false);
    const start = this.#at;
    const keys = this.#dottedKey();
    let path: Path = [];
    for (const [index, key] of keys.entries()) {
      path = [...path, key];
      const count = this.#counts.get(id(path));
      if (isArray && index === keys.length - 1) {
        this.#counts.set(id(path), (count ?? 0) + 1);
        this.#record(path, start, start);
        path = [...path, count ?? 0];
      } else if (count !== undefined) path = [...path, count - 1];
      this.#record(path, start, start);
    }
    this.#skip(false);
    this.#at += isArray ? 2 : 1;
    return path;
  }

  #pair(table: Path, depth: number): void {
    const start = this.#at;
    const path = [...table, ...this.#dottedKey()];
    this.#skip(false);
    if (this.#peek() !== '=') return;
    this.#at += 1;
    this.#skip(false);
    for (let length = table.length + 1; length < path.length; length += 1) this.#record(path.slice(0, length), start, start);
    this.#record(path, start, this.#at);
    this.#value(path, depth);
  }

  #value(path: Path, depth: number): void {
    if (depth > MAX_DEPTH) return;
    const first = this.#peek();
    if (first === '"' || first === "'") this.#string();
    else if (first === '[') this.#array(path, depth);
    else if (first === '{') this.#inlineTable(path, depth);
    else while (this.#at < this.#text.length && !/[,\]}#\n]/.test(this.#peek())) this.#at += 1;
  }

  #array(path: Path, depth: number): void {
    this.#at += 1;
    for (let index = 0; ; index += 1) {
      this.#skip(true);
      if (this.#peek() === ']' || this.#at >= this.#text.length) break;
      const before = this.#at;
      this.#record([...path, index], this.#at, this.#at);
      this.#value([...path, index], depth + 1);
      this.#skip(true);
      if (this.#peek() === ',') this.#at += 1;
      if (this.#at === before) return;
    }
    this.#at += 1;
  }

  #inlineTable(path: Path, depth: number): void {
    this.#at += 1;
    for (;;) {
      this.#skip(true);
      if (this.#peek() === '}' || this.#at >= this.#text.length) break;
      const before = this.#at;
      this.#pair(path, depth + 1);
      this.#skip(true);
      if (this.#peek() === ',') this.#at += 1;
      if (this.#at === before) return;
    }
    this.#at += 1;
  }

  #dottedKey(): string[] {
    const keys: string[] = [];
    for (;;) {
      this.#skip(false);
      if (this.#peek() === '"' || this.#peek() === "'") keys.push(this.#string());
      else {
        const start = this.#at;
        while (BARE.test(this.#peek())) this.#at += 1;
        keys.push(this.#text.slice(start, this.#at));
      }
      this.#skip(false);
      if (this.#peek() !== '.') return keys;
      this.#at += 1;
    }
  }

  /** Any of the four string forms; the content matters for quoted keys alone, where escapes are rare. */
  #string(): string {
    const quote = this.#peek();
    const fence = this.#text.startsWith(quote.repeat(3), this.#at) ? quote.repeat(3) : quote;
    this.#at += fence.length;
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#text.startsWith(fence, this.#at)) this.#at += quote === '"' && this.#peek() === '\\' ? 2 : 1;
    const content = this.#text.slice(start, this.#at);
    this.#at += fence.length;
    // A multi-line string may end with up to two quotes of its own before the fence.
    while (fence.length === 3 && this.#peek() === quote) this.#at += 1;
    return content;
  }

  #skip(newlines: boolean): void {
    for (;;) {
      const character = this.#peek();
      if (character === ' ' || character === '\t' || (newlines && (character === '\n' || character === '\r'))) this.#at += 1;
      else if (character === '#' && newlines) {
        const end = this.#text.indexOf('\n', this.#at);
        this.#at = end < 0 ? this.#text.length : end;
      } else return;
    }
  }

  #peek(): string {
    return this.#text.charAt(this.#at);
  }

  /** The first mention of a path is its place: `[acme]` before `[acme.more]`. */
  #record(path: Path, key: number, value: number): void {
    if (!this.#places.has(id(path))) this.#places.set(id(path), { key, value });
  }
}

function id(path: Path): string {
  return JSON.stringify(path);
}
