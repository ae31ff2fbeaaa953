/** The chain that a CA sends, and the alternate with the preferred root (RFC 8555 §7.4.2). */
import { PerennialError } from '../../shared/errors.ts';
import { readChain } from '../../shared/x509/chain.ts';
import { plainText } from './problem.ts';
import { alternateLinks } from './resources.ts';
import type { Reply } from './transport.ts';

export const PEM_CHAIN = 'application/pem-certificate-chain';
/** Alternate chains looked at for a preferred one; the longest public list has three. */
const MAX_ALTERNATES = 4;

export interface Chain {
  pem: string;
  topIssuer: string;
  /** Of the leaf, as certified. */
  names: string[];
}

/** Throws `acme_reply_malformed`, `chain_*`. */
export async function chainOf(reply: Reply): Promise<Chain> {
  if (reply.mediaType !== PEM_CHAIN) {
    throw new PerennialError('acme_reply_malformed', `The CA sent the certificate as "${plainText(reply.mediaType, 60)}" instead of ${PEM_CHAIN}.`, {
      retryable: true,
    });
  }
  const { pem, certificates, leaf } = await readChain(reply.body);
  return { pem, topIssuer: certificates.at(-1)?.issuerName.getField('CN')[0] ?? '', names: leaf.names.slice(0, 100) };
}

/** The first chain unless an alternate has the wanted issuer on top. */
export async function preferred(first: Chain, reply: Reply, wanted: string | null, read: (url: string) => Promise<Chain>): Promise<string> {
  if (wanted === null || first.topIssuer === wanted) return first.pem;
  for (const url of alternateLinks(reply.headers.get('link'), reply.url).slice(0, MAX_ALTERNATES)) {
    const alternate = await read(url);
    if (alternate.topIssuer === wanted) return alternate.pem;
  }
  return first.pem;
}
