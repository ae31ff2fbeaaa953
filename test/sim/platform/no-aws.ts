/** The simulation keeps secrets in the sealed store; the other one takes half a second to load. */
export function createAwsStore(): never {
  throw new Error('The simulation has no AWS.');
}
