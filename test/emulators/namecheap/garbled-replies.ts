/** Replies that are well-formed XML and yet not what they should be: each of them must keep a careful client from writing. */
import { element, leaf, type Element } from './xml.ts';

export const GARBLINGS = [
  /** Status OK beside an error. */
  'error-in-ok',
  'other-domain',
  'other-command',
  'email-type-missing',
  'email-type-empty',
  'email-type-unknown',
  'not-our-dns',
  'unknown-attribute',
  'unknown-type',
  'bad-preference',
  'bad-ttl',
  'two-results',
  'no-result',
  /** The rows are gone, and nothing says why. */
  'collapsed',
  /** All rows but the first are gone. */
  'shortened',
] as const;
export type Garbling = (typeof GARBLINGS)[number];

const HOST_GARBLINGS: Partial<Record<Garbling, [name: string, value: string]>> = {
  'unknown-attribute': ['Locked', 'true'],
  'unknown-type': ['Type', 'HTTPS'],
  'bad-preference': ['MXPref', 'abc'],
  'bad-ttl': ['TTL', '0'],
};
const RESULT_GARBLINGS: Partial<Record<Garbling, [name: string, value: string | null]>> = {
  'other-domain': ['Domain', 'other.example'],
  'email-type-missing': ['EmailType', null],
  'email-type-empty': ['EmailType', ''],
  'email-type-unknown': ['EmailType', 'NEW'],
  'not-our-dns': ['IsUsingOurDNS', 'false'],
};

export function garbled(root: Element, how: Garbling): Element {
  switch (how) {
    case 'error-in-ok':
      return replaced(root, 'Errors', () => [element('Errors', {}, [leaf('Error', 'Unknown exception', { Number: '5050900' })])]);
    case 'other-command':
      return replaced(root, 'CommandResponse', (response) => [withAttribute(response, 'Type', 'namecheap.users.getBalances')]);
    case 'no-result':
      return onResults(root, () => []);
    case 'two-results':
      return onResults(root, (result) => [result, result]);
    case 'collapsed':
      return onResults(root, (result) => [{ ...result, children: [] }]);
    case 'shortened':
      return onResults(root, (result) => [{ ...result, children: result.children.slice(0, 1) }]);
    default: {
      const [name, value] = RESULT_GARBLINGS[how] ?? [];
      if (name !== undefined && value !== undefined) return onResults(root, (result) => [withAttribute(result, name, value)]);
      const [attribute = '', to = ''] = HOST_GARBLINGS[how] ?? [];
      return onResults(root, (result) => [
        { ...result, children: result.children.map((host, index) => (index === 0 ? withAttribute(host, attribute, to) : host)) },
      ]);
    }
  }
}

function onResults(root: Element, change: (result: Element) => Element[]): Element {
  return replaced(root, 'CommandResponse', (response) => [{ ...response, children: response.children.flatMap(change) }]);
}

function replaced(root: Element, name: string, change: (child: Element) => Element[]): Element {
  return { ...root, children: root.children.flatMap((child) => (child.name === name ? change(child) : [child])) };
}

/** The attribute in its place, or at the end when it is new; null takes it away. */
function withAttribute(target: Element, name: string, value: string | null): Element {
  const known = target.attributes.some(([key]) => key === name);
  const kept = target.attributes.flatMap(([key, was]): [string, string][] => (key !== name ? [[key, was]] : value === null ? [] : [[key, value]]));
  return { ...target, attributes: known || value === null ? kept : [...kept, [name, value]] };
}
