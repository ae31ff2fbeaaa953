/** AWS Signature Version 4 as the service verifies it (AWS General Reference, "Create a signed request"). */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface AwsCredentials {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Longest difference between the request's time and ours, in milliseconds. */
const MAX_SKEW_MS = 15 * 60_000;
const SERVICE = 'secretsmanager';

/** Name and message of the error the service would answer with, or null when the signature is right. */
export function verifySignature(request: Request, body: string, credentials: AwsCredentials, now: number): { type: string; message: string } | null {
  const authorization = request.headers.get('authorization');
  const date = request.headers.get('x-amz-date');
  if (authorization === null || date === null) return { type: 'MissingAuthenticationTokenException', message: 'Request is missing Authentication Token' };
  const parts = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/.exec(
    authorization,
  );
  const [, accessKeyId = '', day = '', region = '', service = '', signedHeaders = '', signature = ''] = parts ?? [];
  if (parts === null || !date.startsWith(day))
    return { type: 'IncompleteSignatureException', message: 'The request signature does not conform to AWS standards.' };
  if (accessKeyId !== credentials.accessKeyId)
    return { type: 'UnrecognizedClientException', message: 'The security token included in the request is invalid.' };
  const invalid = { type: 'InvalidSignatureException', message: 'The request signature we calculated does not match the signature you provided.' };
  if (region !== credentials.region || service !== SERVICE) return invalid;
  if (Math.abs(amzTime(date) - now) > MAX_SKEW_MS) return { type: 'InvalidSignatureException', message: `Signature expired: ${date}` };
  const names = signedHeaders.split(';');
  if (!names.includes('host') || !names.includes('x-amz-date')) return invalid;
  const url = new URL(request.url);
  // Both are added below `Request`, by whatever puts it on the wire.
  const implied: Record<string, string> = { host: url.host, 'content-length': String(Buffer.byteLength(body)) };
  const headerLines = names.map((name) => `${name}:${(implied[name] ?? request.headers.get(name) ?? '').trim().replaceAll(/ +/g, ' ')}\n`).join('');
  const canonical = [request.method, url.pathname, url.search.slice(1), headerLines, signedHeaders, sha256(body)].join('\n');
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(canonical)].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Buffer>((parent, step) => hmac(parent, step), Buffer.from(`AWS4${credentials.secretAccessKey}`));
  return timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex')) ? null : invalid;
}

function amzTime(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
