/** What every write into a delivered variable shares: the law about it, its place, and how somebody else's edit is named. */
import { isDeepStrictEqual } from 'node:util';
import { PerennialError } from '../../../shared/errors.ts';
import type { Target } from '../../../shared/relay/contract.ts';
import { nameAllowed } from '../law.ts';
import type { Law } from '../law.ts';
import type { Variable, VariablePlace } from '../nomad/variables.ts';
import { standingPair } from './standing-pair.ts';
import type { StandingPair } from './standing-pair.ts';

/** Throws `target_not_allowed` and `names_not_allowed`. */
export function checkTarget(law: Pick<Law, 'targets'>, certificate: string, target: Target, names: readonly string[]): void {
  const rules = law.targets.filter(
    (rule) => rule.variable === target.variable && rule.namespace === target.namespace && (rule.certificate ?? certificate) === certificate,
  );
  if (rules.length === 0) {
    throw new PerennialError(
      'target_not_allowed',
      `The relay's law does not allow certificate ${certificate} in variable ${target.variable} (namespace ${target.namespace}).`,
      {
        hint: 'Add the variable to "targets" of the law in the relay job file.',
      },
    );
  }
  const outside = names.filter((name) => !rules.some((rule) => nameAllowed(name, rule.names)));
  if (outside.length > 0) throw namesNotAllowed(outside);
}

export function namesNotAllowed(names: readonly string[]): PerennialError {
  return new PerennialError('names_not_allowed', `The relay's law does not allow ${names.slice(0, 5).join(', ')}.`, {
    hint: 'Add the names, or a suffix with a leading dot, to "targets" of the law in the relay job file.',
  });
}

export function placeOf(target: Target): VariablePlace {
  return { path: target.variable, namespace: target.namespace };
}

export async function pairOf(variable: Variable | null, target: Target): Promise<StandingPair | null> {
  return variable === null ? null : standingPair(variable.items, target);
}

export function samePair(a: StandingPair | null, b: StandingPair | null): boolean {
  return isDeepStrictEqual([a?.certificate, a?.key], [b?.certificate, b?.key]);
}

/** The write may or may not have happened. */
export function isUncertain(thrown: unknown): boolean {
  return thrown instanceof PerennialError && thrown.code === 'nomad_unavailable';
}

/** @param expected fingerprint that was to stand there, or to be written. */
export function drift(target: Target, found: StandingPair | null, expected: string): PerennialError {
  const what = found === null ? 'no pair any more' : `a pair that Perennial did not put there (found SHA-256 ${found.sha256}, expected ${expected})`;
  return new PerennialError('drift', `The variable ${target.variable} holds ${what}; it was left alone.`, {
    hint: 'Redeliver explicitly to replace it, or find out who writes this variable.',
    details: { variable: target.variable, found: found?.sha256 ?? null, wanted: expected },
  });
}
