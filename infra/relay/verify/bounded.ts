/** Runs `work` over all items, at most `limit` at once, and returns the results in the order of the items. */
export async function runBounded<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Map<number, R>();
  const queue = items.entries();
  const worker = async () => {
    // The iterator is shared: each worker takes the next item that nobody has.
    // oxlint-disable-next-line no-await-in-loop
    for (const [position, item] of queue) results.set(position, await work(item));
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return items.flatMap((_, position) => {
    const result = results.get(position);
    return result === undefined ? [] : [result];
  });
}
