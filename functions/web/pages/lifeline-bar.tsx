/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** The bar of days left: spent leaves are bare, those until the renewal full, the reserve behind it pale. */
import type { Lifeline as LifelineData } from './lifeline.ts';
import { STEM } from './motif.tsx';
import { utcDate } from './time.ts';

const Section = ({ from, to, kind }: { from: number; to: number; kind: string }) =>
  to - from < 0.5 ? null : (
    <svg
      x={from.toFixed(1)}
      y="0"
      width={(to - from).toFixed(1)}
      height={STEM.height}
      viewBox={`${from.toFixed(1)} 0 ${(to - from).toFixed(1)} ${STEM.height}`}
    >
      <use href="#leaves" class={kind} width={STEM.width} height={STEM.height} />
    </svg>
  );

export const Lifeline = ({ line }: { line: LifelineData }) => {
  const today = line.spent * STEM.width;
  const renewal = line.renewal === null ? STEM.width : line.renewal * STEM.width;
  // Past its renewal a certificate lives on the reserve: what is left is shown in full, in the colour of its urgency.
  const reserve = today >= renewal ? STEM.width : renewal;
  const left = `${line.left.value} ${line.left.unit}`;
  return (
    <figure class={`lifeline ${line.urgency}`}>
      <svg
        viewBox={`0 0 ${STEM.width} ${STEM.height}`}
        role="img"
        aria-label={`${left} left of a lifetime of ${line.lifetimeDays} ${line.lifetimeDays === 1 ? 'day' : 'days'}`}
      >
        <path class="stem lived" d={`M0 ${STEM.middle}H${today.toFixed(1)}`} />
        <path class="stem" d={`M${today.toFixed(1)} ${STEM.middle}H${reserve.toFixed(1)}`} />
        <path class="stem kept" d={`M${reserve.toFixed(1)} ${STEM.middle}H${STEM.width}`} />
        <Section from={0} to={today} kind="spent" />
        <Section from={today} to={reserve} kind="full" />
        <Section from={reserve} to={STEM.width} kind="reserve" />
        {line.renewal === null ? null : <path class="bud" d={`M${renewal.toFixed(1)} ${STEM.middle - 9}l6 9l-6 9l-6 -9Z`} />}
        <path class="today" d={`M${today.toFixed(1)} 0V${STEM.height}`} />
      </svg>
      <figcaption>
        <span>{utcDate(line.notBefore)}</span>
        <span>
          {line.urgency === 'expired' ? 'expired' : 'expires'} {utcDate(line.notAfter)}
        </span>
      </figcaption>
    </figure>
  );
};

/** For a certificate that was never issued: a stem without leaves. */
export const BareStem = () => (
  <figure class="lifeline bare">
    <svg viewBox={`0 0 ${STEM.width} ${STEM.height}`} role="img" aria-label="not issued yet">
      <path class="stem" d={`M0 ${STEM.middle}H${STEM.width}`} />
    </svg>
  </figure>
);
