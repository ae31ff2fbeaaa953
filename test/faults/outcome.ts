/** What came of one strike. */
import type { Phase } from '../../functions/certificates/ports.ts';
import type { Point } from './points.ts';
import type { Victim } from './victims.ts';

export interface Outcome {
  point: Point;
  victim: Victim;
  /** Certificates whose own call stood at the point; for a call of nobody, how often it was struck. */
  struck: number;
  /** Phases of all certificates at each kill. */
  phases: Partial<Record<Phase, number>>;
  converged: number;
  /** From the last kill to live, milliseconds, of those that converged. */
  times: number[];
  /** Orders beyond the one of the renewal. */
  abandoned: number;
  /** What must not be, one sentence each. */
  violations: string[];
}
