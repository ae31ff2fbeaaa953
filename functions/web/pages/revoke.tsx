/** @jsxRuntime automatic @jsxImportSource hono/jsx */
/** The form that revokes a certificate. It cannot be taken back, so it asks for the certificate's name. */
import type { CertificateModel } from './model.ts';

export const Revoke = ({ model: { view, mayRevoke } }: { model: CertificateModel }) =>
  mayRevoke === null ? null : (
    <section>
      <details id="revoke" class="revoke">
        <summary>Revoke this certificate</summary>
        <p>The CA withdraws it for good, whoever serves it. A new one is ordered at once; until that is served, clients that look may refuse the connection.</p>
        <form method="post" action={`/api/v1/certificates/${view.name}/revoke`} autocomplete="off">
          <input type="hidden" name="sha256" value={mayRevoke} />
          <label for="reason">Why</label>
          <select id="reason" name="reason">
            <option value="superseded">It is superseded</option>
            <option value="key-compromise">Its key may be in other hands</option>
            <option value="affiliation-changed">Its names belong to somebody else now</option>
            <option value="cessation-of-operation">Its names are given up</option>
            <option value="unspecified">Another reason</option>
          </select>
          <label for="signer">Signed with</label>
          <select id="signer" name="signer">
            <option value="account">the ACME account’s key</option>
            <option value="certificate">the certificate’s own key, by the relay</option>
          </select>
          <label for="confirm">Type “{view.name}” to confirm</label>
          <input id="confirm" name="confirm" required maxlength={63} autocapitalize="none" spellcheck={false} />
          <button class="danger">Revoke {view.name}</button>
        </form>
      </details>
    </section>
  );
