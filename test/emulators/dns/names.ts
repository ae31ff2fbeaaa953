/**
 * Domain names as the emulator keeps them: lower case, without the trailing dot, the root as `''`.
 * DNS compares names without regard to case (RFC 4343); every name is normalised once, at the border.
 */

export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** True for `parent` itself and everything below it. Both names must be normalised. */
export function isWithin(name: string, parent: string): boolean {
  return parent === '' || name === parent || name.endsWith(`.${parent}`);
}

/** The name one label up, `undefined` above the root. */
export function parentOf(name: string): string | undefined {
  if (name === '') return undefined;
  const dot = name.indexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1);
}

/** `name` and its ancestors, nearest first, down to and including `apex`. */
export function* upTo(name: string, apex: string): Generator<string> {
  let current: string | undefined = name;
  while (current !== undefined && isWithin(current, apex)) {
    yield current;
    current = parentOf(current);
  }
}

/** The longest of `apexes` that holds `name`: the zone a server answers from (RFC 1034 §4.3.2 step 2). */
export function closestApex(name: string, apexes: Iterable<string>): string | undefined {
  let best: string | undefined;
  for (const apex of apexes) {
    if (isWithin(name, apex) && (best === undefined || apex.length > best.length)) best = apex;
  }
  return best;
}
