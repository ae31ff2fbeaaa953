/** By which names CAA records know a CA (RFC 8659 §4.2). Pure. */
import type { Authority } from '../config/configuration.ts';
import type { Directory } from './resources.ts';

/** The CA's own word (RFC 8555 §7.1.1) or, where its directory names none, what is configured for it. Empty: nobody knows. */
export function identitiesOf({ caa }: Pick<Authority, 'caa'>, { meta }: Pick<Directory, 'meta'>): string[] {
  const own = meta?.caaIdentities ?? [];
  return own.length > 0 ? own : [...caa];
}
