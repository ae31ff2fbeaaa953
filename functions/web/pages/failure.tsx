/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** A failure as people need it: what, what to do, when it is tried again, and the code to search for. */
import { Moment, Sentence } from './time-text.tsx';

export interface FailureData {
  code: string;
  message: string;
  hint: string | null;
  /** Unix ms of the next try; null when there is none by itself. */
  retryAt: number | null;
  /** Past the point up to which it may well get better by itself. */
  attention?: boolean;
  /** No next try by itself, whatever `retryAt` says. */
  stopped?: boolean;
}

export const isStopped = ({ retryAt, stopped }: FailureData): boolean => retryAt === null || stopped === true;

/** @param press label of the button that tries it again; null where there is none. */
export const Failure = ({ failure, now, press }: { failure: FailureData; now: number; press: string | null }) => (
  <div class="failure">
    {failure.attention === true || isStopped(failure) ? <p class="look">Somebody has to look.</p> : null}
    <p>
      <Sentence text={failure.message} /> <code>{failure.code}</code>
    </p>
    {failure.hint === null ? null : <Hint text={failure.hint} />}
    <p class="soft">
      {failure.retryAt === null || isStopped(failure) ? (
        press === null ? (
          'It is not tried again by itself.'
        ) : (
          `It is not tried again by itself: press “${press}”.`
        )
      ) : (
        <>
          {failure.retryAt <= now ? 'Next try: ' : 'Next try '}
          <Moment now={now} at={failure.retryAt} />
        </>
      )}
    </p>
  </div>
);

/** A record in a sentence, as hints name one that is to be created. */
const RECORD = /([a-z0-9_-]+(?:\.[a-z0-9_-]+)+ CNAME [a-z0-9_-]+(?:\.[a-z0-9_-]+)+)/;

/** What to do. A record to create stands on a line of its own, as it is written into a zone. */
export const Hint = ({ text }: { text: string }) => (
  <div class="hint">
    {text.split(RECORD).map((part, index) => {
      if (index % 2 === 0) return part.trim() === '' ? null : <p class={index === 0 ? undefined : 'soft'}>{part.trim()}</p>;
      const [name = '', , target = ''] = part.split(' ');
      return (
        <pre>
          {name}. CNAME {target}.
        </pre>
      );
    })}
  </div>
);
