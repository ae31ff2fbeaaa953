/** The kinds of values that blocks of `certificates.toml` share. */
import { publicKeySchema, type PublicKey } from '../../shared/link/signatures.ts';
import { BLOCK_NAME, isTable, value } from './block.ts';
import { canonicalDomain, canonicalHost, canonicalRecordName } from './domains.ts';

export const blockName = (what: string, example: string) =>
  value({ expected: `the name of ${what}: up to 63 lower-case letters, digits and hyphens`, example }, (input) =>
    typeof input === 'string' && BLOCK_NAME.test(input) ? input : undefined,
  );

export const shortText = (what: string, max: number, example: string) =>
  value({ expected: `${what} (text of 1 to ${max} characters)`, example }, (input) =>
    typeof input === 'string' && input.length > 0 && input.length <= max ? input : undefined,
  );

export const flag = (example: string) =>
  value({ expected: 'true or false, without quotes', example }, (input) => (typeof input === 'boolean' ? input : undefined));

export function oneOf<const T extends string>(options: readonly T[], example: string) {
  return value({ expected: `one of ${options.map((option) => JSON.stringify(option)).join(', ')}`, example }, (input) =>
    options.find((option) => option === input),
  );
}

/** Secrets stay out of the file: it names them, the SecretStore holds them. */
export const secretReference = (key: string, name: string) =>
  value(
    {
      expected: 'a reference to a secret ("secret:" and its name)',
      example: `${key} = "secret:${name}", and store the value with: npm run secret -- ${name}`,
      confidential: true,
    },
    (input) => {
      if (typeof input !== 'string') return undefined;
      if (/^secret:[a-z0-9][a-z0-9-]{0,62}$/.test(input)) return input;
      if (!input.startsWith('secret:')) throw new Error('Secrets never stand in this file; if this was a real one, replace it at its vendor.');
      throw new Error('The name of a secret has up to 63 lower-case letters, digits and hyphens.');
    },
  );

/** https anywhere; http on loopback only, for emulators. */
export const endpoint = (key: string, example: string) =>
  value({ expected: 'an https URL', example: `${key} = ${JSON.stringify(example)}` }, (input) => {
    if (typeof input !== 'string' || input.length > 300 || !URL.canParse(input)) return undefined;
    const url = new URL(input);
    if (url.username !== '' || url.password !== '') throw new Error('It holds credentials, which do not belong into a URL.');
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return input;
    if (url.protocol === 'http:') throw new Error('Plain http is accepted on loopback only (127.0.0.1, localhost, [::1]).');
    return undefined;
  });

export const mailAddress = value({ expected: 'a mail address', example: 'contact = "ops@example.net"' }, (input) => {
  if (typeof input !== 'string') return undefined;
  const address = input.replace(/^mailto:/i, '');
  // RFC 8555 §7.3: no hfields, one address each.
  return /^[^\s@?,<>]{1,64}@[^\s@?,<>]{1,190}\.[^\s@?,<>.]{2,63}$/.test(address) ? `mailto:${address}` : undefined;
});

export const domain = (key: string) =>
  value({ expected: 'a domain name', example: `${key} = ["example.net", "*.example.net"]` }, (input) =>
    typeof input === 'string' ? canonicalDomain(input) : undefined,
  );

export const recordName = value({ expected: 'the full name of a record', example: 'name = "www.example.net"' }, (input) =>
  typeof input === 'string' ? canonicalRecordName(input) : undefined,
);

export const hostName = (what: string, example: string) =>
  value({ expected: what, example }, (input) => (typeof input === 'string' ? canonicalHost(input) : undefined));

/** Nomad registers services under names of RFC 1123 labels only. */
export const serviceName = value(
  { expected: 'the service under which the proxy is registered: up to 63 letters, digits and hyphens', example: 'service = "traefik"' },
  (input) => (typeof input === 'string' && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(input) ? input : undefined),
);

export const nomadNamespace = value({ expected: 'a Nomad namespace', example: 'namespace = "default"' }, (input) =>
  typeof input === 'string' && /^[a-zA-Z0-9-]{1,128}$/.test(input) ? input : undefined,
);

export const publicKey = value(
  {
    expected: 'an Ed25519 public key',
    example: 'keys = ["relay-1:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"] (npm run setup makes one)',
    confidential: true,
  },
  (input): PublicKey | undefined => {
    if (typeof input === 'string') {
      const [, kid, x] = /^([^:\s]{1,64}):([A-Za-z0-9_-]{43})$/.exec(input) ?? [];
      return kid === undefined || x === undefined ? undefined : { kty: 'OKP', crv: 'Ed25519', x, kid };
    }
    if (isTable(input) && 'd' in input)
      throw new Error('It is a private key: it belongs to the relay alone. Make a new pair (npm run setup) and give its public half here.');
    const parsed = publicKeySchema.safeParse(input);
    return parsed.success ? parsed.data : undefined;
  },
);

/** @param hostname as `URL.hostname` gives it. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}
