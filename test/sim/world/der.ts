/** Just enough DER (X.690) to write certificates in a few microseconds and to read a request. */
export function tlv(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

export const sequence = (...parts: Uint8Array[]) => tlv(0x30, ...parts);
export const octetString = (...parts: Uint8Array[]) => tlv(0x04, ...parts);
export const bitString = (content: Uint8Array) => tlv(0x03, Buffer.from([0]), content);
export const boolean = (value: boolean) => tlv(0x01, Buffer.from([value ? 0xff : 0]));

/** @param bytes unsigned, big-endian. */
export function integer(bytes: Uint8Array): Buffer {
  return tlv(0x02, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** GeneralizedTime, RFC 5280 §4.1.2.5.2 (for every year, although that wants UTCTime before 2050). */
export function time(ms: number): Buffer {
  const text = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  return text.startsWith('20') && Number(text.slice(0, 4)) < 2050 ? tlv(0x17, Buffer.from(text.slice(2))) : tlv(0x18, Buffer.from(text));
}

export interface Element {
  tag: number;
  /** Header and content. */
  whole: Buffer;
  content: Buffer;
  next: number;
}

export function read(data: Buffer, at = 0): Element {
  const tag = data[at] ?? 0;
  const first = data[at + 1] ?? 0;
  const lengthBytes = first < 128 ? 0 : first & 0x7f;
  const length = first < 128 ? first : Number(`0x${data.subarray(at + 2, at + 2 + lengthBytes).toString('hex')}`);
  const start = at + 2 + lengthBytes;
  return { tag, whole: data.subarray(at, start + length), content: data.subarray(start, start + length), next: start + length };
}

/** SubjectPublicKeyInfo of a PKCS#10 request (RFC 2986 §4.1). */
export function requestedKey(request: Buffer): Buffer {
  const info = read(read(request).content).content;
  const version = read(info);
  const subject = read(info, version.next);
  return read(info, subject.next).whole;
}
