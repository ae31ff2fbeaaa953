/** Seeded dice (sfc32): the only source of chance in a simulation. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Any text or number names a sequence; the same one gives the same dice. */
  constructor(seed: string | number) {
    let hash = 0x81_1c_9d_c5;
    for (const character of String(seed)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01_00_01_93);
    this.#a = hash | 0;
    this.#b = Math.imul(hash, 0x9e_37_79_b9) | 0;
    this.#c = Math.imul(hash ^ 0x5b_d1_e9_95, 0x85_eb_ca_6b) | 0;
    for (let round = 0; round < 15; round += 1) this.next();
  }

  /** Uniform in [0, 1). */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** Whole, uniform, both ends included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined && items.length === 0) throw new Error('Nothing to pick from.');
    return item as T;
  }

  /** A few of them, at least `least`, in their own order. */
  some<T>(items: readonly T[], least = 1): T[] {
    const count = this.between(Math.min(least, items.length), items.length);
    const keys = items.map((item, index) => ({ item, index, dice: this.next() }));
    return keys
      .sort((x, y) => x.dice - y.dice)
      .slice(0, count)
      .sort((x, y) => x.index - y.index)
      .map(({ item }) => item);
  }

  /** Version 4 in form (RFC 9562 §5.4). */
  uuid(): string {
    const hex = (length: number) => Array.from({ length }, () => this.between(0, 15).toString(16)).join('');
    return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
  }

  bytes(target: Uint8Array): void {
    for (let index = 0; index < target.length; index += 1) target[index] = this.between(0, 255);
  }
}
