/** One measured quantity and the budget it is held to (DESIGN §13). Pure. */
import { summarize, type Summary } from './statistics.ts';

export type Unit = 'ms' | 'requests' | 'bytes' | 'MiB' | 'rows' | 'GB-s' | 'certificates';

export interface Budget {
  /** The statistic that has to stay within it. */
  of: 'p50' | 'p95' | 'max';
  most: number;
}

/** What a scenario hands over. */
export interface Figure {
  what: string;
  unit: Unit;
  /** In the order they were measured; at least one. */
  samples: readonly number[];
  /** Null where a figure is reported and not judged. */
  budget: Budget | null;
  /** How it was measured, where that is not plain from `what`. */
  note?: string;
}

/** A figure as the table and the JSON show it. */
export interface Result extends Figure, Summary {
  scenario: string;
  /** Null without a budget. */
  ok: boolean | null;
}

/** Throws a RangeError when nothing was measured. */
export function resultOf(scenario: string, figure: Figure): Result {
  const summary = summarize(figure.samples);
  return { scenario, ...figure, ...summary, ok: figure.budget === null ? null : summary[figure.budget.of] <= figure.budget.most };
}
