/** Which outbound requests the law allows. Pure: a URL and a method in, the rule or a refusal out. */
import { PerennialError } from '../../../shared/errors.ts';
import type { EgressRule } from '../law.ts';

/** Percent-encoded dots, slashes and backslashes: servers disagree about them, so a prefix proves nothing. */
const AMBIGUOUS = /%(2e|2f|5c|00)|\\/i;

/** Parses and matches. Throws `egress_not_allowed` (403). Matching happens on what the URL parser made of the text. */
export function matchEgress(text: string, method: string, rules: readonly EgressRule[]): { url: URL; rule: EgressRule } {
  const url = parse(text);
  const port = url.port === '' ? 443 : Number(url.port);
  const sameHost = rules.filter((rule) => rule.host === url.hostname && rule.port === port);
  const rule = sameHost.find(({ methods, pathPrefix }) => methods.some((allowed) => allowed === method) && under(url.pathname, pathPrefix));
  if (rule !== undefined) return { url, rule };
  const reason = sameHost.length === 0 ? `${url.hostname}:${port} is not listed` : `${method} of that path is not listed for ${url.hostname}:${port}`;
  throw refuse(reason, 'Add a rule to "egress" of the law in the relay job file.');
}

function parse(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refuse('the URL cannot be parsed');
  }
  if (url.protocol !== 'https:') throw refuse('only https leaves the cluster');
  if (url.username !== '' || url.password !== '') throw refuse('the URL carries credentials');
  if (AMBIGUOUS.test(url.pathname) || AMBIGUOUS.test(text.split(/[?#]/)[0] ?? '')) throw refuse('the path is ambiguous');
  return url;
}

function under(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
}

function refuse(why: string, hint?: string): PerennialError {
  return new PerennialError('egress_not_allowed', `The relay's law does not allow this request: ${why}.`, { hint });
}
