/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** `/certificates/:name`: everything known of one certificate, with every instance and the last issuances. */
import { Badge } from './badge.tsx';
import { Actions, DaysLeft, Line, NextStep } from './certificate-row.tsx';
import { DeliveryTable } from './deliveries.tsx';
import { Facts } from './facts.tsx';
import { History } from './history.tsx';
import { BareStem, Lifeline } from './lifeline-bar.tsx';
import type { CertificateModel } from './model.ts';
import { Propagation } from './propagation.tsx';
import { Revoke } from './revoke.tsx';
import { Masthead, Shell, toPage, type Page } from './shell.tsx';

/** @param notice answer to the last button that was pressed, one sentence. @param now Unix ms, the moment `model` is of. */
export function certificatePage(model: CertificateModel, now: number, notice: string | null = null): Page {
  const { view } = model;
  return toPage(
    <Shell title={`${view.name}: ${model.wording.label}. Perennial`} live={{ moving: model.moving }}>
      <header class="board detail" id="board" data-keep>
        <Masthead now={now} signedIn />
        <div class="hero">
          <div class="statement">
            <p class="crumb">
              <a href="/">All certificates</a>
            </p>
            <h1>{view.name}</h1>
            <p>
              <Badge wording={model.wording} /> {model.wording.meaning}
            </p>
          </div>
          <DaysLeft model={model} />
        </div>
      </header>
      <main class="certificate-page" id="certificate" data-keep>
        {notice === null ? null : (
          <p class="notice" role="status">
            {notice}
          </p>
        )}
        {model.lifeline === null ? <BareStem /> : <Lifeline line={model.lifeline} />}
        <section>
          <h2>{view.issuance === null ? 'What happens next' : `Renewal, attempt ${view.issuance.attempt}`}</h2>
          <Line model={model} />
          <NextStep model={model} now={now} />
          {view.issuance?.propagation ? <Propagation report={view.issuance.propagation} /> : null}
          <Actions model={model} />
        </section>
        <section>
          <h2>Where it is served</h2>
          {model.deliveries.map((delivery) => (
            <DeliveryTable model={delivery} now={now} />
          ))}
        </section>
        <Facts model={model} now={now} />
        <History history={view.history} />
        <Revoke model={model} />
      </main>
    </Shell>,
  );
}
