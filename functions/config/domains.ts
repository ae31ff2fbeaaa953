/**
 * Names as people type them, in the one form that is compared: lower-case A-labels (RFC 5890 §2.3.2.1) without final dot.
 * Names of certificates follow RFC 8555 §7.1.3 and CA/Browser Forum BR §7.1.4.2: at most one wildcard, as the whole first
 * label. Names of DNS records may hold underscores besides, and hosts that records point to no wildcard.
 */

/** Longest domain whose challenge name `_acme-challenge.<domain>` DNS can still hold (RFC 1035 §2.3.4). */
const MAX_CHALLENGED = 253 - '_acme-challenge.'.length;

/** The name of a certificate in canonical form. Throws an Error whose message says what is wrong and what to write instead. */
export function canonicalDomain(typed: string): string {
  const name = canonicalName(typed, {
    wildcard: 'No CA issues a wildcard for a whole top-level domain.',
    underscore: 'Public CAs refuse underscores in names.',
  });
  if (name.replace(/^\*\./, '').length > MAX_CHALLENGED)
    throw new Error(`It is longer than ${MAX_CHALLENGED} characters, so its challenge name below _acme-challenge would be longer than DNS allows.`);
  return name;
}

/** The name of a DNS record in canonical form; throws as {@link canonicalDomain} does. */
export function canonicalRecordName(typed: string): string {
  return canonicalName(typed, { wildcard: 'A wildcard needs a zone below it: "*.example.net".', underscore: null });
}

/** A name that records point to; throws as {@link canonicalDomain} does. */
export function canonicalHost(typed: string): string {
  return canonicalName(typed, { wildcard: null, underscore: null });
}

interface NameRules {
  /** What to say of a wildcard for a whole top-level domain; null: no wildcard at all. */
  wildcard: string | null;
  /** What to say of an underscore; null: it is welcome. */
  underscore: string | null;
}

function canonicalName(typed: string, rules: NameRules): string {
  const name = typed.trim().replace(/[.\u3002]$/u, '');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) throw new Error(`It is a URL; write the host name alone: ${quoted(hostOf(name))}.`);
  if (name.includes('@')) throw new Error('It is a mail address.');
  if (name.includes('/')) throw new Error('It holds a slash; write the host name alone.');
  if (/^[\d.]+$/.test(name) || /^\[?[\da-f]*:[\da-f:.]+\]?$/i.test(name)) throw new Error('It is an IP address; a name is needed here.');
  if (name.includes(':')) throw new Error(`It holds a port; write ${quoted(name.slice(0, name.indexOf(':')))}.`);
  if (name.includes('*') && rules.wildcard === null) throw new Error('A wildcard cannot be pointed to; write one name.');
  if (name === '*') throw new Error('A wildcard needs a domain below it: "*.example.net".');
  const wildcard = name.startsWith('*.');
  const base = wildcard ? name.slice(2) : name;
  if (base.includes('*')) throw new Error('A wildcard must be the whole first label, once: "*.example.net".');
  const ascii = toAscii(base);
  const labels = ascii.split('.');
  if (labels.length < 2)
    throw new Error(
      wildcard && rules.wildcard !== null ? rules.wildcard : `It has no domain; write the full name, for example ${quoted(`${ascii || 'www'}.example.net`)}.`,
    );
  for (const label of labels) checkLabel(label, rules.underscore);
  if (/^\d+$/.test(labels.at(-1) ?? '')) throw new Error('A top-level domain is never a number.');
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(labels.at(-1) ?? '')) throw new Error(`There is no top-level domain ${quoted(labels.at(-1) ?? '')}.`);
  if (ascii.length + (wildcard ? 2 : 0) > 253) throw new Error('It is longer than 253 characters.');
  return wildcard ? `*.${ascii}` : ascii;
}

/** True when a certificate for `domains` is valid for `name` (RFC 6125 §6.4.3: a wildcard covers one label). */
export function covers(domains: readonly string[], name: string): boolean {
  const parent = name.slice(name.indexOf('.') + 1);
  return domains.some((domain) => domain === name || domain === `*.${parent}`);
}

/** UTS #46 by way of the URL parser, which every runtime has. */
function toAscii(name: string): string {
  // eslint-disable-next-line no-control-regex
  if (/^[\x00-\x7f]*$/.test(name)) return name.toLowerCase();
  // What a URL gives a meaning to would be left out silently.
  const [special] = /[\\?#%\s]/.exec(name) ?? [];
  if (special !== undefined) throw new Error(`It holds ${quoted(special)}, which no name may.`);
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    throw new Error('It cannot be written as an internationalised domain name (UTS #46).');
  }
}

/** @param underscore see {@link NameRules}. */
function checkLabel(label: string, underscore: string | null): void {
  if (label === '') throw new Error('It has an empty label (two dots, or a dot in front).');
  if (label.length > 63) throw new Error(`The label ${quoted(label)} is longer than 63 characters.`);
  if (label.includes('_') && underscore !== null) throw new Error(underscore);
  if (!/^[a-z0-9_-]+$/.test(label)) throw new Error(`The label ${quoted(label)} may hold letters, digits and hyphens only.`);
  if (label.startsWith('-') || label.endsWith('-')) throw new Error(`The label ${quoted(label)} must not begin or end with a hyphen.`);
}

function hostOf(url: string): string {
  try {
    return new URL(url).hostname;
  } catch {
    return 'www.example.net';
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
