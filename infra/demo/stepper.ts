/**
 * The live stepper: a certificate's phases as lines of text. Pure: a view and a time in, lines out. How they get on a
 * screen is {@link Screen}'s matter.
 */
import type { CertificateView, Phase } from '../../functions/certificates/ports.ts';

export const PHASES = ['order', 'present', 'propagate', 'validate', 'finalize', 'download', 'install', 'reload', 'verify'] as const satisfies readonly Phase[];
type Step = (typeof PHASES)[number];

/** What each phase does, for somebody who sees it for the first time. */
const MEANING: Readonly<Record<Step, string>> = {
  order: 'an order at the CA',
  present: 'key and CSR made by the relay, TXT records written through the Cloudflare API',
  propagate: 'every authoritative server and public resolver shows them',
  validate: 'the CA looks them up',
  finalize: 'the CSR goes to the CA',
  download: 'the chain comes back and is checked against the CSR',
  install: 'the relay writes key and certificate into the Nomad variable',
  reload: 'the proxy takes them up',
  verify: 'TLS handshakes with every instance show the new leaf',
};

export interface StepperOptions {
  /** Unix milliseconds. */
  now: number;
  colour: boolean;
  /** Longest line, characters. */
  width: number;
  /** Counts up with every drawing; turns the wheel. */
  frame?: number;
}

type StepState = 'done' | 'running' | 'failed' | 'open';
interface StepFacts {
  state: StepState;
  ms: number | undefined;
}

const WHEEL = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const NAME_WIDTH = 10;
const TIME_WIDTH = 8;
/** Indentation, sign and the gaps between columns. */
const MARGINS = 6;

export interface Painter {
  dim(text: string): string;
  bold(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

export function painter(colour: boolean): Painter {
  const code = (open: number, close: number) => (text: string) => (colour ? `\u001B[${open}m${text}\u001B[${close}m` : text);
  return { dim: code(2, 22), bold: code(1, 22), green: code(32, 39), yellow: code(33, 39), red: code(31, 39), cyan: code(36, 39) };
}

/** One line per phase, and one for what it waits for or what failed. */
export function renderStepper(view: CertificateView, options: StepperOptions): string[] {
  const paint = painter(options.colour);
  const lines = PHASES.map((step) => stepLine(step, factsOf(view, step, options.now), view, options, paint));
  const failure = view.issuance?.failure ?? view.deliveries.find((delivery) => delivery.failure !== null)?.failure;
  if (failure !== undefined && failure !== null) {
    const again = failure.retryAt === null ? '' : `; next try in ${seconds(Math.max(0, failure.retryAt - options.now))}`;
    lines.push(paint.yellow(clip(`  ! ${failure.message}${again}`, options.width)));
  } else {
    lines.push(paint.dim(clip(`    ${view.waitingFor ?? view.reason}`, options.width)));
  }
  return lines;
}

function stepLine(step: Step, { state, ms }: StepFacts, view: CertificateView, { width, frame = 0 }: StepperOptions, paint: Painter): string {
  const time = (ms === undefined ? '' : seconds(ms)).padStart(TIME_WIDTH);
  const detail = state === 'running' ? runningDetail(step, view) : MEANING[step];
  const text = clip(detail, width - NAME_WIDTH - TIME_WIDTH - MARGINS);
  switch (state) {
    case 'done':
      return `  ${paint.green('✓')} ${step.padEnd(NAME_WIDTH)}${paint.dim(time)}  ${paint.dim(text)}`.trimEnd();
    case 'running':
      return `  ${paint.cyan(WHEEL[frame % WHEEL.length] ?? '·')} ${paint.bold(step.padEnd(NAME_WIDTH))}${time}  ${text}`.trimEnd();
    case 'failed':
      return `  ${paint.red('✗')} ${step.padEnd(NAME_WIDTH)}${time}  ${text}`.trimEnd();
    case 'open':
    default:
      return paint.dim(`  · ${step}`);
  }
}

function runningDetail(step: Step, view: CertificateView): string {
  if (step === 'propagate' && view.issuance?.propagation) return view.issuance.propagation.summary;
  return view.waitingFor ?? MEANING[step];
}

/** A phase may have been entered several times: a retry goes back. Its times add up. */
function factsOf(view: CertificateView, step: Step, now: number): StepFacts {
  const { issuance } = view;
  if (issuance === null) {
    const finished = view.history[0]?.phases.filter(({ name }) => name === step) ?? [];
    if (finished.length > 0) return { state: 'done', ms: sum(finished.map(({ ms }) => ms)) };
    return { state: view.state === 'live' && view.history.length > 0 ? 'done' : 'open', ms: undefined };
  }
  const entries = issuance.phases.filter(({ name }) => name === step);
  const last = entries.at(-1);
  if (last === undefined) return { state: 'open', ms: undefined };
  const ms = sum(entries.map(({ startedAt, endedAt }) => (endedAt ?? now) - startedAt));
  if (view.phase === step) return { state: issuance.failure === null ? 'running' : 'failed', ms };
  return { state: last.endedAt === null ? 'running' : 'done', ms };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** `0.12 s`, `41 s`, `3 min`. */
export function seconds(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** Cuts plain text (no escapes in it) to a width. */
export function clip(text: string, width: number): string {
  if (width < 1) return '';
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Tells, for output that cannot be redrawn, what changed between two views: one line per finished phase or new failure. */
export class StepLog {
  readonly #told = new Set<string>();

  /** Lines that were not told yet. */
  update(view: CertificateView): string[] {
    const lines: string[] = [];
    const tell = (key: string, line: string): void => {
      if (this.#told.has(key)) return;
      this.#told.add(key);
      lines.push(line);
    };
    const { issuance } = view;
    if (issuance !== null) {
      for (const [index, { name, startedAt, endedAt }] of issuance.phases.entries()) {
        if (endedAt !== null) tell(`${issuance.id}/${name}`, `  ✓ ${name.padEnd(NAME_WIDTH)}${seconds(endedAt - startedAt).padStart(TIME_WIDTH)}`);
        else if (view.waitingFor !== null)
          tell(`${issuance.id}/${index}/${view.waitingFor}`, `  … ${name.padEnd(NAME_WIDTH)}${''.padStart(TIME_WIDTH)}  ${view.waitingFor}`);
      }
      const { failure } = issuance;
      if (failure !== null) tell(`${issuance.id}/${failure.code}/${issuance.attempt}/${failure.message}`, `  ! ${failure.message}`);
      return lines;
    }
    const [finished] = view.history;
    for (const { name, ms } of finished?.phases ?? [])
      tell(`${finished?.id ?? ''}/${name}`, `  ✓ ${name.padEnd(NAME_WIDTH)}${seconds(ms).padStart(TIME_WIDTH)}`);
    return lines;
  }

  /** Takes what a view shows as told: the history that was there before. */
  skip(view: CertificateView): void {
    this.update(view);
  }
}

/** Draws lines over the ones it drew before. */
export class Screen {
  readonly #write: (text: string) => void;
  #height = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  draw(lines: readonly string[]): void {
    const up = this.#height === 0 ? '' : `\u001B[${this.#height}A`;
    this.#write(`${up}${lines.map((line) => `\u001B[2K${line}\n`).join('')}\u001B[0J`);
    this.#height = lines.length;
  }

  /** What was drawn stays; the next drawing begins below. */
  keep(): void {
    this.#height = 0;
  }
}
