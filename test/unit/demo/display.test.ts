import { describe, expect, it } from 'vitest';
import { Display } from '../../../infra/demo/display.ts';
import { runningView } from './views.ts';

/** What a display writes about a running renewal to a terminal of that many columns. */
function drawn(columns: number | undefined): string {
  let written = '';
  const terminal = { write: (text: string) => (written += text), isTTY: true, ...(columns === undefined ? {} : { columns }) };
  new Display({ output: terminal, diagnostics: terminal }, { json: false, colour: true }).step(runningView());
  return written;
}

describe('the display', () => {
  it.each([120, 0, undefined])('says what a phase waits for on a terminal of %s columns: 0 is one that was never given a size', (columns) => {
    expect(drawn(columns)).toContain('1 of 2 authoritative servers');
  });

  it('cuts lines to a narrow terminal, so that redrawing finds them again', () => {
    expect(drawn(30)).not.toContain('1 of 2 authoritative servers');
  });
});
