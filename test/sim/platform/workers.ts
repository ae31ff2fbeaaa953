/** `cloudflare:workers`, as much of it as the objects name. */
export class DurableObject {
  readonly ctx: unknown;
  readonly env: unknown;

  constructor(context: unknown, environment: unknown) {
    this.ctx = context;
    this.env = environment;
  }
}
