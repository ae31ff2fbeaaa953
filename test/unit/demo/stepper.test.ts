import { describe, expect, it } from 'vitest';
import type { CertificateView } from '../../../functions/certificates/ports.ts';
import { PHASES, renderStepper, Screen, StepLog } from '../../../infra/demo/stepper.ts';
import { finishedView, runningView } from './views.ts';

const plain = { now: 5_000, colour: false, width: 100 };
const line = (view: CertificateView, phase: string): string => renderStepper(view, plain).find((candidate) => candidate.slice(4).startsWith(phase)) ?? '';

describe('the stepper', () => {
  it('shows every phase once, in order, and below them what it waits for', () => {
    const lines = renderStepper(runningView(), plain);
    expect(lines.map((candidate) => candidate.slice(4).split(' ')[0])).toEqual([...PHASES, '1']);
    expect(lines.at(-1)?.trim()).toBe('1 of 2 authoritative servers.');
  });

  it('gives a finished phase its time, the running one the time so far and the propagation as it stands, the others none', () => {
    const view = runningView();
    expect(line(view, 'order')).toMatch(/^ {2}✓ order +1\.00 s /);
    expect(line(view, 'propagate')).toMatch(/^ {2}⠋ propagate +2\.50 s {2}1 of 2 authoritative servers$/);
    expect(line(view, 'validate')).toBe('  · validate');
  });

  it('adds up a phase that was entered twice', () => {
    const view = runningView();
    view.issuance?.phases.unshift({ name: 'order', startedAt: 0, endedAt: 500 });
    expect(line(view, 'order')).toContain('1.50 s');
  });

  it('says what failed and when the next try is', () => {
    const view = runningView({
      class: 'dns',
      code: 'dns_timeout',
      message: 'Cloudflare did not answer.',
      hint: null,
      retryAt: 35_000,
      attention: false,
      stopped: false,
    });
    expect(renderStepper(view, plain).at(-1)).toBe('  ! Cloudflare did not answer.; next try in 30 s');
    expect(line(view, 'propagate')).toMatch(/^ {2}✗ /);
  });

  it('takes the times of a finished issuance from the history', () => {
    expect(line(finishedView(), 'install')).toMatch(/^ {2}✓ install +0\.06 s/);
  });

  it('never draws a line that is wider than the terminal', () => {
    for (const width of [24, 40, 80])
      expect(Math.max(...renderStepper(runningView(), { ...plain, width }).map((text) => text.length))).toBeLessThanOrEqual(width);
  });
});

describe('the screen', () => {
  it('draws over what it drew before, and below what it shall keep', () => {
    const written: string[] = [];
    const screen = new Screen((text) => written.push(text));
    screen.draw(['a', 'b']);
    screen.draw(['c']);
    screen.keep();
    screen.draw(['d']);
    expect(written.map((text) => text.startsWith('\u001B[2A'))).toEqual([false, true, false]);
  });
});

describe('the log of a terminal that cannot be redrawn', () => {
  it('tells each finished phase once', () => {
    const log = new StepLog();
    expect(log.update(runningView()).join('\n')).toMatch(/✓ order +1\.00 s/);
    expect(log.update(runningView())).toEqual([]);
    expect(log.update(finishedView()).some((text) => text.includes('install'))).toBe(true);
  });

  it('does not tell the history that was there before', () => {
    const log = new StepLog();
    log.skip(finishedView());
    expect(log.update(finishedView())).toEqual([]);
  });
});
