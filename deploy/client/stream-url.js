// What `?url=` means.

const HAS_SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/**
 * The address that a viewer means: `https://host/path`, `host:port/path` (taken with the page's scheme), or a path on the
 * page's own host that starts with a slash or a dot. Throws an Error whose message is for the viewer.
 */
export function streamUrl(given, page) {
  const text = given.trim();
  const url = parse(text, page);
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new Error(`“${text}” is not an address that this page can play: give host/path, or http:// or https:// and so on.`);
  }
  return url;
}

function parse(text, page) {
  const scheme = new URL(page).protocol === 'https:' ? 'https:' : 'http:';
  const isComplete = HAS_SCHEME.test(text) || /^[/.]/.test(text);
  const address = isComplete ? text : `${scheme}//${text}`;
  return URL.canParse(address, page) ? new URL(address, page) : null;
}
