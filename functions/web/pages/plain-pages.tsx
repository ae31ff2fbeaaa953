/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/**
 * Pages for people without a session, and pages that say no. None of them holds a name, a number or a cause: whoever
 * has no token learns the overall state and nothing else.
 */
import { ToneMark } from './badge.tsx';
import { Mark, Plant } from './motif.tsx';
import { PUBLIC_SENTENCE, TONE_OF, type OverallState, type Tally } from './overall.ts';
import { Shell, toPage, type Page } from './shell.tsx';

const NONE: Tally = { new: 0, live: 0, 'partly-live': 0, renewing: 0, waiting: 0, failing: 0, 'needs-attention': 0, retired: 0 };
/** The same plant for every deployment in a state: its leaves count nothing. */
const PICTURE: Record<OverallState, Tally> = {
  well: { ...NONE, live: 9 },
  working: { ...NONE, live: 7, renewing: 2 },
  attention: { ...NONE, live: 7, waiting: 2 },
  failing: { ...NONE, live: 7, failing: 2 },
  misconfigured: { ...NONE, live: 7, failing: 2 },
  empty: NONE,
};

/** `/` without a session. */
export function publicPage(overall: OverallState): Page {
  return toPage(
    <Shell title="Perennial" live={{ moving: false }}>
      <main class="board plain overall" id="public" data-keep>
        <div class="words">
          <ToneMark tone={TONE_OF[overall]} />
          <h1>{PUBLIC_SENTENCE[overall]}</h1>
          <p>
            <a href="/login">Sign in</a> to see more.
          </p>
        </div>
        <Plant tally={PICTURE[overall]} />
      </main>
    </Shell>,
  );
}

/** `/login`. @param error one sentence; says nothing about what the token would have to be. */
export function loginPage(error?: string): Page {
  return toPage(
    <Shell title="Sign in to Perennial" live={null}>
      <main class="board plain">
        <Mark />
        <h1>Sign in</h1>
        {error === undefined ? null : (
          <p class="failure" role="alert" id="login-error">
            {error}
          </p>
        )}
        <form class="login" method="post" action="/login">
          <label for="token">Administrator token</label>
          <input
            id="token"
            name="token"
            type="password"
            autocomplete="current-password"
            required
            maxlength={500}
            autofocus
            aria-describedby={error === undefined ? undefined : 'login-error'}
          />
          <button class="strong">Sign in</button>
        </form>
      </main>
    </Shell>,
  );
}

export function notFoundPage(): Page {
  return sentencePage('Nothing grows here.', 'There is no such page, or no certificate of that name.');
}

/** @param reference id of the log line, so that whoever reads the log finds the cause. */
export function errorPage(reference: string | null = null): Page {
  return sentencePage(
    'The page could not be drawn.',
    reference === null
      ? 'The certificates are not affected. Try again in a moment.'
      : `The certificates are not affected. The log has the cause under ${reference}.`,
  );
}

function sentencePage(sentence: string, more: string): Page {
  return toPage(
    <Shell title={`${sentence} Perennial`} live={null}>
      <main class="board plain">
        <Mark />
        <h1>{sentence}</h1>
        <p>{more}</p>
        <p>
          <a href="/">Back to the board</a>
        </p>
      </main>
    </Shell>,
  );
}
