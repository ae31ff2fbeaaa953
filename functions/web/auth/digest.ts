/** Comparing what must not be guessed byte by byte: digests are compared, in a time that does not depend on them. */

export async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Equal secrets have equal digests; both sides have 32 bytes, so every comparison takes the same steps. */
export async function sameSecret(presented: string, expected: string): Promise<boolean> {
  const [a, b] = await Promise.all([sha256(presented), sha256(expected)]);
  let difference = 0;
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0);
  return difference === 0;
}

/** The token of `Authorization: Bearer …` (RFC 6750 §2.1), or null. */
export function bearerToken(headers: Headers): string | null {
  return /^Bearer +([A-Za-z0-9\-._~+/]{1,500}=*)$/i.exec(headers.get('authorization') ?? '')?.[1] ?? null;
}
