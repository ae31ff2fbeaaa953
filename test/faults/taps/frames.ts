/** WebSocket frames in a byte stream (RFC 6455 §5.2), after the HTTP head that opens it. */

export interface WireFrame {
  /** As it came, header included. */
  bytes: Buffer;
  /** Of an unfragmented text frame; null for everything else. */
  text: string | null;
}

const HEAD_END = '\r\n\r\n';
const TEXT = 0x1;

/** Cuts one direction of a connection into what belongs together: first the head, then frame after frame. */
export class FrameReader {
  #pending: Buffer = Buffer.alloc(0);
  #inFrames = false;

  /** What became complete with this chunk. */
  push(chunk: Buffer): WireFrame[] {
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const complete: WireFrame[] = [];
    for (;;) {
      const length = this.#inFrames ? frameLength(this.#pending) : headLength(this.#pending);
      if (length === null || this.#pending.length < length) return complete;
      const bytes = this.#pending.subarray(0, length);
      this.#pending = this.#pending.subarray(length);
      complete.push({ bytes, text: this.#inFrames ? textOf(bytes) : null });
      this.#inFrames = true;
    }
  }
}

function headLength(bytes: Buffer): number | null {
  const end = bytes.indexOf(HEAD_END);
  return end === -1 ? null : end + HEAD_END.length;
}

function frameLength(bytes: Buffer): number | null {
  const header = headerOf(bytes);
  return header === null ? null : header.start + header.length;
}

/** Where the payload starts, and how long it is; null while the header is not complete. */
function headerOf(bytes: Buffer): { start: number; length: number; masked: boolean } | null {
  const second = bytes[1];
  if (second === undefined) return null;
  const short = second & 0x7f;
  const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
  if (bytes.length < 2 + extended) return null;
  const length = extended === 8 ? Number(bytes.readBigUInt64BE(2)) : extended === 2 ? bytes.readUInt16BE(2) : short;
  const masked = (second & 0x80) !== 0;
  return { start: 2 + extended + (masked ? 4 : 0), length, masked };
}

function textOf(bytes: Buffer): string | null {
  const header = headerOf(bytes);
  const first = bytes[0] ?? 0;
  const whole = (first & 0x80) !== 0 && (first & 0x0f) === TEXT;
  if (header === null || !whole) return null;
  const payload = Buffer.from(bytes.subarray(header.start, header.start + header.length));
  if (header.masked) {
    const mask = bytes.subarray(header.start - 4, header.start);
    for (let index = 0; index < payload.length; index += 1) payload[index] = (payload[index] ?? 0) ^ (mask[index % 4] ?? 0);
  }
  return payload.toString('utf8');
}
