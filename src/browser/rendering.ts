/**
 * Servers that render pages.
 *
 * @module
 */

/** What to do there: the same words for everything that only a page can do. */
export const leaveToPage = 'On a server that renders pages leave the session to the page.';
