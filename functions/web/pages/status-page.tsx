/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** `/` with a session: the board with the overall state and what leaves next, then every certificate. */
import { Authorities } from './authorities.tsx';
import { CertificateRow } from './certificate-row.tsx';
import { Clusters, Events } from './health.tsx';
import { ToneMark } from './badge.tsx';
import type { Departure, Paging, StatusModel } from './model.ts';
import { Plant } from './motif.tsx';
import { ConfigurationErrors, SetupProblems } from './problems.tsx';
import { Masthead, Shell, toPage, type Page } from './shell.tsx';
import { iso, relative, utcMinute } from './time.ts';
import { CERTIFICATE_STATE } from './wording.ts';
import { StoppedZones, Zones } from './zones.tsx';

export function statusPage(model: StatusModel): Page {
  return toPage(
    <Shell title={`${model.overall.sentence} Perennial`} live={{ moving: model.moving }}>
      <header class="board" id="board" data-keep>
        <Masthead now={model.now} signedIn />
        <div class="hero">
          <div class="statement">
            <h1>{model.overall.sentence}</h1>
            <Counts model={model} />
          </div>
          <Plant tally={model.tally} />
          <Departures rows={model.upcoming} now={model.now} />
        </div>
      </header>
      <main>
        {model.notice === null ? null : (
          <p class="notice" role="status">
            {model.notice}
          </p>
        )}
        <StoppedZones zones={model.zones} />
        <ConfigurationErrors {...model.configuration} />
        <SetupProblems setup={model.setup} />
        <div class="columns">
          <div>
            <section class="certificates" aria-labelledby="certificates-heading">
              <div class="section-head">
                <h2 id="certificates-heading">Certificates</h2>
                <Search paging={model.paging} />
              </div>
              <div id="rows" data-keep>
                {model.certificates.length === 0 ? (
                  <NoCertificates paging={model.paging} />
                ) : (
                  model.certificates.map((certificate) => <CertificateRow model={certificate} now={model.now} />)
                )}
              </div>
              <Pages model={model} />
            </section>
            <Zones zones={model.zones} now={model.now} />
          </div>
          <aside>
            <Clusters clusters={model.clusters} now={model.now} />
            <Authorities authorities={model.authorities} now={model.now} />
            <Events events={model.events} now={model.now} />
          </aside>
        </div>
      </main>
    </Shell>,
  );
}

const Counts = ({ model: { tally } }: { model: StatusModel }) => (
  <ul class="counts">
    {Object.entries(CERTIFICATE_STATE).map(([state, wording]) => {
      const count = Object.entries(tally).find(([counted]) => counted === state)?.[1] ?? 0;
      return count === 0 ? null : (
        <li class={`tone-${wording.tone}`} title={wording.meaning}>
          <ToneMark tone={wording.tone} /> <b>{count}</b> {count === 1 ? wording.label : (wording.many ?? wording.label)}
        </li>
      );
    })}
  </ul>
);

const Departures = ({ rows, now }: { rows: readonly Departure[]; now: number }) =>
  rows.length === 0 ? null : (
    <table class="departures">
      <caption>Next</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">When</th>
          <th scope="col">Certificate</th>
          <th scope="col">What and why</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            <td>
              <time datetime={iso(row.at)} title={utcMinute(row.at)}>
                {relative(now, row.at)}
              </time>
            </td>
            <th scope="row">
              <a href={`/certificates/${row.certificate}`}>{row.certificate}</a>
            </th>
            <td class="why" title={row.why}>
              <b>{row.what}</b> {row.why}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );

const Search = ({ paging }: { paging: Paging }) =>
  paging.query === null ? null : (
    <form class="search" method="get" action="/" role="search">
      <label>
        <span class="hidden">Find a certificate by name or domain</span>
        <input type="search" name="q" id="q" value={paging.query} placeholder="Name or domain" maxlength={253} />
      </label>
      <button>Find</button>
    </form>
  );

const NoCertificates = ({ paging }: { paging: Paging }) =>
  paging.query === null || paging.query === '' ? (
    <div class="blank">
      <p>
        <b>No certificate is configured.</b> Name one in <code>certificates.toml</code> and deploy; it appears here and is ordered by itself.
      </p>
      <pre>{`[[certificates]]\nname = "matrix"\ndomains = ["matrix.example.net", "*.matrix.example.net"]`}</pre>
    </div>
  ) : (
    <p class="blank">Nothing matches “{paging.query}”.</p>
  );

const Pages = ({ model: { paging, pages } }: { model: StatusModel }) => {
  if (pages <= 1) return null;
  const href = (number: number): string =>
    `/?${new URLSearchParams({ ...(paging.query === null || paging.query === '' ? {} : { q: paging.query }), page: String(number) }).toString()}`;
  const first = (paging.number - 1) * paging.size + 1;
  return (
    <nav class="pages" aria-label="Pages">
      {paging.number > 1 ? (
        <a rel="prev" href={href(paging.number - 1)}>
          ← Previous
        </a>
      ) : (
        <span />
      )}
      <span>
        {first}–{Math.min(paging.total, first + paging.size - 1)} of {paging.total}
      </span>
      {paging.number < pages ? (
        <a rel="next" href={href(paging.number + 1)}>
          Next →
        </a>
      ) : (
        <span />
      )}
    </nav>
  );
};
