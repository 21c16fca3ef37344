import { lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { SecretService } from '../../support/servers/secret-service.ts';
import { lockFixture, storageFixture } from './support/keyring-fixture.ts';

let ring: SecretService;
beforeAll(async () => {
  ring = await SecretService.start();
});
afterAll(() => ring?.[Symbol.asyncDispose]());

describe.each(['keyring', 'file'] as const)(
  "with records: '%s' every law of a storage is kept",
  (records) => {
    register(
      test,
      storageConformance(() => storageFixture(ring, records), conformanceTimeout),
    );
  },
);

describe('its lock keeps every law of a lock', () => {
  register(
    test,
    lockConformance(() => lockFixture(ring), conformanceTimeout),
  );
});
