/** What happened, line by line: hashed as it goes, kept as far as somebody may want to read it. */

/** Lines kept for a failure when nobody asked for all of them. */
const KEPT = 60;

export class Trace {
  readonly #lines: string[] = [];
  readonly #whole: boolean;
  readonly #clock: () => number;
  readonly #start: number;
  #high = 0x81_1c_9d_c5;
  #low = 0x12_34_56_78;

  constructor(clock: () => number, whole: boolean) {
    this.#clock = clock;
    this.#start = clock();
    this.#whole = whole;
  }

  add(line: string): void {
    const at = this.#clock() - this.#start;
    this.#mix(at);
    for (let index = 0; index < line.length; index += 1) this.#mix(line.charCodeAt(index));
    this.#lines.push(`${time(at)} ${line}`);
    if (!this.#whole && this.#lines.length > 2 * KEPT) this.#lines.splice(0, this.#lines.length - KEPT);
  }

  /** Names the run: equal for equal runs. */
  hash(): string {
    return [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, '0')).join('');
  }

  lines(): readonly string[] {
    return this.#whole ? this.#lines : this.#lines.slice(-KEPT);
  }

  #mix(value: number): void {
    this.#high = Math.imul(this.#high ^ (value & 0xff_ff), 0x01_00_01_93);
    this.#low = Math.imul(this.#low ^ value, 0x85_eb_ca_6b) ^ (this.#low >>> 13);
  }
}

/** `2d 03:04:05.678` since the start. */
function time(ms: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const days = Math.floor(ms / 86_400_000);
  const clock = `${two(Math.floor(ms / 3_600_000) % 24)}:${two(Math.floor(ms / 60_000) % 60)}:${two(Math.floor(ms / 1_000) % 60)}`;
  return `${days}d ${clock}.${String(ms % 1_000).padStart(3, '0')}`;
}
