/**
 * XML 1.0 as a small tree, read strictly with `saxes`: well-formed to the last end tag, no document type, bounded.
 *
 * Names are lower-cased, because the vendor's documents and its servers disagree about their case. Nothing is repaired:
 * a reply that is cut off or is a web page is no reply.
 */
import { SaxesParser } from 'saxes';

export interface XmlElement {
  /** Lower case. */
  name: string;
  /** By lower-case name, with entities resolved. */
  attributes: ReadonlyMap<string, string>;
  children: readonly XmlElement[];
  /** Character data directly in this element. */
  text: string;
}

/** UTF-16 units of a reply; the relay reads no more bytes than this either. */
export const MAX_REPLY_LENGTH = 700_000;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 20_000;

/** Why a text is not the XML that is expected here, as the end of a sentence. Quotes nothing of the text. */
export class XmlRefusal extends Error {
  override readonly name = 'XmlRefusal';
}

interface Building {
  name: string;
  attributes: Map<string, string>;
  children: Building[];
  text: string;
}

/** @throws XmlRefusal */
export function parseXml(text: string): XmlElement {
  if (text.length > MAX_REPLY_LENGTH) throw new XmlRefusal(`is longer than ${MAX_REPLY_LENGTH} characters`);
  const open: Building[] = [];
  let root: Building | null = null;
  let count = 0;
  const parser = new SaxesParser({ xmlns: false });
  parser.on('doctype', () => {
    throw new XmlRefusal('has a document type');
  });
  parser.on('opentag', (tag) => {
    count += 1;
    if (count > MAX_ELEMENTS || open.length >= MAX_DEPTH) throw new XmlRefusal('has more elements than any reply');
    const element: Building = { name: tag.name.toLowerCase(), attributes: attributesOf(tag.attributes), children: [], text: '' };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on('closetag', () => open.pop());
  const append = (some: string) => {
    const last = open.at(-1);
    if (last !== undefined) last.text += some;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.on('error', () => {
    throw new XmlRefusal(`is not well-formed XML (line ${parser.line})`);
  });
  parser.write(text).close();
  // The parser fails before this when there is none.
  if (root === null) throw new XmlRefusal('is empty');
  return root;
}

function attributesOf(attributes: Record<string, string>): Map<string, string> {
  const read = new Map<string, string>();
  for (const [name, value] of Object.entries(attributes)) {
    const key = name.toLowerCase();
    if (read.has(key)) throw new XmlRefusal('has an attribute twice, in different case');
    read.set(key, value);
  }
  return read;
}

/** The start tag of an element, quoted values included. */
const START_TAG = /<[A-Za-z_](?:[^>"']|"[^"]*"|'[^']*')*>/g;
const BROKEN_VALUE = /"[^"]*[\t\r\n][^"]*"|'[^']*[\t\r\n][^']*'/;

/**
 * Whether a tab or line break stands literally inside an attribute value of a well-formed text. XML 1.0 §3.3.3 reads it
 * as a space, so what was meant is lost.
 */
export function hasBrokenAttributeValue(text: string): boolean {
  for (const [tag] of text.matchAll(START_TAG)) if (BROKEN_VALUE.test(tag)) return true;
  return false;
}
