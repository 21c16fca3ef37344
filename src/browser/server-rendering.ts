/**
 * Servers that render pages.
 *
 * @module
 */

/** What to do there: the same words for everything that only a page can do. */
export const serverRenderingRemedy = 'On a server that renders pages, leave the session to the page.';
