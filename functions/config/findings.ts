/**
 * Collects what is wrong in `certificates.toml`, each at its place. Reading goes on after a finding, so that one run
 * names every problem.
 */
import type { Problem } from './configuration.ts';
import type { SourceMap } from './source-map.ts';

/** Keys and indexes from the root of the file. */
export type Path = readonly (string | number)[];

/** `certificates[0].deliver[1].cluster`; keys that are not bare TOML keys are quoted. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += `${text === '' ? '' : '.'}${/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step)}`;
  }
  return text;
}

export class Findings {
  readonly #places: SourceMap;
  readonly #problems: Problem[] = [];

  constructor(places: SourceMap) {
    this.#places = places;
  }

  /** @param at `key` points to the key (an unknown one), `value` to what stands behind it. */
  add(path: Path, message: string, at: 'key' | 'value' = 'value'): void {
    const place = this.#places.locate(path, at);
    this.#problems.push({ ...place, path: formatPath(path), message: message.slice(0, 1_000) });
  }

  /** In the order of the file; problems without a place come first. */
  problems(): Problem[] {
    return [...this.#problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0) || a.path.localeCompare(b.path));
  }
}
