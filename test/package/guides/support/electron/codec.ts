/**
 * Messages between the worlds and processes of an Electron application, as text: plain data and bytes as copies,
 * functions and promises as references, of errors the message only. A value that could not cross in Electron does not
 * cross here. The source of this module is put into pages, so it uses nothing from outside.
 */
export interface Ways {
  /** A reference to a function or a promise of this side. */
  readonly keep: (value: object) => number;
  /** Those of the other side. */
  readonly call: (id: number, parameters: unknown[]) => unknown;
  readonly settled: (id: number) => Promise<unknown>;
}

export interface Codec {
  encode(value: unknown): string;
  decode(text: string): unknown;
}

type Coded = readonly [kind: string, value?: unknown];

/** @param ways none: functions and promises do not cross, as between processes. */
export function codec(ways?: Ways): Codec {
  const refuse = (): never => {
    throw new TypeError('An object could not be cloned.');
  };
  const encode = (value: unknown): Coded => {
    if (value === undefined) return ['undefined'];
    if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return ['plain', value];
    if (typeof value === 'function') return ways ? ['function', ways.keep(value)] : refuse();
    if (value instanceof Promise) return ways ? ['promise', ways.keep(value)] : refuse();
    if (value instanceof Uint8Array) return ['bytes', String.fromCharCode(...value)];
    if (value instanceof Error) return ['error', value.message];
    if (Array.isArray(value)) return ['array', value.map(encode)];
    if (typeof value !== 'object') return refuse();
    return ['object', Object.entries(value).map(([name, member]) => [name, encode(member)])];
  };
  const decode = ([kind, value]: Coded): unknown => {
    switch (kind) {
      case 'plain':
        return value;
      case 'function':
        return (...parameters: unknown[]) => ways?.call(value as number, parameters);
      case 'promise':
        return ways?.settled(value as number);
      case 'bytes':
        return Uint8Array.from(value as string, (character) => character.charCodeAt(0));
      case 'error':
        return new Error(value as string);
      case 'array':
        return (value as Coded[]).map(decode);
      case 'object':
        return Object.fromEntries(
          (value as [string, Coded][]).map(([name, member]) => [name, decode(member)]),
        );
      default:
        return undefined;
    }
  };
  return {
    encode: (value) => JSON.stringify(encode(value)),
    decode: (text) => decode(JSON.parse(text) as Coded),
  };
}
