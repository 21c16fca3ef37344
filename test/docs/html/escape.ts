const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (one) => entities[one] ?? one);
}

/** Returns the text of HTML that TypeDoc has rendered, without tags. */
export function textOf(html: string): string {
  return html
    .replace(/<button\b.*?<\/button>|<a class="anchor".*?<\/a>/gs, ' ')
    .replace(/<br\/?>|<\/(?:p|li|td|th|h\d|div|pre)>/g, ' ')
    .replace(/<[^>]*>/g, '')
    .replace(/&(?:lt|gt|amp|quot|#39);/g, (entity) => characters[entity] ?? entity)
    .replace(/\s+/g, ' ')
    .trim();
}

const characters: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&amp;': '&',
  '&quot;': '"',
  '&#39;': "'",
};

/** Returns a link from one page of the site to another. */
export function relativeUrl(from: string, to: string): string {
  const depth = from.split('/').length - 1;
  return '../'.repeat(depth) + to;
}

/** Renders the little Markdown of a summary: code and links, whose text is kept. */
export function inline(markdown: string): string {
  return escapeHtml(markdown.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')).replace(
    /`([^`]*)`/g,
    '<code>$1</code>',
  );
}
