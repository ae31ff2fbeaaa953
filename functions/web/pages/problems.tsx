/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** What somebody has to repair before Perennial can work: errors of `certificates.toml` and steps of the setup. */
import type { Problem } from '../../config/configuration.ts';
import type { SetupProblem } from './model.ts';

const place = (problem: Problem): string =>
  problem.line === undefined ? 'certificates.toml' : `certificates.toml:${problem.line}${problem.column === undefined ? '' : `:${problem.column}`}`;

export const ConfigurationErrors = ({ problems, lastGoodInForce }: { problems: readonly Problem[]; lastGoodInForce: boolean }) =>
  problems.length === 0 ? null : (
    <section class="problems" id="configuration" data-keep>
      <h2>
        {problems.length} {problems.length === 1 ? 'error' : 'errors'} in the configuration
      </h2>
      <p>
        {lastGoodInForce
          ? 'The last good configuration stays in force: what it names is kept alive. Nothing of the new file is used until it is right.'
          : 'Nothing is issued and nothing is lost. Correct the file and deploy again.'}
      </p>
      <ol>
        {problems.map((problem) => (
          <li>
            <p>{problem.message}</p>
            <p class="soft">
              <code>{place(problem)}</code> {problem.path === '' ? null : <code>{problem.path}</code>}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );

export const SetupProblems = ({ setup }: { setup: readonly SetupProblem[] }) =>
  setup.length === 0 ? null : (
    <section class="problems setup" id="setup" data-keep>
      <h2>Still to be set up</h2>
      <ol>
        {setup.map((problem) => (
          <li>
            <p>
              <b>{problem.what}</b> {problem.why}
            </p>
            {problem.command === null ? null : <pre>{problem.command}</pre>}
          </li>
        ))}
      </ol>
    </section>
  );
