/** The relay's side of the link: requests reach its application directly, and what it reports reaches the world. */
export class EdgeLink {
  readonly #options: { reported?: (event: unknown) => void };

  constructor(options: object) {
    this.#options = options;
  }

  async report(event: unknown): Promise<void> {
    this.#options.reported?.(event);
  }

  start(): void {}

  async stop(): Promise<void> {}
}
