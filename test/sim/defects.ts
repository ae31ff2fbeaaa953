/** Defects that are put into the code to prove that the simulator finds them: one place in one file each. */
export interface Defect {
  name: string;
  /** What is wrong then, as the end of "it …". */
  what: string;
  file: string;
  find: string;
  replace: string;
}

export const DEFECTS: readonly Defect[] = [
  {
    name: 'intent-not-stored',
    what: 'does not store the intent before newOrder, answers and finalize',
    file: 'functions/certificates/phases/context.ts',
    find: '  issuance.intent = intent;\n  context.persist();\n',
    replace: '  issuance.intent = intent;\n',
  },
  {
    name: 'order-not-stored',
    what: "does not store the order's URL as soon as it is known, and orders again after a failure",
    file: 'functions/certificates/phases/order.ts',
    find: '  issuance.order = order;\n',
    replace: '',
  },
  {
    name: 'write-before-ledger',
    what: 'writes to the DNS vendor first, and says afterwards that it is about to',
    file: 'functions/dns/zone-writer.ts',
    find: `    this.#ledger.setIntent(intent);
    this.#ledger.markSent(
      plan.add.flatMap(({ entries }) => entries),
      this.#clock(),
    );
    try {`,
    replace: `    queueMicrotask(() => {
      setTimeout(() => {
        this.#ledger.setIntent(intent);
        this.#ledger.markSent(plan.add.flatMap(({ entries }) => entries), this.#clock());
      }, 500);
    });
    try {`,
  },
  {
    name: 'clean-up-forgotten',
    what: 'takes records for cleaned up without asking for it',
    file: 'functions/certificates/phases/clean-up.ts',
    find: "  await context.ports.dns.cleanUp(issuance.id, operationId(issuance, 'clean-up'), issuance.placed);\n",
    replace: '',
  },
  {
    name: 'foreign-record-removed',
    what: 'removes a record by its name, and not exactly the one that it wrote',
    file: 'functions/dns/zone-plan.ts',
    find: '    const ours = there.find((record) => isOurs(record, siblings));\n',
    replace: `    const leaving = rows.some(({ state }) => state === 'removing');
    const ours = leaving ? listed.findLast(({ name }) => name === rows[0]?.name) : there.find((record) => isOurs(record, siblings));
`,
  },
  {
    name: 'finalize-without-looking',
    what: 'gives an order up when the reply to finalize was lost, without asking how it stands',
    file: 'functions/certificates/failures.ts',
    find: "  if (step.do === 'order') return false;\n",
    replace: "  if (step.do === 'order') return false;\n  if (step.do === 'finalize') return true;\n",
  },
  {
    name: 'foreign-items-lost',
    what: 'writes the pair alone into a variable, without the items of others',
    file: 'infra/relay/install/install.ts',
    find: '...standing?.items, [target.certificateItem]: chain.pem',
    replace: '[target.certificateItem]: chain.pem',
  },
  {
    name: 'retry-at-once',
    what: 'tries again at once after every failure',
    file: 'functions/certificates/backoff.ts',
    find: '  return Math.round(Math.max(input.now + wait, input.retryAt ?? 0));',
    replace: '  return Math.round(input.now + wait * 0);',
  },
];
