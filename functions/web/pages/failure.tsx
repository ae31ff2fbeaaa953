/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** A failure as people need it: what, what to do, when it is tried again, and the code to search for. */
import { Moment } from './time-text.tsx';

export interface FailureData {
  code: string;
  message: string;
  hint: string | null;
  retryAt: number | null;
}

export const Failure = ({ failure, now }: { failure: FailureData; now: number }) => (
  <div class="failure">
    <p>
      {failure.message} <code>{failure.code}</code>
    </p>
    {failure.hint === null ? null : <Hint text={failure.hint} />}
    <p class="soft">
      {failure.retryAt === null ? (
        'It is not tried again by itself.'
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
