import { describe, test } from 'vitest';
import { lockConformance, register, storageConformance } from '../../../src/testing/index.ts';
import { conformanceTimeout } from '../../support/conformance-timeout.ts';
import { fileLockFixture, fileStorageFixture } from '../../support/processes/file-fixture.ts';

describe('fileStorage keeps every law of a storage', () => {
  register(test, storageConformance(fileStorageFixture, conformanceTimeout));
});

describe('its lock keeps every law of a lock', () => {
  register(test, lockConformance(fileLockFixture, conformanceTimeout));
});
