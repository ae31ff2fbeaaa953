/** Problem documents of a CA (RFC 7807, RFC 8555 §6.7) as typed errors. */
import { z } from 'zod';
import { PerennialError } from '../../shared/errors.ts';
import type { AcmeProblemData } from '../certificates/ports.ts';
import { meaningOf, shortType } from './failure-classes.ts';
import type { AcmeOperation } from './meanings.ts';

/** Text of a CA goes to pages and logs: one line, no control characters, bounded. */
export function plainText(text: string, limit: number): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, limit)
    .toWellFormed();
}

const line = (limit: number) => z.string().transform((text) => plainText(text, limit));

/** RFC 7807 with the subproblems of RFC 8555 §6.7.1. Odd members become empty rather than losing the rest. */
export const problemSchema = z
  .object({
    type: line(200).catch(''),
    detail: line(1_000).catch(''),
    subproblems: z
      .array(
        z
          .object({
            type: line(200).catch(''),
            detail: line(500).catch(''),
            identifier: z
              .object({ value: line(253) })
              .transform(({ value }) => value)
              .nullable()
              .catch(null),
          })
          .catch({ type: '', detail: '', identifier: null }),
      )
      .max(100)
      .catch([]),
  })
  .transform((problem): AcmeProblemData => problem);

/** A refusal of the CA. `details` carries type, status and the offending names as plain data across object borders. */
export class AcmeProblem extends PerennialError {
  readonly status: number;
  readonly problem: AcmeProblemData;
  readonly operation: AcmeOperation;

  constructor(status: number, problem: AcmeProblemData, operation: AcmeOperation, retryAt: number | null) {
    const found = meaningOf(status, problem, operation);
    const names = [...new Set(problem.subproblems.flatMap(({ identifier }) => identifier ?? []))];
    super(found.code, `The CA refused: ${wordsOf(status, problem)}`, {
      retryable: found.retryable,
      retryAt: retryAt ?? undefined,
      hint: found.hint,
      details: { type: problem.type, status, operation, ...(names.length === 0 ? {} : { identifiers: names.join(' ').slice(0, 1_000) }) },
    });
    this.status = status;
    this.problem = problem;
    this.operation = operation;
  }

  get type(): string {
    return this.problem.type;
  }
}

/** The CA's words; of a compound problem only the parts, which name what offends. */
function wordsOf(status: number, problem: AcmeProblemData): string {
  const parts = problem.subproblems.slice(0, 5).map((each) => `${each.identifier ?? 'unnamed'}: ${each.detail.slice(0, 120)}`);
  const more = problem.subproblems.length > 5 ? `; and ${problem.subproblems.length - 5} more` : '';
  const named = parts.length === 0 ? '' : `${parts.join('; ')}${more}`;
  if (named !== '' && shortType(problem.type) === 'compound') return named;
  const detail = problem.detail === '' ? `HTTP ${status}` : problem.detail;
  return named === '' ? detail : `${detail} (${named})`;
}
