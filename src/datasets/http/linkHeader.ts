/**
 * The target of the first link to what comes next, as a Link header (RFC 8288) has it; it may be relative. Links of
 * another context, with `anchor`, are left out. Undefined where there is none.
 */
export function nextOfLinkHeader(header: string | undefined): string | undefined {
  return linksOf(header ?? '').find(({ rel, anchor }) => anchor === undefined && isNext(rel))?.target;
}

interface Link {
  target: string;
  rel: string | undefined;
  anchor: string | undefined;
}

/** Ends at what is no link. Each step is a pattern that can't be read in two ways, so that no header takes long. */
function linksOf(header: string): Link[] {
  const links: Link[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(header) ?? undefined;
    at += found?.[0].length ?? 0;
    return found;
  };
  for (;;) {
    const target = take(/[\s,]*<([^>]*)>/y)?.[1];
    if (target === undefined) return links;
    const parameters = new Map<string, string>();
    while (take(/\s*;\s*/y) !== undefined) {
      const name = take(/[^\s=;,"]+/y)?.[0].toLowerCase();
      if (take(/\s*=\s*/y) === undefined) continue;
      const quoted = take(/"((?:[^"\\]|\\.)*)"/y)?.[1];
      const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? take(/[^\s;,"]*/y)?.[0] ?? '';
      // Of several the first counts.
      if (name !== undefined && !parameters.has(name)) parameters.set(name, value);
    }
    links.push({ target, rel: parameters.get('rel'), anchor: parameters.get('anchor') });
  }
}

/** `rel` may name several relations. */
function isNext(rel: string | undefined): boolean {
  return (rel ?? '').toLowerCase().split(/\s+/).includes('next');
}
