/** The proof, under vitest. */
import { lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { describe, test } from 'vitest';
import { lockFixture, storageFixture } from './fixtures.ts';

describe('the storage', () => register(test, storageConformance(storageFixture, { watch: false })));
describe('its lock', () => register(test, lockConformance(lockFixture)));
