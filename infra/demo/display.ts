/**
 * Where the demo talks to: a terminal it may redraw, plain lines, or standard error while standard output is kept for
 * one JSON object.
 */
import type { CertificateView } from '../../functions/certificates/ports.ts';
import { toPerennialError } from '../../shared/errors.ts';
import { renderProof, type Proof } from './proof.ts';
import { painter, renderStepper, Screen, StepLog } from './stepper.ts';

/** What a stream has to offer; `process.stdout` and `process.stderr` do. */
export interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const PLAIN_WIDTH = 120;

export class Display {
  readonly #prose: Terminal;
  readonly #output: Terminal;
  readonly #json: boolean;
  readonly #live: boolean;
  readonly #screen: Screen;
  readonly #log = new StepLog();
  #frame = 0;

  /** @param colour whether escape sequences for colours and redrawing may be used on a terminal. */
  constructor(streams: { output: Terminal; diagnostics: Terminal }, options: { json: boolean; colour: boolean }) {
    this.#output = streams.output;
    this.#prose = options.json ? streams.diagnostics : streams.output;
    this.#json = options.json;
    this.#live = this.#prose.isTTY === true && options.colour;
    this.#screen = new Screen((text) => this.#prose.write(text));
  }

  say(line: string): void {
    this.#screen.keep();
    this.#prose.write(`${painter(this.#live).dim('·')} ${line}\n`);
  }

  lines(lines: readonly string[]): void {
    this.#screen.keep();
    this.#prose.write(`\n${lines.map((line) => `  ${line}`.trimEnd()).join('\n')}\n\n`);
  }

  heading(text: string): void {
    this.#screen.keep();
    this.#prose.write(`\n  ${painter(this.#live).bold(text)}\n\n`);
  }

  step(view: CertificateView): void {
    if (this.#live) this.#screen.draw(renderStepper(view, { now: Date.now(), colour: true, width: this.#width(), frame: this.#frame++ }));
    else for (const line of this.#log.update(view)) this.#prose.write(`${line}\n`);
  }

  /** A terminal that was never given a size says 0. */
  #width(): number {
    const { columns = 0 } = this.#prose;
    return columns > 0 ? columns : PLAIN_WIDTH;
  }

  /** What this view tells is old: it is not shown. */
  skip(view: CertificateView): void {
    this.#log.skip(view);
  }

  proof(proof: Proof): void {
    this.#screen.keep();
    this.#prose.write(`\n${renderProof(proof, this.#live).join('\n')}\n\n`);
  }

  /** The object of `--json`, on one line; nothing else goes to standard output then. */
  result(proof: Proof): void {
    if (this.#json) this.#output.write(`${JSON.stringify(proof)}\n`);
  }

  failure(thrown: unknown): void {
    this.#screen.keep();
    const error = toPerennialError(thrown, 'demo_failed', thrown instanceof Error ? thrown.message : 'The demo failed.');
    this.#prose.write(`${painter(this.#live).red('✗')} ${error.message}\n${error.hint === undefined ? '' : `  ${error.hint}\n`}`);
  }
}
