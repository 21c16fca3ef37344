/** TypeDoc's pages of exports, as an outline: no sections that fold, and headings whose levels follow each other. */

export function outline(html: string): string {
  const unfolded = html.replace(/<(\/?)details\b[^>]*>/g, '<$1section>').replace(/<\/?summary\b[^>]*>/g, '');
  const members = unfolded.search(/<h2\b/);
  const end = members === -1 ? unfolded.length : members;
  return raise(unfolded.slice(0, end)) + unfolded.slice(end);
}

/** Headings that describe the export itself follow right after the title: "Parameters", "Example". */
function raise(html: string): string {
  return html.replace(/<(\/?)h([45])\b/g, (_, slash: string, level: string) =>
    slash === '' ? `<h${Number(level) - 2} data-small` : `</h${Number(level) - 2}`,
  );
}
