/** Replies as elements, and their text as the vendor prints it: attributes in double quotes, lines that end in CRLF. */

export interface Element {
  name: string;
  attributes: [name: string, value: string][];
  children: Element[];
  text: string;
}

export function element(name: string, attributes: Record<string, string | number | boolean> = {}, children: Element[] = [], text = ''): Element {
  return { name, attributes: Object.entries(attributes).map(([key, value]) => [key, String(value)]), children, text };
}

/** An element that holds text only. */
export function leaf(name: string, text: string | number, attributes: Record<string, string> = {}): Element {
  return element(name, attributes, [], String(text));
}

const NEWLINE = '\r\n';
const DECLARATION = '<?xml version="1.0" encoding="utf-8"?>';

export function printDocument(root: Element): string {
  return `${DECLARATION}${NEWLINE}${printed(root, '')}`;
}

function printed({ name, attributes, children, text }: Element, indent: string): string {
  const opening = `${indent}<${name}${attributes.map(([key, value]) => ` ${key}="${escaped(value)}"`).join('')}`;
  if (children.length === 0) return text === '' ? `${opening} />` : `${opening}>${escaped(text)}</${name}>`;
  return [`${opening}>`, ...children.map((child) => printed(child, `${indent}  `)), `${indent}</${name}>`].join(NEWLINE);
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
