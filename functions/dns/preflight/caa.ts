/**
 * Whether a CAA record set lets a CA issue: RFC 8659 §4 (issue, issuewild, critical properties) and RFC 8657 (accounturi,
 * validationmethods). Pure. It refuses only what a CA has to refuse: what is a matter of the CA's opinion passes.
 */

export interface CaaRequest {
  /** `caaIdentities` of the CA's directory; empty when it names none: then CAA cannot be judged, and permits. */
  identities: readonly string[];
  /** Null while no account is registered: whatever a record pins is another one. */
  accountUrl: string | null;
  wildcard: boolean;
}

export interface CaaRefusal {
  /** Why not, as the end of a sentence. */
  reason: string;
  /** What to do about the set, as a sentence. */
  advice: string;
  /** The account that the set pins for this CA, while none of ours is registered there: all that stands in the way. */
  pins?: string;
}

interface Property {
  text: string;
  critical: boolean;
  tag: string;
  value: string;
}

interface Issuer {
  domain: string;
  /** RFC 8657 §3: more than one, and the property permits nobody. */
  accounts: string[];
  methods: string[];
}

const CRITICAL = 128;
const METHOD = 'dns-01';
/** Registered tags. Which of them a CA knows beyond the first three is not published, so none of them counts as unknown. */
const KNOWN_TAGS = new Set(['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail', 'issuevmc']);
const LABEL = '[a-z0-9](?:[a-z0-9-]*[a-z0-9])?';
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`, 'i');
const PARAMETER = /^([a-z0-9](?:-*[a-z0-9])*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/i;

/** @param values the relevant record set, each `flags tag "value"`. @returns null when it permits the CA. */
export function refusedByCaa(values: readonly string[], request: CaaRequest): CaaRefusal | null {
  const [identity] = request.identities;
  if (identity === undefined) return null;
  const properties = values.flatMap(readProperty);
  const unknown = properties.find(({ critical, tag }) => critical && !KNOWN_TAGS.has(tag));
  if (unknown !== undefined) return { reason: `a CA has to stop at the critical property "${unknown.tag}"`, advice: `Remove ${unknown.text}.` };
  const wild = properties.filter(({ tag }) => tag === 'issuewild');
  // RFC 8659 §4.3: for a wildcard, issuewild takes the place of issue where there is any.
  const relevant = request.wildcard && wild.length > 0 ? wild : properties.filter(({ tag }) => tag === 'issue');
  if (relevant.length === 0) return null;
  const tag = relevant === wild ? 'issuewild' : 'issue';
  const named = relevant.flatMap((property) => {
    const issuer = readIssuer(property.value);
    return issuer !== null && names(request.identities, issuer.domain) ? [{ property, issuer }] : [];
  });
  if (named.some(({ issuer }) => permits(issuer, request))) return null;
  const [first] = named;
  if (first === undefined)
    return {
      reason: relevant.length === 1 ? `it does not name ${identity}` : `none of them names ${identity}`,
      advice: `Add 0 ${tag} "${identity}".`,
    };
  return {
    reason: `it names ${first.issuer.domain} ${limitOf(first.issuer, request)}`,
    advice: `Replace ${first.property.text} by ${first.property.critical ? CRITICAL : 0} ${tag} "${corrected(first.issuer, request)}".`,
    ...pinned(named, request),
  };
}

/** RFC 8657 §3: a record that lets exactly one account issue by our method. Without one of our own, it may have been ours. */
function pinned(named: readonly { issuer: Issuer }[], { accountUrl }: CaaRequest): { pins?: string } {
  const account = accountUrl === null ? named.find(({ issuer }) => issuer.accounts.length === 1 && permitsMethod(issuer))?.issuer.accounts[0] : undefined;
  return account === undefined ? {} : { pins: account };
}

function readProperty(text: string): Property[] {
  const [, flags, tag, value] = /^(\d{1,3}) ([^ ]+) "([^]*)"$/.exec(text) ?? [];
  if (flags === undefined || tag === undefined || value === undefined) return [];
  return [{ text, critical: (Number(flags) & CRITICAL) !== 0, tag: tag.toLowerCase(), value }];
}

/** RFC 8659 §4.2. Null for what names nobody: an empty issuer, or a value that does not follow the grammar. */
function readIssuer(value: string): Issuer | null {
  const [domain = '', ...rest] = value.split(';').map((part) => part.replaceAll(/^[ \t]+|[ \t]+$/g, ''));
  if (!DOMAIN.test(domain)) return null;
  const parameters = rest.filter((part, index) => part !== '' || index < rest.length - 1).map((part) => PARAMETER.exec(part));
  if (parameters.some((parameter) => parameter === null)) return null;
  const called = (name: string) => parameters.flatMap((parameter) => (parameter?.[1]?.toLowerCase() === name ? [parameter[2] ?? ''] : []));
  return { domain: domain.toLowerCase(), accounts: called('accounturi'), methods: called('validationmethods') };
}

function names(identities: readonly string[], domain: string): boolean {
  return identities.some((identity) => identity.toLowerCase() === domain);
}

function permits(issuer: Issuer, { accountUrl }: CaaRequest): boolean {
  return permitsAccount(issuer, accountUrl) && permitsMethod(issuer);
}

function permitsAccount({ accounts }: Issuer, accountUrl: string | null): boolean {
  return accounts.length === 0 || (accounts.length === 1 && accounts[0] === accountUrl);
}

function permitsMethod({ methods }: Issuer): boolean {
  return methods.length === 0 || (methods.length === 1 && (methods[0] ?? '').split(',').includes(METHOD));
}

function limitOf(issuer: Issuer, { accountUrl }: CaaRequest): string {
  const limits = [
    ...(permitsAccount(issuer, accountUrl)
      ? []
      : [`for the account ${issuer.accounts.join(' and ')}, and ${accountUrl === null ? 'we have none there yet' : `ours is ${accountUrl}`}`]),
    ...(permitsMethod(issuer) ? [] : [`for other ways of validation than ${METHOD}`]),
  ];
  return limits.join('; ');
}

/** The issuer's own value with what it limits widened to us, and nothing else. */
function corrected({ domain, accounts, methods }: Issuer, { accountUrl }: CaaRequest): string {
  const known = methods.flatMap((list) => list.split(',')).filter((method) => method !== '' && method !== METHOD);
  return [
    domain,
    ...(accounts.length === 0 ? [] : [`accounturi=${accountUrl ?? '<the account that is registered next>'}`]),
    ...(methods.length === 0 ? [] : [`validationmethods=${[...known, METHOD].join(',')}`]),
  ].join('; ');
}
