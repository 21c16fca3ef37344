/** Where secrets may be sent: https, and http where it cannot leave this machine. */
import { expect, test, vi } from 'vitest';
import { isLoopback, requireEndpoint } from '../../../../src/core/http/endpoint.ts';

test.each(['localhost', 'LOCALHOST', 'localhost.', '127.0.0.1', '127.255.1.2', '[::1]'])(
  '%s is this machine everywhere',
  (host) => {
    expect(isLoopback(host)).toBe(true);
  },
);

test.each(['app.localhost', 'app.localhost.', 'a.b.localhost'])(
  '%s is this machine only where the platform says so: elsewhere a name server answers for it',
  (host) => {
    expect(isLoopback(host)).toBe(false);
    expect(() => requireEndpoint('tokenEndpoint', `http://${host}/token`)).toThrow('must be https');
    // Browsers with secure contexts never ask a name server for it.
    for (const isSecureContext of [true, false]) {
      vi.stubGlobal('isSecureContext', isSecureContext);
      expect(isLoopback(host)).toBe(true);
    }
  },
);

test.each(['notlocalhost', 'localhost.example', 'localhost..', '127.0.0.1.example', '0.0.0.0', '[::]', ''])(
  '%j is not this machine, also in a browser',
  (host) => {
    vi.stubGlobal('isSecureContext', true);
    expect(isLoopback(host)).toBe(false);
  },
);
