/**
 * Errors of the API. They travel in an envelope with HTTP status 200, and a few in other shapes: the limit as a bare 405,
 * an outage as a page, a lost connection as nothing at all.
 *
 * Numbers seen in public: 1011102, 1010101, 1010102, 1010104, 1010105, 1011105, 1011150, 1017101, 2016166, 2019166, 2030166,
 * 2030288, 2050900, 4013288, 500000. The others (1010103, 1011103, 1011104, 2010166) continue the vendor's pattern, where 1010xxx
 * says missing and 1011xxx invalid, for refusals that are documented without their number.
 */
import type { Element } from './xml.ts';

export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly number: number;
  /** Looks like an empty domain, and stands beside the error (captured): a careless client takes it for the truth. */
  readonly result: Element | undefined;

  constructor(number: number, message: string, result?: Element) {
    super(message);
    this.number = number;
    this.result = result;
  }
}

/** The connection broke: the request or its reply got lost, as `fetch` reports it. */
export class ConnectionLost extends TypeError {
  constructor() {
    super('fetch failed');
  }
}

/** An answer that is no envelope. */
export function page(status: number, title: string): Response {
  const body = `<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\r\n<html><head><title>${title}</title></head>\r\n<body><h2>${title}</h2></body></html>\r\n`;
  return new Response(body, { status, headers: { 'content-type': 'text/html; charset=utf-8' } });
}
