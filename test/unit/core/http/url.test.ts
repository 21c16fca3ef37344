import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseUrl } from '../../../../src/core/http/url.ts';
import { TokenManager } from '../../../../src/index.ts';

afterEach(() => vi.unstubAllGlobals());

/** React Native's own class: it joins strings, and neither parses nor rejects anything. */
class TextUrl {
  readonly href: string;
  constructor(text: string) {
    this.href = text.endsWith('/') ? text : `${text}/`;
  }
}

describe('parsing a URL', () => {
  test('reads absolute URLs, relative ones and URL objects', () => {
    expect(parseUrl('https://API.example.com/a/../b')?.href).toBe('https://api.example.com/b');
    expect(parseUrl('../b', 'https://api.example.com/a/c')?.href).toBe('https://api.example.com/b');
    expect(parseUrl(new URL('https://api.example.com/'))?.href).toBe('https://api.example.com/');
  });

  test.each(['', '/orders', 'https://', 'http://a b', 'https://api.example.com:99999'])(
    'returns null for %j',
    (text) => {
      expect(parseUrl(text)).toBeNull();
    },
  );

  test('needs neither URL.parse nor URL.canParse', () => {
    class OldUrl extends URL {
      static override parse = undefined as never;
      static override canParse = undefined as never;
    }
    vi.stubGlobal('URL', OldUrl);
    expect(parseUrl('https://api.example.com')).toBeInstanceOf(OldUrl);
  });

  test('refuses a URL class that accepts everything, and names the polyfill', () => {
    expect(parseUrl('https://api.example.com')).not.toBeNull();
    vi.stubGlobal('URL', TextUrl);
    const refusal = expect.objectContaining({
      code: 'ERR_CONFIGURATION',
      message: expect.stringContaining('react-native-url-polyfill/auto'),
    });
    expect(() => parseUrl('https://api.example.com')).toThrow(refusal);
    expect(
      () =>
        new TokenManager({
          clientId: 'app',
          authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
          protectedResources: ['https://api.example.com/'],
        }),
    ).toThrow(refusal);
  });

  test('a polyfill that is loaded later is used', () => {
    const standard = URL;
    vi.stubGlobal('URL', TextUrl);
    expect(() => parseUrl('https://api.example.com')).toThrow();
    vi.stubGlobal('URL', standard);
    expect(parseUrl('https://api.example.com')).not.toBeNull();
  });
});
