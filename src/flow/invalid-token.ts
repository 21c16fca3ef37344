/**
 * Asking the application whether a response means that its access token is not valid.
 *
 * @module
 */
import { discardBody } from './outgoing.ts';

/** The caller's own way to tell that a response means "this access token is not valid". */
export type InvalidTokenPredicate = (response: Response) => boolean | Promise<boolean>;

/** Asks the caller's predicate about a copy, so that the response arrives unread. */
export async function asks(isInvalidToken: InvalidTokenPredicate, response: Response): Promise<boolean> {
  const copy = response.clone();
  try {
    return await isInvalidToken(copy);
  } catch (error) {
    discardBody(response);
    throw error;
  } finally {
    discardBody(copy);
  }
}
