/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** The stations of a renewal as a line, like a route map: horizontal when wide, vertical on a phone. */
import type { Step } from './steps.ts';
import { STATION_MEANING } from './steps.ts';
import { duration, iso } from './time.ts';

const SPOKEN: Record<Step['state'], string> = {
  done: 'done',
  current: 'under way',
  failed: 'failed, to be tried again',
  pending: 'still to come',
  skipped: 'not needed',
};

const Length = ({ step }: { step: Step }) => {
  if (step.ms === null) return null;
  if (step.since === null) return <span class="length">{duration(step.ms)}</span>;
  return (
    <time class="length" datetime={iso(step.since)} data-since={step.since}>
      {duration(step.ms)}
    </time>
  );
};

export const Stepper = ({ steps, label }: { steps: readonly Step[]; label: string }) => (
  <ol class="stepper" aria-label={label}>
    {steps.map((step) => (
      <li class={step.state} title={STATION_MEANING[step.name]} aria-current={step.state === 'current' ? 'step' : undefined}>
        <span class="station" aria-hidden="true" />
        <span class="step-name">{step.name}</span>
        <span class="hidden">: {SPOKEN[step.state]} </span>
        <Length step={step} />
      </li>
    ))}
  </ol>
);
