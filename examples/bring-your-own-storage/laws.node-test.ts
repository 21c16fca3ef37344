/** The proof, under node:test. */

import { describe, test } from 'node:test';
import { lockConformance, register, storageConformance } from 'tokenkeep/testing';
import { lockFixture, storageFixture } from './fixtures.ts';

describe('the storage', () => register(test, storageConformance(storageFixture, { watch: false })));
describe('its lock', () => register(test, lockConformance(lockFixture)));
