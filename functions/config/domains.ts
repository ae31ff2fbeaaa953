/**
 * Names a certificate can be issued for (RFC 8555 §7.1.3, CA/Browser Forum BR §7.1.4.2): lower-case A-labels, with at
 * most one wildcard as the whole first label.
 */

/** The name in canonical form. Throws an Error whose message says what is wrong and what to write instead. */
export function canonicalDomain(typed: string): string {
  const name = typed.trim().replace(/\.$/, '');
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) throw new Error(`It is a URL; write the host name alone: ${quoted(hostOf(name))}.`);
  if (name.includes('@')) throw new Error('It is a mail address.');
  if (name.includes('/')) throw new Error('It holds a slash; write the host name alone.');
  if (/^[\d.]+$/.test(name) || /^\[?[\da-f]*:[\da-f:.]+\]?$/i.test(name)) throw new Error('It is an IP address; certificates are issued for names here.');
  if (name.includes(':')) throw new Error(`It holds a port; write ${quoted(name.slice(0, name.indexOf(':')))}.`);
  if (name === '*') throw new Error('A wildcard needs a domain below it: "*.example.net".');
  const wildcard = name.startsWith('*.');
  const base = wildcard ? name.slice(2) : name;
  if (base.includes('*')) throw new Error('A wildcard must be the whole first label, once: "*.example.net".');
  const ascii = toAscii(base);
  const labels = ascii.split('.');
  if (labels.length < 2)
    throw new Error(
      wildcard
        ? 'No CA issues a wildcard for a whole top-level domain.'
        : `It has no domain; write the full name, for example ${quoted(`${ascii || 'www'}.example.net`)}.`,
    );
  for (const label of labels) checkLabel(label);
  if (/^\d+$/.test(labels.at(-1) ?? '')) throw new Error('A top-level domain is never a number.');
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
  try {
    return new URL(`http://${name}`).hostname;
  } catch {
    throw new Error('It cannot be written as an internationalised domain name (UTS #46).');
  }
}

function checkLabel(label: string): void {
  if (label === '') throw new Error('It has an empty label (two dots, or a dot in front).');
  if (label.length > 63) throw new Error(`The label ${quoted(label)} is longer than 63 characters.`);
  if (label.includes('_')) throw new Error('Public CAs refuse underscores in names.');
  if (!/^[a-z0-9-]+$/.test(label)) throw new Error(`The label ${quoted(label)} may hold letters, digits and hyphens only.`);
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
