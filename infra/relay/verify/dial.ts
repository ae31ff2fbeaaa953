/**
 * One fresh TLS handshake with one name, and what it showed. No session is resumed and no connection is kept, so that
 * the answer is the proxy's present one; the certificate is read whatever it is, and judged elsewhere.
 */
import { randomBytes } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';

export type Dialled =
  | { kind: 'served'; chain: X509Certificate[] }
  /** Connected, but the proxy ended the handshake. */
  | { kind: 'cut'; detail: string }
  | { kind: 'unreachable'; detail: string };

export interface DialTarget {
  address: string;
  port: number;
  /** Certificate name; a wildcard is dialled as a random label below it. */
  name: string;
}

/** Milliseconds for connection and handshake together. */
export const DIAL_TIMEOUT_MS = 5_000;
const MAX_SERVED_CHAIN = 10;

export type Dial = (target: DialTarget, signal: AbortSignal) => Promise<Dialled>;

export const dial: Dial = async (target, signal) => {
  const ending = AbortSignal.any([signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)]);
  if (ending.aborted) return { kind: 'unreachable', detail: 'The deadline had passed.' };
  return new Promise((resolve) => {
    // Destroying a TCP socket below a TLS socket of one's own crashes Node; one TLS socket that connects itself does not.
    const socket = connect({
      host: target.address,
      port: target.port,
      servername: sniOf(target.name),
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['http/1.1'],
    });
    let connected = false;
    const finish = (result: Dialled) => {
      ending.removeEventListener('abort', abort);
      socket.destroy();
      resolve(result);
    };
    const abort = () => finish({ kind: 'unreachable', detail: connected ? 'Connected, but the handshake did not finish in time.' : 'No connection in time.' });
    const fail = (error: Error) =>
      finish(
        connected ? { kind: 'cut', detail: `The handshake was cut (${codeOf(error)}).` } : { kind: 'unreachable', detail: `No connection (${codeOf(error)}).` },
      );
    ending.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      connected = true;
    });
    // Stays for errors that come after the end, which change nothing.
    socket.on('error', fail);
    // Closed without an error: the peer hung up in the middle of the handshake.
    socket.once('close', () => fail(new Error('hung up')));
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate();
      finish(leaf === undefined ? { kind: 'cut', detail: 'No certificate was presented.' } : { kind: 'served', chain: chainOf(leaf) });
    });
  });
};

/** `*.example.net` becomes a name nobody configured, which only the wildcard can answer for. */
function sniOf(name: string): string {
  return name.startsWith('*.') ? `perennial-${randomBytes(5).toString('hex')}${name.slice(1)}` : name;
}

/** As served; the runtime links each certificate to its issuer and a self-signed one to itself. */
function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain = [leaf];
  for (let issuer = leaf.issuerCertificate; issuer !== undefined && chain.length < MAX_SERVED_CHAIN; issuer = issuer.issuerCertificate) {
    const next = issuer;
    if (chain.some(({ fingerprint256 }) => fingerprint256 === next.fingerprint256)) break;
    chain.push(issuer);
  }
  return chain;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message.slice(0, 100);
}
