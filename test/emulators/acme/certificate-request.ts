/** What a CA checks in a CSR at finalize (RFC 8555 §7.4): its own signature, a fit key, exactly the order's names. */
import * as x509 from '@peculiar/x509';
import { exportJWK } from 'jose';
import { AcmeProblem } from './problem.ts';

const MIN_RSA_BITS = 2_048;
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
const CURVES = ['P-256', 'P-384'];

function badCsr(detail: string): AcmeProblem {
  return new AcmeProblem('badCSR', 400, detail);
}

/**
 * @param der the CSR as sent, base64url of DER.
 * @param names the order's, lower case.
 * @param isAccountKey whether a JWK is the account's own key, which must not be certified (§11.1).
 * @throws {AcmeProblem} badCSR.
 */
export async function checkCertificateRequest(
  der: string,
  names: readonly string[],
  isAccountKey: (jwk: Record<string, unknown>) => Promise<boolean>,
): Promise<x509.PublicKey> {
  const request = parseRequest(der);
  if (!(await request.verify().catch(() => false))) throw badCsr('The CSR signature does not verify');
  const asked = [...namesOf(request)].sort();
  const ordered = [...new Set(names)].sort();
  if (asked.join() !== ordered.join()) throw badCsr(`CSR does not specify the order's identifiers: [${asked.join(' ')}], ordered [${ordered.join(' ')}]`);
  const key = await request.publicKey.export();
  requireStrength(key);
  if (await isAccountKey({ ...(await exportJWK(key)) })) throw badCsr('Certificate public key must be different than account key');
  return request.publicKey;
}

function parseRequest(der: string): x509.Pkcs10CertificateRequest {
  if (!/^[A-Za-z0-9_-]+$/.test(der)) throw badCsr('The CSR is no base64url');
  try {
    return new x509.Pkcs10CertificateRequest(Buffer.from(der, 'base64url'));
  } catch {
    throw badCsr('Error parsing certificate request');
  }
}

function namesOf(request: x509.Pkcs10CertificateRequest): Set<string> {
  const names = new Set<string>();
  const extension = request.getExtension(SUBJECT_ALTERNATIVE_NAME);
  const alternative = extension === null ? [] : new x509.SubjectAlternativeNameExtension(extension.rawData).names.items;
  for (const { type, value } of alternative) {
    if (type !== 'dns') throw badCsr(`CSR contains a name of type ${type}`);
    names.add(value.toLowerCase());
  }
  const [commonName] = request.subjectName.getField('CN');
  if (commonName !== undefined && commonName !== '') names.add(commonName.toLowerCase());
  return names;
}

function requireStrength(key: CryptoKey): void {
  const algorithm = new Map<string, unknown>(Object.entries({ ...key.algorithm }));
  const curve = algorithm.get('namedCurve');
  if (curve !== undefined) {
    if (typeof curve === 'string' && CURVES.includes(curve)) return;
    throw badCsr('Only the curves P-256 and P-384 are accepted');
  }
  const bits = algorithm.get('modulusLength');
  if (typeof bits !== 'number' || bits < MIN_RSA_BITS) throw badCsr('RSA keys need at least 2048 bits');
}
