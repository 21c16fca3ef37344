/** Law one-login under every order of I/O. */
import { beforeEach, expect, test } from 'vitest';
import { withoutChance } from '../support/without-chance.ts';
import { all, check, sameUser, underOneLogin } from './support/two-users.ts';

beforeEach(withoutChance);

test('K1a: every call arrives with the token of the user who was signed in when it began', () =>
  check(all, underOneLogin));

test('K1b: an ordinary refresh never changes the user', () =>
  check(all, ({ wrongNews }) => expect(wrongNews).toEqual([])));

test('K1c: logins of the same user interrupt no call', () =>
  check(sameUser, ({ calls }) => {
    for (const { error } of calls) expect(error).toBeUndefined();
  }));
