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
    {failure.hint === null ? null : <p class="hint">{failure.hint}</p>}
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
