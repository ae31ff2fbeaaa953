/** Why a certificate's owner revokes it: words of the API and the command, and the codes of RFC 5280 §5.3.1 behind them. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  'key-compromise': 1,
  'affiliation-changed': 3,
  superseded: 4,
  'cessation-of-operation': 5,
} as const;

export type RevocationReasonName = keyof typeof REVOCATION_REASONS;

export const REVOCATION_REASON_NAMES = Object.keys(REVOCATION_REASONS).filter((name): name is RevocationReasonName => name in REVOCATION_REASONS);

/** `key compromise`, for a code that a report carries. */
export function revocationReason(code: number): string {
  const name = REVOCATION_REASON_NAMES.find((candidate) => REVOCATION_REASONS[candidate] === code);
  if (name === undefined) return `reason ${code}`;
  return name === 'unspecified' ? 'no reason given' : name.replaceAll('-', ' ');
}
