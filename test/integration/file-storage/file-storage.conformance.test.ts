import { describe, test } from 'vitest';
import { lockConformance, register, storageConformance } from '../../../src/testing/index.ts';
import { patience } from '../../support/patience.ts';
import { fileLockFixture, fileStorageFixture } from '../../support/processes/file-fixture.ts';

describe('fileStorage keeps every law of a storage', () => {
  register(test, storageConformance(fileStorageFixture, patience));
});

describe('its lock keeps every law of a lock', () => {
  register(test, lockConformance(fileLockFixture, patience));
});
