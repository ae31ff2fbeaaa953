/** What becomes of one part of a backup that is brought back. An import never overwrites: what is there and differs stays. */
import { z } from 'zod';

export const restorationSchema = z.object({
  /**
   * - `restored`: it was missing here, or the backup adds to what is here.
   * - `identical`: it is here already.
   * - `kept`: what is here differs, and stays.
   * - `busy`: it is being worked on; asking again in a second tells.
   */
  outcome: z.enum(['restored', 'identical', 'kept', 'busy']),
  /** Why, one sentence; null where nothing is to be said. */
  reason: z.string().max(2_000).nullable(),
});
export type Restoration = z.infer<typeof restorationSchema>;

export const RESTORED: Restoration = { outcome: 'restored', reason: null };
export const IDENTICAL: Restoration = { outcome: 'identical', reason: null };

export function kept(reason: string): Restoration {
  return { outcome: 'kept', reason };
}

export function busy(reason: string): Restoration {
  return { outcome: 'busy', reason };
}
